/**
 * `control start`: the control plane behind Node's HTTP server, until it is told to stop. Slow or silent
 * clients are bounded here: time for a head, time for a whole request, connections.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { type Say, stackOf } from '#wire/log-line.ts'
import type { Gauges, Metrics } from '../api/metrics.ts'
import type { RateLimits } from '../api/rates.ts'
import { createCompile } from '../compile.ts'
import { type Control, createControl } from '../control.ts'
import { crashingCursors, crashingLog, crashingTransport, type Step } from '../crash-points.ts'
import { createHttpTransport } from '../delivery/http.ts'
import { leavesOf, natsCredentials } from '../delivery/nats-credentials.ts'
import { createExplain } from '../explaining.ts'
import { rememberFleetEpoch } from '../fleet-epoch.ts'
import { createMetrics } from '../metrics.ts'
import { openKeyRing } from '../trust/key-ring.ts'
import { openCursors } from '../webhooks/cursors.ts'
import type { WebhookTiming } from '../webhooks/deliveries.ts'
import { createWebhookSecrets } from '../webhooks/secrets.ts'
import { cursorFile } from './cursor-file.ts'
import { type StateFolder, stateFiles } from './folder.ts'
import { openHistory } from './open-history.ts'
import { openSqliteLog } from './sqlite-log.ts'

export interface ServeOptions {
  readonly folder: StateFolder
  readonly listen: { readonly host: string; readonly port: number }
  /** Further names that the API answers to. */
  readonly hosts: readonly string[]
  readonly nats: { readonly servers: string; readonly credentialsFile: string } | null
  readonly rates?: RateLimits | undefined
  readonly step: Step
  readonly say: Say
  readonly onFatal: (error: unknown) => void
  readonly webhookTiming?: WebhookTiming
}

export interface Served {
  readonly url: string
  readonly control: Control
  /** Ends the turn under way, closes streams and connections. */
  stop(): Promise<void>
}

const wasmFile = new URL('../../router-wasm/build/router.wasm', import.meta.url)
const headersTimeoutMs = 10_000
/** For a whole request: a body of the limit at 35 kB/s. */
const requestTimeoutMs = 30_000
const connectionsMax = 4_096
/** When stopping, for answers that are on their way. */
const lastAnswersMs = 500

export async function serve(options: ServeOptions): Promise<Served> {
  const { folder, say, step } = options
  const stored = folder.readKeys()
  if (!stored) throw new Error(`${folder.path} has no keys; run \`control init\` first`)
  const sayLost = (error: unknown) =>
    say('webhook-cursors-lost', `messages may be repeated: ${stackOf(error)}`)
  const http = createHttpTransport()
  const nats = options.nats && (await openNats(options.nats))
  const transport = crashingTransport(nats?.transport ?? http, step)
  const log = crashingLog(openSqliteLog(folder.file(stateFiles.log)), step)
  const control = await createControl({
    log,
    history: openHistory(folder, log, say),
    keys: await openKeyRing(folder, stored),
    transport,
    http,
    nats,
    compile: createCompile(),
    explain: createExplain(() => readFileSync(wasmFile)),
    hosts: answeredHosts(options),
    rates: options.rates,
    now: Date.now,
    monotonicMs: () => performance.now(),
    metrics: withProcessMetrics,
    newLinkId: () => randomBytes(8).toString('hex'),
    onFatal: options.onFatal,
    onFleetAhead(found) {
      const { cluster, epoch, revision } = found
      say(
        'fleet-ahead',
        'the fleet is ahead of this log: publishing nothing; see `control recover --help`',
        { cluster, epoch: epoch.number, revision },
      )
      rememberFleetEpoch(folder, found.epoch.number)
    },
    say,
    webhooks: {
      secrets: createWebhookSecrets(folder),
      cursors: crashingCursors(openCursors(cursorFile(folder), sayLost), step),
      ...(options.webhookTiming && { timing: options.webhookTiming }),
    },
  })
  let server: Server | undefined
  try {
    // First, so that a start that reads a long log can be asked how far it is.
    server = await listening(control, options.listen)
    await control.start()
    if (control.turns.state().epoch === null) {
      throw new Error(`${folder.path} was never initialised; run \`control init\` first`)
    }
  } catch (error) {
    server?.close()
    server?.closeAllConnections()
    await control.stop()
    throw error
  }
  const { port } = server.address() as AddressInfo
  const { host } = options.listen
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  return {
    url,
    control,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve))
      await control.stop()
      server.closeIdleConnections()
      const late = setTimeout(() => server.closeAllConnections(), lastAnswersMs)
      await closed
      clearTimeout(late)
    },
  }
}

function withProcessMetrics(read: () => Gauges): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return createMetrics(read, registry)
}

async function openNats({
  servers,
  credentialsFile,
}: {
  servers: string
  credentialsFile: string
}) {
  const credentials = natsCredentials.parse(JSON.parse(readFileSync(credentialsFile, 'utf8')))
  // Loaded only when it is used: 20 ms of each start.
  const { createNatsTransport } = await import('../delivery/nats.ts')
  const leaves = leavesOf(credentials)
  const transport = createNatsTransport({ servers, ...credentials.control, leaves })
  return { transport, servers: servers.split(','), credentials }
}

/** On a loopback address only its own names, so that no page on the web can call it by another. */
function answeredHosts({ listen, hosts }: ServeOptions): readonly string[] | null {
  const loopback = ['127.0.0.1', '::1', 'localhost']
  if (loopback.includes(listen.host)) return ['localhost', '127.0.0.1', '[::1]', ...hosts]
  return hosts.length > 0 ? hosts : null
}

async function listening(control: Control, listen: ServeOptions['listen']): Promise<Server> {
  const server = createAdaptorServer({
    fetch: (request, { incoming }) => control.fetch(request, incoming.socket.remoteAddress ?? null),
    serverOptions: {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: 1_000,
    },
  }) as Server
  server.maxConnections = connectionsMax
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(listen.port, listen.host, resolve)
  })
  return server
}

/**
 * A cluster on one machine: a process that runs copies of applications as children, probes them, and
 * serves their ready endpoints. To its agents it is what the API server is in Kubernetes; copies outlive
 * any agent, and none outlives this process.
 *
 *   GET  /endpoints    server-sent events: all ready endpoints, replacements, troubles, then each change
 *   GET  /workloads    what shall run, its version, what runs, replacements, troubles, who holds the lease
 *   PUT  /workloads    by the lease's holder, with the version it has read
 *   POST /lease        take or renew
 */
import { mkdirSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { isIPv6 } from 'node:net'
import { join, resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { z } from 'zod'
import { limits } from '#wire/limits.ts'
import type { LogFormat, Say } from '#wire/log-line.ts'
import { routeName } from '#wire/names.ts'
import type { TroubleReport } from '#wire/report.ts'
import type { Address } from '../../config.ts'
import { addressFlag, clusterFlag } from '../../flags.ts'
import { createLog } from '../../log.ts'
import { logFormatFlag } from '../../log-format.ts'
import { stopWhenTold } from '../../stopping.ts'
import { type Copies, createCopies } from './copies.ts'
import type { CopyTiming } from './copy.ts'
import { openDesired } from './desired.ts'
import { createEndpointStream } from './endpoint-stream.ts'
import { createLease } from './lease.ts'
import { createOrphans } from './orphans.ts'
import {
  bodyBytesMax,
  copiesMax,
  leaseMs,
  leaseRequest,
  orphanMs,
  paths,
  readsHeader,
  type WorkloadsPut,
  workloadsPut,
} from './protocol.ts'

export interface LocalClusterSettings {
  readonly cluster: string
  readonly listen: Address
  readonly stateFolder: string
  readonly programs: Readonly<Record<string, string>>
  readonly timing?: CopyTiming
  readonly leaseMs?: number
  readonly orphanMs?: number
  readonly log: Say
}

export interface LocalCluster {
  readonly url: string
  /** Ends every copy; resolves when no process is left. */
  stop(): Promise<void>
}

const statusOf = {
  'not-holder': 409,
  'version-changed': 412,
  older: 409,
  'too-many-copies': 422,
} as const

export async function startLocalCluster(settings: LocalClusterSettings): Promise<LocalCluster> {
  const { cluster, listen, stateFolder, programs, timing, log } = settings
  mkdirSync(stateFolder, { recursive: true, mode: 0o700 })
  const desired = openDesired(join(stateFolder, 'workloads.json'), log)
  const lease = createLease(settings.leaseMs ?? leaseMs, () => performance.now())
  const stream = createEndpointStream()

  const server = createServer((request, response) => {
    route(request, response).catch((error) => {
      log('platform-call-failed', `${request.method} ${request.url}: ${error}`)
      response.destroy()
    })
  })
  await new Promise<void>((done, reject) => {
    server.once('error', reject)
    server.listen(listen.port, listen.host, done)
  })
  // Only after the address is ours: another cluster on this folder would lose its copies to us.
  let copies: Copies | null = null
  /** Of the newest workloads, when they were refused. */
  let tooMuch: readonly TroubleReport[] = []
  const running = await createCopies({
    cluster,
    host: listen.host,
    stateFolder,
    programs,
    ...(timing ? { timing } : {}),
    onChange: tell,
    log,
  }).catch((error) => {
    server.close()
    throw error
  })
  copies = running
  function tell(): void {
    if (!copies) return
    stream.publish(copies.endpoints())
    stream.publishReplacements(copies.replacements())
    stream.publishTroubles(troubles())
  }
  const troubles = () => [...tooMuch, ...running.troubles()].slice(0, limits.troublesPerReport)
  copies.want(desired.state().workloads)
  const orphans = createOrphans(settings.orphanMs ?? orphanMs, () =>
    copies?.want(desired.state().workloads),
  )

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!isForUs(request)) return send(response, 403, { code: 'foreign-origin' })
    if (!copies) return send(response, 503, { code: 'not-running' })
    const call = `${request.method} ${request.url}`
    if (call === `GET ${paths.endpoints}`) {
      const readsTroubles = request.headers[readsHeader.name] === readsHeader.value
      if (!stream.add(response, readsTroubles)) send(response, 503, { code: 'overloaded' })
    } else if (call === `GET ${paths.workloads}`) {
      const state = desired.state()
      send(response, 200, {
        ...state,
        holder: lease.holder(),
        copies: copies.list(),
        replacements: copies.replacements(),
        troubles: troubles(),
      })
    } else if (call === `PUT ${paths.workloads}`) {
      const put = await body(request, response, workloadsPut)
      if (!put) return
      const before = desired.state()
      const outcome = desired.put(put, lease.holder())
      if (outcome.ok || outcome.code === 'too-many-copies') {
        tooMuch = outcome.ok ? [] : tooManyCopies(put.workloads, before.workloads)
        tell()
      }
      if (outcome.ok) copies.want(orphans.runWith(before, desired.state()))
      send(response, outcome.ok ? 200 : statusOf[outcome.code], outcome)
    } else if (call === `POST ${paths.lease}`) {
      const taken = await body(request, response, leaseRequest)
      if (taken) send(response, 200, lease.acquire(taken.holder))
    } else {
      send(response, 404, { code: 'not-found' })
    }
  }

  const { port } = server.address() as { port: number }
  return {
    url: `http://${isIPv6(listen.host) ? `[${listen.host}]` : listen.host}:${port}`,
    async stop() {
      copies = null
      orphans.stop()
      const closed = new Promise<void>((done) => server.close(() => done()))
      stream.close()
      await running.stop()
      server.closeAllConnections()
      await closed
    },
  }
}

/** Told of those that are new, or have more copies than before. */
function tooManyCopies(asked: WorkloadsPut['workloads'], running: WorkloadsPut['workloads']) {
  const sum = asked.reduce((sum, { copies }) => sum + copies, 0)
  const message = `the platform runs at most ${copiesMax} copies, and all releases together ask for ${sum}: ask for fewer copies, or decommission a release`
  const before = new Map(running.map(({ release, copies }) => [release, copies]))
  return asked.flatMap(({ release, copies }) =>
    copies > (before.get(release) ?? 0) ? [{ release, message }] : [],
  )
}

/** No page in somebody's browser may speak to it, not even under a name that leads here. */
const isForUs = ({ headers, socket }: IncomingMessage) =>
  headers.origin === undefined &&
  [socket.localAddress, 'localhost'].some(
    (name) => headers.host?.replace(/^\[(.*)\]/, '$1') === `${name}:${socket.localPort}`,
  )

function send(response: ServerResponse, status: number, answer: unknown): void {
  const text = JSON.stringify(answer)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}

/** The parsed body, or null after it has been refused. */
async function body<T>(
  request: IncomingMessage,
  response: ServerResponse,
  schema: z.ZodType<T>,
): Promise<T | null> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > bodyBytesMax) {
      send(response.setHeader('connection', 'close'), 413, { code: 'body-too-large' })
      return null
    }
    parts.push(part)
  }
  try {
    return schema.parse(JSON.parse(Buffer.concat(parts).toString()))
  } catch (error) {
    send(response, 400, { code: 'invalid-request', detail: String(error) })
    return null
  }
}

interface Flags {
  readonly cluster: string
  readonly listen: Address
  readonly state: string
  readonly program: Readonly<Record<string, string>>
  readonly logFormat: LogFormat
}

export function localClusterCommand(run: (flags: Flags) => Promise<void>): Command {
  return new Command('local-cluster')
    .description('Runs copies of applications as child processes and serves their endpoints.')
    .addOption(
      new Option('--cluster <name>', 'its name').makeOptionMandatory().argParser(clusterFlag),
    )
    .addOption(
      new Option('--listen <host:port>', 'where its agents find it, and the address of its copies')
        .default(addressFlag('127.0.0.1:7801'), '127.0.0.1:7801')
        .argParser(addressFlag),
    )
    .requiredOption('--state <folder>', 'its state folder')
    .addOption(
      new Option('--program <name=file>', 'a program that apps may name; once for each')
        .default({}, 'none')
        .argParser(programFlag),
    )
    .addOption(logFormatFlag())
    .addHelpText(
      'after',
      '\nExample:\n  npx node agent/platform/local/cluster.ts --cluster eu-1 --state .switchyard/eu-1 \\\n' +
        '    --program shop=deploy/local/shop.ts\n',
    )
    .showHelpAfterError('(--help shows every flag and an example)')
    .action(run)
}

function programFlag(
  text: string,
  former: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const at = text.indexOf('=')
  const name = routeName.safeParse(text.slice(0, at))
  if (at < 1 || at === text.length - 1 || !name.success) {
    throw new InvalidArgumentError('write name=file: shop=deploy/local/shop.ts')
  }
  return { ...former, [name.data]: resolve(text.slice(at + 1)) }
}

if (import.meta.main) {
  const run = async ({ cluster, listen, state, program, logFormat }: Flags) => {
    const log = createLog(logFormat, { program: 'local-cluster', cluster })
    const running = await startLocalCluster({
      cluster,
      listen,
      stateFolder: resolve(state),
      programs: program,
      log,
    })
    log('platform-started', `listens on ${running.url}`, { url: running.url })
    stopWhenTold(() => running.stop())
  }
  try {
    await localClusterCommand(run).parseAsync()
  } catch (error) {
    console.error(`local-cluster: ${error instanceof Error ? error.message : error}`)
    process.exit(1)
  }
}

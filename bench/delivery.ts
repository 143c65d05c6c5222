/**
 * From `publish` to the reader that holds the proven snapshot, for both transports on one machine: the
 * real publisher, real sockets, the pilot's own admission. One object changes at a time; the last of the
 * readers counts. Prints a line per transport and, last, one JSON object.
 *
 *   node bench/delivery.ts [--changes 1000] [--agents 4] [--objects 10000]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { serve } from '@hono/node-server'
import { type Epoch, supportedFormats } from '#wire/header.ts'
import type { SnapshotObject } from '#wire/object.ts'
import { generateKey, pinKeys, type SigningKey } from '#wire/signature.ts'
import { emptyTree, type Tree, update } from '#wire/tree.ts'
import { freePort } from '../agent/free-port.ts'
import { createRefusals } from '../agent/pilot/refusals.ts'
import { createHttpSession } from '../agent/pilot/session/http.ts'
import { createNatsSession } from '../agent/pilot/session/nats.ts'
import type { Session } from '../agent/pilot/session/session.ts'
import { follow } from '../agent/pilot/snapshots/follow.ts'
import { createSnapshots } from '../agent/pilot/snapshots/snapshots.ts'
import { createHttpTransport } from '../control/delivery/http.ts'
import { createNatsTransport } from '../control/delivery/nats.ts'
import { natsCredentials } from '../control/delivery/nats-credentials.ts'
import { createPublisher } from '../control/delivery/publisher.ts'
import type { Transport } from '../control/delivery/transport.ts'

const cluster = 'eu-1'
const epoch: Epoch = { number: 1, id: '00000000000000aa' }
const warmUpChanges = 50

interface Place {
  readonly transport: Transport
  session(agent: string): Session
  close(): Promise<void>
}

interface Plan {
  readonly changes: number
  readonly agents: number
  readonly objects: number
}

const object = (n: number, value: number): SnapshotObject => ({
  kind: 'backend',
  key: `backend/app-${n}-r1`,
  app: `app-${n}`,
  release: `app-${n}-r1`,
  version: `0.0.${value}`,
  platform: 'static',
})

async function measure(place: Place, key: SigningKey, plan: Plan) {
  let tree: Tree = update(emptyTree, {
    put: Array.from({ length: plan.objects }, (_, n) => object(n, 0)),
    remove: [],
  })
  let revision = 1
  const failures: unknown[] = []
  const publisher = createPublisher({
    transport: place.transport,
    key: () => key,
    publicKeys: () => [key.publicKey],
    enrolled: () => [],
    onReport() {},
    onFleetAhead() {},
    onStale() {},
    now: Date.now,
    metrics: {
      published() {},
      failed: (_, error) => failures.push(error),
      reportTaken() {},
      reportRefused() {},
    },
  })
  await publisher.start(new Map([[cluster, { epoch, revision, format: 1, tree }]]))
  let holds: (digest: string) => void = () => {}
  const readers = await Promise.all(
    Array.from({ length: plan.agents }, (_, n) =>
      openReader(place.session(`eu-1-${n}`), key, (digest) => holds(digest)),
    ),
  )
  while (!readers.every((reader) => reader.digest() === tree.root)) await delay(10)

  const seenMs: number[] = []
  const handedMs: number[] = []
  for (let n = 0; n < warmUpChanges + plan.changes; n++) {
    tree = update(tree, { put: [object(n % plan.objects, n + 1)], remove: [] })
    let left = readers.length
    const all = new Promise<void>((resolve) => {
      holds = (digest) => {
        if (digest === tree.root && --left === 0) resolve()
      }
    })
    const startedMs = performance.now()
    await publisher.publish(cluster, { epoch, revision: ++revision, format: 1, tree })
    const handed = performance.now() - startedMs
    await all
    if (n < warmUpChanges) continue
    handedMs.push(handed)
    seenMs.push(performance.now() - startedMs)
  }
  for (const reader of readers) await reader.stop()
  await publisher.stop()
  await place.close()
  return { handedMs: quantiles(handedMs), seenMs: quantiles(seenMs), failures: failures.length }
}

async function openReader(session: Session, key: SigningKey, onDigest: (digest: string) => void) {
  const pinned = await pinKeys([key.publicKey])
  const snapshots = createSnapshots({
    session,
    trust: { cluster, keys: () => pinned, formats: supportedFormats },
    refusals: createRefusals(() => {}),
    held: null,
    floor: null,
    onHeld: ({ header }) => onDigest(header.digest),
    log: () => {},
  })
  const following = follow(session, snapshots, () => {})
  return {
    digest: () => snapshots.held()?.header.digest ?? null,
    async stop() {
      await following.stop()
      await snapshots.stop()
      await session.close()
    },
  }
}

async function openHttp(): Promise<Place> {
  const transport = createHttpTransport()
  const port = await freePort()
  const fetch = (request: Request) => transport.respond(cluster, request)
  const server = serve({ fetch, port, hostname: '127.0.0.1' })
  const url = `http://127.0.0.1:${port}`
  return {
    transport,
    session: (agent) => createHttpSession({ url, cluster, agent, token: 'bench' }),
    async close() {
      await transport.close()
      server.close()
    },
  }
}

/** The server is a process of its own, started as an operator would. */
async function openNats(): Promise<Place> {
  const state = await mkdtemp(join(tmpdir(), 'swy-bench-'))
  const port = await freePort()
  const script = resolve(import.meta.dirname, '../deploy/local/nats.ts')
  const args = [script, '--state', state, '--port', String(port), '--cluster', cluster]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await said(child, 'NATS listens')
  const credentials = natsCredentials.parse(
    JSON.parse(await readFile(join(state, 'nats-users.json'), 'utf8')),
  )
  const servers = `nats://127.0.0.1:${port}`
  const transport = createNatsTransport({ servers, ...credentials.control })
  return {
    transport,
    session: (agent) =>
      createNatsSession({ servers: [servers], ...credentials.clusters[cluster]!, cluster, agent }),
    async close() {
      await transport.close()
      child.kill('SIGTERM')
      await new Promise((resolve) => child.once('exit', resolve))
      await rm(state, { recursive: true, force: true })
    },
  }
}

function said(child: ChildProcess, words: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`NATS ended with ${code}`)))
    child.stdout!.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes(words)) resolve()
    })
  })
}

function quantiles(values: readonly number[]) {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) =>
    Number(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(2))
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      changes: { type: 'string', default: '1000' },
      agents: { type: 'string', default: '4' },
      objects: { type: 'string', default: '10000' },
    },
  })
  const plan: Plan = {
    changes: Number(values.changes),
    agents: Number(values.agents),
    objects: Number(values.objects),
  }
  const { key } = await generateKey()
  const results: Record<string, unknown> = {}
  for (const [name, open] of Object.entries({ http: openHttp, nats: openNats })) {
    const result = await measure(await open(), key, plan)
    const { seenMs, handedMs } = result
    console.log(
      `${name}: published to held by ${plan.agents} agents, of ${plan.objects} objects: ` +
        `p50 ${seenMs.p50} ms, p99 ${seenMs.p99} ms, most ${seenMs.max} ms; ` +
        `handed over p50 ${handedMs.p50} ms, p99 ${handedMs.p99} ms`,
    )
    results[name] = result
  }
  console.log(JSON.stringify({ bench: 'delivery', ...plan, ...results }))
  process.exit(0)
}

if (import.meta.main) await main()

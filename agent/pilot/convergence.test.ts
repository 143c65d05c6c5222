import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PositionObject, SnapshotObject } from '#wire/object.ts'
import { objectsOf, type Tree, treeOf } from '#wire/tree.ts'
import type { AppliedPosition, Endpoints, PilotMessage } from '../link.ts'
import { type Convergence, createConvergence, type Progress } from './convergence.ts'
import { loadLastKnownGood, writeTable } from './disk/last-known-good.ts'
import {
  announce,
  backend,
  createSigner,
  headerOf,
  position,
  route,
  type Signer,
  shop,
  until,
} from './fleet.fixture.ts'
import { createRefusals, type Refusals } from './refusals.ts'
import type { CompileOutcome } from './tables/compiler.ts'
import { createTables, type Tables } from './tables/tables.ts'
import { dialPilot, type FakeWorker, type WorkerState } from './workers/worker.fixture.ts'
import { createWorkers, type Workers } from './workers/workers.ts'

const address = { address: '127.0.0.1', port: 9001 }
const bothReady: Endpoints = { 'shop-r1': [address], 'shop-r2': [{ ...address, port: 9002 }] }
const proposal: PositionObject['next'] = {
  generation: 2,
  weights: [{ release: 'shop-r2', weight: 1 }],
  minReady: 1,
}

let folder: string
let path: string
let control: Signer
let agent: Agent
let dialled: FakeWorker[]

interface Agent {
  readonly convergence: Convergence
  readonly workers: Workers
  readonly refusals: Refusals
  readonly compiled: Tree[]
  /** What the compiler answers instead of a table. */
  refuseBecause: string | null
  ready: boolean
  urgent: Progress[]
  hold(tree: Tree, revision: number, receivedMs?: number | null): Promise<void>
  stop(): Promise<void>
}

/** The pilot's middle: real disk and sockets; the compiler makes a table of the names it was given. */
async function start(workerCount = 1): Promise<Agent> {
  const stored = loadLastKnownGood(folder)
  const refusals = createRefusals(() => {})
  const compiled: Tree[] = []
  const one = { refuseBecause: null as string | null, ready: true, urgent: [] as Progress[] }
  const workers = createWorkers({
    path,
    onChange: () => convergence.settle(),
    onUsage: () => {},
    onRefused(digest, reason) {
      tables.refused(digest, reason)
      convergence.settle()
    },
    log: () => {},
    timing: { driftMs: 60, askEveryMs: 10_000 },
  })
  const tables: Tables = createTables({
    folder,
    table: stored.table,
    refusals,
    compiler: {
      keep: () => {},
      compile(tree) {
        compiled.push(tree)
        setImmediate(() => {
          tables.outcome(
            one.refuseBecause ? refusedBecause(tree, one.refuseBecause) : tableOf(tree),
          )
          convergence.settle()
        })
      },
    },
  })
  const convergence = createConvergence({
    folder,
    stored,
    tables,
    workers,
    workerCount,
    mayBeReady: ({ equal }) => one.ready && equal,
    onContent: () => {},
    onProgress: (progress, urgent) => urgent && one.urgent.push(progress),
    log: () => {},
    nowMs: () => performance.now(),
  })
  await workers.listen()
  convergence.settle()
  return Object.assign(one, {
    convergence,
    workers,
    refusals,
    compiled,
    async hold(tree: Tree, revision: number, receivedMs: number | null = performance.now()) {
      const header = headerOf(tree, { revision })
      const { header: sealed } = await announce(control, header)
      convergence.hold({ header, sealed, tree, receivedMs })
    },
    async stop() {
      await convergence.stop()
      await workers.close()
    },
  })
}

const refusedBecause = (tree: Tree, refused: string): CompileOutcome => ({
  tree,
  result: { refused },
})
function tableOf(tree: Tree): CompileOutcome {
  const content = [...objectsOf(tree)].filter(({ kind }) => kind !== 'position')
  const releases = content.flatMap((object) => (object.kind === 'backend' ? [object.release] : []))
  const table = writeTable(folder, Buffer.from(JSON.stringify(content)), {
    releases,
    apps: ['shop'],
  })
  return { tree, result: { table, ms: 1 } }
}

async function dial(changes: Partial<WorkerState> = {}): Promise<FakeWorker> {
  const worker = await dialPilot(path, changes)
  dialled.push(worker)
  return worker
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'swy-pilot-'))
  path = join(folder, 'pilot.sock')
  control = await createSigner()
  dialled = []
  agent = await start()
})
afterEach(async () => {
  for (const { socket } of dialled) socket.destroy()
  await agent.stop()
  rmSync(folder, { recursive: true })
})

const shopStanding = () => agent.convergence.progress().standings.get('shop')
const equal = () => until('equality', () => agent.convergence.progress().equal)
const active = (generation: number) =>
  until(`generation ${generation}`, () => shopStanding()?.active === generation)
const onDisk = (): AppliedPosition[] =>
  JSON.parse(readFileSync(join(folder, 'positions.json'), 'utf8')).positions

describe('a switch', () => {
  it('is prepared, committed and active: on disk and in every worker, measured from the header', async () => {
    await dial()
    agent.convergence.setEndpoints(bothReady)
    await agent.hold(shop(1, 'shop-r1'), 1)
    await active(1)
    await agent.hold(shop(1, 'shop-r1', proposal), 2)
    await until('prepared', () => shopStanding()?.prepared === 2)
    expect(shopStanding()?.active).toBe(1)

    await agent.hold(shop(2, 'shop-r2'), 3)
    await active(2)
    expect(onDisk()).toMatchObject([{ generation: 2, weights: [{ release: 'shop-r2' }] }])
    expect(shopStanding()?.proof?.appliedMs).toBeLessThan(1_000)
    expect(agent.compiled).toHaveLength(1)
    expect(agent.urgent.at(-1)?.standings.get('shop')?.active).toBe(2)
  })

  it('is not active while one worker has not swapped', async () => {
    await dial()
    const slow = await dial({ pid: process.ppid })
    agent.convergence.setEndpoints(bothReady)
    await agent.hold(shop(1, 'shop-r1'), 1)
    await active(1)
    slow.state.deaf = true
    await agent.hold(shop(2, 'shop-r2'), 2)
    await until('the other worker', () => dialled[0]!.state.positions.shop === 2)
    expect(shopStanding()?.active).toBe(1)
    slow.state.deaf = false
    await active(2)
  })

  it('is not active while its position cannot be written to disk', async () => {
    await dial()
    await agent.hold(shop(1, 'shop-r1'), 1)
    await active(1)
    mkdirSync(join(folder, 'positions.json.tmp'))
    await agent.hold(shop(2, 'shop-r2'), 2)
    await until('the swap', () => agent.workers.views()[0]?.serving?.positions.shop === 2)
    expect(shopStanding()?.active).toBe(0)
    expect(agent.convergence.progress()).toMatchObject({ equal: false })
    expect(agent.convergence.progress().drift).toContain('cannot be written')
    rmdirSync(join(folder, 'positions.json.tmp'))
    agent.convergence.settle()
    await active(2)
    expect(agent.convergence.progress().drift).toBe(null)
  })

  it('is aborted by a position without next', async () => {
    await dial()
    agent.convergence.setEndpoints(bothReady)
    await agent.hold(shop(1, 'shop-r1', proposal), 1)
    await until('prepared', () => shopStanding()?.prepared === 2)
    await agent.hold(shop(1, 'shop-r1'), 2)
    expect(shopStanding()).toMatchObject({ prepared: 0, active: 1 })
  })

  it('is neither prepared nor active without a worker, and says so', async () => {
    agent.convergence.setEndpoints(bothReady)
    await agent.hold(shop(1, 'shop-r1', proposal), 1)
    expect(shopStanding()).toMatchObject({ prepared: 0, active: 0 })
    expect(agent.convergence.progress()).toMatchObject({
      drift: 'no worker is connected',
      equal: false,
      ready: false,
    })
    await dial()
    await active(1)
    expect(agent.convergence.progress().drift).toBe(null)
  })

  it('claims nothing while a worker is missing that may be about to dial', async () => {
    await agent.stop()
    agent = await start(2)
    await dial()
    agent.convergence.setEndpoints(bothReady)
    await agent.hold(shop(1, 'shop-r1'), 1)
    await until('the worker', () => dialled[0]!.state.positions.shop === 1)
    expect(shopStanding()?.active).toBe(0)
    await dial({ pid: process.ppid })
    await active(1)
  })

  it('goes on without a worker that stays away', async () => {
    await agent.stop()
    agent = await start(2)
    await dial()
    await agent.hold(shop(1, 'shop-r1'), 1)
    const settling = setInterval(() => agent.convergence.settle(), 50)
    await active(1)
    clearInterval(settling)
  })
})

describe('a release that shares the endpoints of another', () => {
  const sharing = (generation: number, release: string, next?: PositionObject['next']) =>
    treeOf(
      [...objectsOf(shop(generation, release, next))].map((object) =>
        object.key === 'backend/shop-r2' ? { ...object, shares: ['shop-r1'] } : object,
      ) as SnapshotObject[],
    )
  const oldOnly: Endpoints = { 'shop-r1': bothReady['shop-r1']! }
  const endpointsFile = () => JSON.parse(readFileSync(join(folder, 'endpoints.json'), 'utf8'))
  const counts = () => dialled.at(-1)!.state.endpoints

  it('is prepared by them, and workers have them; each is still reported as its own', async () => {
    await dial()
    agent.convergence.setEndpoints(oldOnly)
    await agent.hold(sharing(1, 'shop-r1', proposal), 1)
    await until('prepared', () => shopStanding()?.prepared === 2)
    expect(counts()).toEqual({ 'shop-r1': 1, 'shop-r2': 1 })
    expect(agent.convergence.progress().endpoints).toEqual(oldOnly)

    agent.convergence.setEndpoints({ ...bothReady, 'shop-r2': [address, ...bothReady['shop-r2']!] })
    await until('each address once', () => counts()['shop-r2'] === 2)
  })

  it('keeps them until the position has left it, also when its snapshot shares no more', async () => {
    const worker = await dial()
    agent.convergence.setEndpoints(oldOnly)
    await agent.hold(sharing(1, 'shop-r2'), 1)
    await equal()
    worker.state.deaf = true
    const before = worker.received.length
    await agent.hold(shop(2, 'shop-r1'), 2)
    await until('the position', () => worker.received.slice(before).some(isPositions))
    expect(worker.received.slice(before).some(takesAway)).toBe(false)
    worker.state.deaf = false
    await until('the end of sharing', () => counts()['shop-r2'] === undefined)
    expect(worker.received.slice(before).findIndex(takesAway)).toBeGreaterThan(0)
  })

  it('gives them to a worker that starts alone, on disk before the position', async () => {
    await dial()
    await agent.hold(sharing(1, 'shop-r1'), 1)
    await equal()
    agent.convergence.setEndpoints(oldOnly)
    await agent.hold(sharing(2, 'shop-r2'), 2)
    expect(onDisk()).toMatchObject([{ generation: 2 }])
    expect(endpointsFile().endpoints['shop-r2']).toEqual([address])
  })

  it('has them at once when the pilot starts again, whoever speaks first', async () => {
    await dial()
    agent.convergence.setEndpoints(oldOnly)
    await agent.hold(sharing(2, 'shop-r2'), 1)
    await equal()
    await agent.stop()
    agent = await start()
    const worker = await dial()
    agent.convergence.setEndpoints(oldOnly)
    await until('everything', () => worker.state.positions.shop === 2)
    expect(counts()).toEqual({ 'shop-r1': 1, 'shop-r2': 1 })
    expect(agent.convergence.progress().endpoints).toEqual(oldOnly)
    expect(worker.received.some(takesAway)).toBe(false)
  })
})

const isPositions = (message: PilotMessage) => message.type === 'positions'
function takesAway(message: PilotMessage): boolean {
  if (message.type !== 'endpoints' && message.type !== 'endpoints-changed') return false
  const list = message.endpoints['shop-r2']
  return list ? list.length === 0 : message.type === 'endpoints'
}

describe('content', () => {
  const three = (generation: number, release: string) =>
    treeOf([...objectsOf(shop(generation, release)), backend('shop-r3', '0.0.3')])

  it('is compiled before a position that needs it is applied', async () => {
    const worker = await dial()
    await agent.hold(shop(1, 'shop-r1'), 1)
    await active(1)
    await agent.hold(three(2, 'shop-r3'), 2)
    expect(shopStanding()?.active).toBe(1)
    await active(2)
    const order = worker.received.map(({ type }) => type).slice(-2)
    expect(order).toEqual(['table', 'positions'])
  })

  it('comes with its position when the former one cannot be served any more', async () => {
    const worker = await dial()
    await agent.hold(shop(1, 'shop-r1'), 1)
    await equal()
    await until('ready', () => worker.received.some((it) => it.type === 'ready' && it.ready))
    const before = worker.received.length
    const without = treeOf([
      route('shop'),
      backend('shop-r3', '0.0.3'),
      position('shop', 5, 'shop-r3'),
    ])
    worker.state.deaf = true
    await agent.hold(without, 5)
    await until('both', () => worker.received.length >= before + 2)
    expect(worker.received.slice(before, before + 2).map(({ type }) => type)).toEqual([
      'table',
      'positions',
    ])
    expect(onDisk()).toMatchObject([{ generation: 1 }])
    worker.state.deaf = false
    await active(5)
  })

  it('that a worker refuses leaves table and positions as they were everywhere', async () => {
    const good = await dial()
    const bad = await dial({ pid: process.ppid })
    await agent.hold(shop(1, 'shop-r1'), 1)
    await equal()
    const { tableDigest } = good.state
    bad.state.refuses = 'a node is out of range'
    await agent.hold(three(2, 'shop-r3'), 2)
    await until('the refusal', () => agent.refusals.list()[0]?.code === 'corrupt-table')
    await until('the way back', () => good.state.tableDigest === tableDigest)
    expect(shopStanding()?.active).toBe(1)
    expect(agent.convergence.progress().equal).toBe(false)
    expect(loadLastKnownGood(folder).table?.digest).toBe(tableDigest)
  })

  it('that does not compile is refused, and the rest goes on', async () => {
    await dial()
    agent.convergence.setEndpoints(bothReady)
    await agent.hold(shop(1, 'shop-r1'), 1)
    await equal()
    agent.refuseBecause = 'route/shop/default: too many matches'
    await agent.hold(three(1, 'shop-r1'), 2)
    await until('the refusal', () => agent.refusals.list()[0]?.code === 'does-not-compile')
    expect(agent.convergence.progress().equal).toBe(false)
    await agent.hold(three(2, 'shop-r2'), 3)
    await active(2)
  })
})

describe('a pilot that starts again', () => {
  it('gives workers the table and positions that it had, before it knows anybody', async () => {
    await dial()
    agent.convergence.setEndpoints(bothReady)
    await agent.hold(shop(2, 'shop-r2'), 1)
    await equal()
    const { tableDigest } = dialled[0]!.state
    await agent.stop()
    agent = await start()
    const worker = await dial()
    await until('everything', () => worker.state.positions.shop === 2)
    expect(worker.state).toMatchObject({ tableDigest, endpoints: { 'shop-r1': 1, 'shop-r2': 1 } })
    expect(agent.convergence.progress()).toMatchObject({ held: null, ready: false })
    expect(agent.compiled).toEqual([])
  })

  it('keeps a position whose header it has lost until a newer one says otherwise', async () => {
    await dial()
    await agent.hold(shop(2, 'shop-r2'), 1)
    await active(2)
    await agent.stop()
    agent = await start()
    await dial()
    await agent.hold(shop(3, 'shop-r1'), 2)
    await active(3)
  })

  it('does not say that endpoints are ready that only the disk knows', async () => {
    await dial()
    agent.convergence.setEndpoints(bothReady)
    await agent.hold(shop(1, 'shop-r1', proposal), 1)
    await until('prepared', () => shopStanding()?.prepared === 2)
    await agent.stop()
    agent = await start()
    await dial()
    await agent.hold(shop(1, 'shop-r1', proposal), 1, null)
    await active(1)
    expect(shopStanding()?.prepared).toBe(0)
    agent.convergence.setEndpoints(bothReady)
    await until('prepared', () => shopStanding()?.prepared === 2)
  })
})

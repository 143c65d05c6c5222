/** The pilot's middle on a real disk and real sockets, begun anew for each test of it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import type { PositionObject } from '#wire/object.ts'
import { objectsOf, type Tree } from '#wire/tree.ts'
import type { AppliedPosition, Endpoints } from '../link.ts'
import { type Convergence, createConvergence, type Progress } from './convergence.ts'
import { loadLastKnownGood, writeTable } from './disk/last-known-good.ts'
import { announce, createSigner, headerOf, type Signer, until } from './fleet.fixture.ts'
import { createRefusals, type Refusals } from './refusals.ts'
import type { CompileOutcome } from './tables/compiler.ts'
import { createTables, type Tables } from './tables/tables.ts'
import { dialPilot, type FakeWorker, type WorkerState } from './workers/worker.fixture.ts'
import { createWorkers, type Workers } from './workers/workers.ts'

export const address = { address: '127.0.0.1', port: 9001 }
export const bothReady: Endpoints = {
  'shop-r1': [address],
  'shop-r2': [{ ...address, port: 9002 }],
}
export const proposal: PositionObject['next'] = {
  generation: 2,
  weights: [{ release: 'shop-r2', weight: 1 }],
  minReady: 1,
}

export let folder: string
let path: string
let control: Signer
export let agent: Agent
export let dialled: FakeWorker[]

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

export async function dial(changes: Partial<WorkerState> = {}): Promise<FakeWorker> {
  const worker = await dialPilot(path, changes)
  dialled.push(worker)
  return worker
}

/** As after a restart: another pilot on the same disk. */
export async function startAgain(workerCount = 1): Promise<void> {
  await agent.stop()
  agent = await start(workerCount)
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

export const shopStanding = () => agent.convergence.progress().standings.get('shop')
export const equal = () => until('equality', () => agent.convergence.progress().equal)
export const active = (generation: number) =>
  until(`generation ${generation}`, () => shopStanding()?.active === generation)
export const onDisk = (): AppliedPosition[] =>
  JSON.parse(readFileSync(join(folder, 'positions.json'), 'utf8')).positions

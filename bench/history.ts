/**
 * Looking back over a year: a log of 36,500 releases (made by the domain, once), and control in fresh
 * processes on it. How long a start takes with and without checkpoints, how quick looks at random moments
 * are over HTTP, and what an intent waits meanwhile. Prints a table, and keeps it in bench/results.
 *
 *   npm run bench:history [-- --releases 36500 --apps 50 --looks 1000]
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type StateFolder, stateFiles } from '../control/node/folder.ts'
import { openSqliteLog } from '../control/node/sqlite-log.ts'
import { folderOf } from './history/folder.ts'
import { type StartedControl, startControlProcess } from './history/process.ts'
import { median } from './router/rounds.ts'

const clusters = ['eu-1', 'us-1']
const startMs = Date.UTC(2025, 10, 1)
const starts = 5
const looksBeforeCounting = 20

interface Row {
  readonly what: string
  readonly n: number
  readonly p50: number
  readonly p99: number
  readonly most: number
}

const { values } = parseArgs({
  options: {
    releases: { type: 'string', default: '36500' },
    apps: { type: 'string', default: '50' },
    looks: { type: 'string', default: '1000' },
  },
})
const plan = {
  releases: Number(values.releases),
  apps: Number(values.apps),
  clusters,
  agentsPerCluster: 2,
  startMs,
}
const looks = Number(values.looks)

const { folder, madeMs } = await folderOf(plan)
const { records, endMs } = await logEnd(folder)
const sizeOf = (name: string) => statSync(folder.file(name), { throwIfNoEntry: false })?.size ?? 0
console.log(
  `${plan.releases} releases of ${plan.apps} apps in ${clusters.length} clusters of 2 agents: ${records} records, ` +
    `${megabytes(sizeOf(stateFiles.log))} MB${madeMs === null ? '' : `, made in ${(madeMs / 1_000).toFixed(0)} s`}\n`,
)

forgetHistory()
const first = await startControlProcess(folder.path)
const withoutMs = first.startMs
await first.stop('SIGTERM')
const withCheckpoint: StartedControl[] = []
for (let n = 0; n < starts; n++) {
  const control = await startControlProcess(folder.path)
  withCheckpoint.push(control)
  await control.stop(n % 2 === 0 ? 'SIGTERM' : 'SIGKILL')
}
const withMs = withCheckpoint.map((one) => one.startMs)
const processMs = withCheckpoint.map((one) => one.processMs)

const control = await startControlProcess(folder.path)
const restBytes = control.memoryBytes()
const rows: Row[] = []
const random = seeded(7)
const moment = () => startMs + Math.floor(random() * (endMs - startMs))
const instant = () => new Date(moment()).toISOString()
const position = () => 1 + Math.floor(random() * records)
const cluster = () => clusters[Math.floor(random() * clusters.length)]!
const app = () => `app-${1 + Math.floor(random() * plan.apps)}`
const request = () => ({ host: `${app()}.example`, path: random() < 0.5 ? '/' : '/cart/1' })
const later = () =>
  [moment(), moment()].sort((a, b) => a - b).map((ms) => new Date(ms).toISOString())
const inTenRecords = () => {
  const from = Math.max(60, position() - 10)
  return `from=${from}&to=${from + 10}`
}

await measure('snapshot?at=', () => get(`/v1/clusters/${cluster()}/snapshot?at=${instant()}`))
await measure('snapshot?revision=', () =>
  get(`/v1/clusters/${cluster()}/snapshot?revision=${Math.max(60, position())}`),
)
await measure('diff over ten records', () =>
  get(`/v1/clusters/${cluster()}/diff?${inTenRecords()}`),
)
await measure('diff, any two instants', () => {
  const [from, to] = later()
  return get(`/v1/clusters/${cluster()}/diff?from=${from}&to=${to}`)
})
await measure('blame, now', () => post(`/v1/clusters/${cluster()}/blame`, request()))
await measure('blame, then', () =>
  post(`/v1/clusters/${cluster()}/blame`, { ...request(), at: instant() }),
)
await measure('audit of an app', () => get(`/v1/audit?app=${app()}&to=${instant()}`))
await measure('audit of an app and a type', () =>
  get(`/v1/audit?app=${app()}&type=rollback-release&to=${instant()}`),
)
await measure('explain, now', () => post(`/v1/clusters/${cluster()}/explain`, request()))
let intents = 0
const intent = () => put(`/v1/apps/bench-${++intents % 2}`, intents)
await measure('an intent, alone', intent, Math.min(looks, 300))
let isOver = false
const lookers = Array.from({ length: 4 }, async () => {
  while (!isOver) await delay(await get(`/v1/clusters/${cluster()}/snapshot?at=${instant()}`))
})
await measure('an intent, four look back', intent, Math.min(looks, 300))
isOver = true
await Promise.all(lookers)
const afterBytes = control.memoryBytes()
await control.stop('SIGKILL')
const afterKill = await startControlProcess(folder.path)
const killedMs = afterKill.startMs
await afterKill.stop('SIGTERM')
const historyBytes = sizeOf(stateFiles.history)

console.log(
  table([
    ['start', 'ms'],
    ['without history.sqlite: the whole log, tables made meanwhile', withoutMs.toFixed(0)],
    [
      `with a checkpoint, median of ${starts} (most ${Math.max(...withMs)})`,
      median(withMs).toFixed(0),
    ],
    ["  the same with Node's own start", median(processMs).toFixed(0)],
    [`after kill -9, ${intents} intents later`, killedMs.toFixed(0)],
  ]),
)
console.log(
  table([
    ['look over HTTP, ms', 'n', 'p50', 'p99', 'most'],
    ...rows.map(({ what, n, p50, p99, most }) => [what, n, p50, p99, most].map(String)),
  ]),
)
console.log(
  `history.sqlite ${megabytes(historyBytes)} MB; memory ${megabytes(restBytes ?? 0)} MB after the start, ${megabytes(afterBytes ?? 0)} MB after the looks`,
)
keep()

async function measure(what: string, look: () => Promise<number>, count = looks): Promise<void> {
  for (let n = 0; n < looksBeforeCounting; n++) await look()
  const tookMs: number[] = []
  while (tookMs.length < count) {
    const from = performance.now()
    const waitMs = await look()
    if (waitMs > 0) await delay(waitMs)
    else tookMs.push(performance.now() - from)
  }
  tookMs.sort((a, b) => a - b)
  const at = (share: number) =>
    Number(tookMs[Math.min(count - 1, Math.floor(count * share))]!.toFixed(1))
  rows.push({ what, n: count, p50: at(0.5), p99: at(0.99), most: at(1) })
}

/** How long to wait when that was too often for one token; 0: it is answered. */
async function call(method: string, path: string, body?: unknown): Promise<number> {
  const answer = await fetch(control.url + path, {
    method,
    headers: {
      authorization: `Bearer ${folder.read(stateFiles.adminToken)!.trim()}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (answer.status === 429) return 1_000 * Number(answer.headers.get('retry-after') ?? 1)
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  return 0
}

function get(path: string) {
  return call('GET', path.replaceAll('+', '%2B'))
}
function post(path: string, body: object) {
  return call('POST', path, body)
}
function put(path: string, n: number) {
  const name = path.split('/').at(-1)
  const hosts = [`${name}.example`, `${name}-${n % 3}.example`]
  return call('PUT', path, { clusters, hosts, platform: { type: 'static' } })
}

function forgetHistory(): void {
  for (const end of ['', '-wal', '-shm'])
    rmSync(folder.file(stateFiles.history + end), { force: true })
}

async function logEnd(held: StateFolder): Promise<{ records: number; endMs: number }> {
  const log = openSqliteLog(held.file(stateFiles.log))
  const head = await log.head()
  const [last] = await log.read(head - 1, 1)
  await log.close()
  return { records: head, endMs: JSON.parse(last!.text).at }
}

function keep(): void {
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim()
  const commit = git('rev-parse', '--short=10', 'HEAD')
  const date = new Date().toISOString().slice(0, 10)
  const folderOfResults = resolve(import.meta.dirname, 'results')
  mkdirSync(folderOfResults, { recursive: true })
  const file = join(folderOfResults, `history-${date}-${commit}.json`)
  const start = { withoutMs, withMs, processMs, killedMs, intentsBeforeKill: intents }
  const memory = { restBytes, afterBytes }
  const sizes = { logBytes: sizeOf(stateFiles.log), historyBytes }
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}`
  const about = { bench: 'history', date, commit, machine, ...plan, records }
  writeFileSync(
    file,
    `${JSON.stringify({ ...about, start, memory, sizes, looks: rows }, null, 2)}\n`,
  )
}

function table(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, n) => Math.max(...lines.map((line) => line[n]!.length)))
  const shown = lines.map((line) =>
    line
      .map((cell, n) => (n === 0 ? cell.padEnd(widths[n]!) : cell.padStart(widths[n]! + 3)))
      .join(''),
  )
  return `${shown.join('\n')}\n`
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0)
}

/** Mulberry32. */
function seeded(seed: number): () => number {
  let word = seed
  return () => {
    word = (word + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(word ^ (word >>> 15), word | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

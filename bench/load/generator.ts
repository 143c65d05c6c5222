/**
 * The open loop: arrivals at a constant rate, whether or not earlier ones have been answered, so that a
 * stall is seen by every request that was due in it (no coordinated omission).
 */
import { createHash, randomUUID } from 'node:crypto'
import { type Connection, openConnection } from './connection.ts'
import {
  type LoadCounts,
  type LoadPlan,
  type LoadResult,
  monotonicMs,
  type RequestKind,
  type Sample,
  type Target,
} from './plan.ts'

const samplesMax = 2_000_000
/** Arrivals that may wait for a free place, as a multiple of the places. */
const waitingFactor = 4
const drainMs = 30_000

export interface Generator {
  counts(): LoadCounts
  /** From now on these targets get the arrivals. */
  retarget(targets: readonly Target[]): void
  /** No more arrivals; resolves when the last one is answered. */
  stop(): Promise<LoadResult>
}

export function startGenerator(plan: LoadPlan): Generator {
  const random = seededRandom(plan.seed)
  /** Before the number of a request: several generators may ask the same proxy. */
  const run = randomUUID().slice(0, 8)
  const kinds = plan.kinds.flatMap((kind) => Array<RequestKind>(kind.weight).fill(kind))
  const bodies = new Map(plan.kinds.map((kind) => [kind, bodyOf(kind.bodyBytes ?? 0)]))
  const idle = new Map<string, Connection[]>()
  const samples: Sample[] = []
  const byVersion: Record<string, number> = {}
  const startedMs = monotonicMs()
  const waiting: number[] = []
  let targets = plan.targets
  let arrived = 0
  let sent = 0
  let failed = 0
  let lost = 0
  let inFlight = 0
  let stopped = false
  let finished: (() => void) | null = null

  // What came in while this process was stalled is read first: a connection that was closed takes no request.
  const timer = setInterval(() => setImmediate(arrive), 1)

  function arrive(): void {
    if (stopped) return
    const due = Math.floor(((monotonicMs() - startedMs) * plan.ratePerSecond) / 1_000)
    while (arrived < due) {
      const intendedMs = startedMs + (++arrived * 1_000) / plan.ratePerSecond
      if (inFlight < plan.concurrencyMax) void send(intendedMs)
      else if (waiting.length < plan.concurrencyMax * waitingFactor) waiting.push(intendedMs)
      else record(notSent(intendedMs))
    }
  }

  async function send(intendedMs: number): Promise<void> {
    inFlight++
    const number = sent++
    const target = targets[number % targets.length]!
    const kind = kinds[Math.floor(random() * kinds.length)]!
    const fresh = random() < plan.freshShare
    const { body, digest } = bodies.get(kind)!
    const user = plan.users ? Math.floor(random() * plan.users) : null
    const connection = (fresh ? undefined : takeIdle(target)) ?? openConnection(target, forget)
    const last = fresh && random() < 0.5
    const outcome = await connection.ask({
      id: `${run}-${number}`,
      kind,
      user,
      authority: plan.authority,
      body,
      bodyDigest: digest,
      last,
      timeoutMs: plan.timeoutMs,
    })
    if (!outcome.reusable && !outcome.problem && !last) lost++
    if (!outcome.reusable || fresh) connection.close()
    else idleOf(target).push(connection)
    const { sentMs, status, version, problem, detail } = outcome
    const asked = { kind: kind.name, target: target.name, fresh, user, intendedMs }
    record({ ...asked, sentMs, doneMs: monotonicMs(), status, version, problem, detail })
    inFlight--
    const next = waiting.shift()
    if (next !== undefined) void send(next)
    else if (inFlight === 0) finished?.()
  }

  function record(sample: Sample): void {
    if (sample.problem) failed++
    byVersion[sample.version] = (byVersion[sample.version] ?? 0) + 1
    if (samples.length < samplesMax) samples.push(sample)
  }

  const idleOf = (target: Target): Connection[] => {
    const list = idle.get(target.name) ?? []
    idle.set(target.name, list)
    return list
  }

  function takeIdle(target: Target): Connection | undefined {
    const list = idleOf(target)
    for (let connection = list.pop(); connection; connection = list.pop()) {
      if (connection.idle) return connection
    }
    return undefined
  }

  function forget(connection: Connection): void {
    lost++
    const list = idleOf(connection.target)
    const at = list.indexOf(connection)
    if (at >= 0) list.splice(at, 1)
  }

  return {
    counts: () => ({ sent, done: sent - inFlight, failed, inFlight, byVersion }),
    retarget(next) {
      targets = next
    },
    async stop() {
      clearInterval(timer)
      stopped = true
      if (inFlight > 0) {
        await new Promise<void>((resolve) => {
          finished = resolve
          setTimeout(resolve, drainMs).unref()
        })
      }
      for (const list of idle.values()) for (const connection of list) connection.close()
      return { startedMs, endedMs: monotonicMs(), lost, samples }
    },
  }
}

const notSent = (intendedMs: number): Sample => ({
  kind: '',
  target: '',
  fresh: false,
  user: null,
  intendedMs,
  sentMs: intendedMs,
  doneMs: intendedMs,
  status: 0,
  version: '',
  problem: 'not-sent',
  detail: '',
})

function bodyOf(bytes: number): { body: Buffer; digest: string } {
  const body = Buffer.alloc(bytes)
  for (let n = 0; n < bytes; n++) body[n] = (n * 17) % 253
  return { body, digest: createHash('sha256').update(body).digest('hex') }
}

/** xorshift32: the same seed asks the same requests in the same order. */
function seededRandom(seed: number): () => number {
  let state = seed | 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 4_294_967_296
  }
}

/**
 * An open-loop HTTP load generator and checker, in a process of its own so that measuring is not
 * disturbed by what the caller does. As a module: `startLoad(plan)`. At a shell:
 *
 *   node bench/load.ts --target 127.0.0.1:8101 --host shop.example --rate 200 --seconds 10
 *
 * prints figures and exits 1 when any request failed. What answers must prove it: X-Request-Id comes back, and
 * X-Body-Bytes and X-Body-Sha256 promise the body, as the demo application (`deploy/local/shop.ts`) does.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { constants } from 'node:os'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import {
  bootId,
  type Clock,
  isOwn,
  offsetOf,
  onOwnClock,
  ownClock,
  type Tick,
} from './load/clock.ts'
import { startGenerator } from './load/generator.ts'
import { goAhead } from './load/go-ahead.ts'
import {
  defaultPlan,
  type LoadCounts,
  type LoadPlan,
  type LoadResult,
  monotonicMs,
  type Sample,
  type Target,
} from './load/plan.ts'
import { describe, judge } from './load/verdict.ts'

export interface Load {
  counts(): Promise<LoadCounts>
  retarget(targets: readonly Target[]): void
  stop(): Promise<LoadResult>
  /** Ends the process without a result. */
  kill(): void
}

/** Each is one line of JSON on the standard input of the generator. */
type Order =
  | { readonly type: 'start'; readonly plan: LoadPlan }
  | { readonly type: 'clock' }
  | { readonly type: 'counts' }
  | { readonly type: 'retarget'; readonly targets: readonly Target[] }
  | { readonly type: 'stop' }

/** Each is one line of JSON on its standard output. */
type Reply =
  | { readonly type: 'started'; readonly boot: string | null }
  | { readonly type: 'clock'; readonly monotonicMs: number }
  | { readonly type: 'counts'; readonly counts: LoadCounts }
  | { readonly type: 'samples'; readonly samples: readonly Sample[] }
  | { readonly type: 'result'; readonly result: Omit<LoadResult, 'samples'> }

const replyWithinMs = 60_000
const samplesPerLine = 2_000
const ticks = 20

/** What runs in the generator's process, wherever that is. */
export const loadCommand: readonly string[] = [import.meta.filename, '--child']

type Launch = (options: SpawnOptions) => ChildProcess
const launchHere: Launch = (options) => spawn(process.execPath, loadCommand, options)

/** `launch` starts it elsewhere, such as in another network or in a pod; pipes are all that it needs. */
export async function startLoad(plan: LoadPlan, launch: Launch = launchHere): Promise<Load> {
  const child = launch({ stdio: ['pipe', 'pipe', 'inherit'], detached: true })
  child.stdin!.on('error', () => {})
  const tell = (order: Order) => child.stdin!.write(`${JSON.stringify(order)}\n`)
  const waiting = new Map<Reply['type'], (reply: Reply) => void>()
  const samples: Sample[] = []
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const reply = JSON.parse(line) as Reply
    if (reply.type === 'samples') for (const sample of reply.samples) samples.push(sample)
    else waiting.get(reply.type)?.(reply)
  })

  function answer<Type extends Reply['type']>(type: Type) {
    return new Promise<Extract<Reply, { type: Type }>>((resolve, reject) => {
      const settle = (act: () => void) => {
        waiting.delete(type)
        clearTimeout(bound)
        child.off('exit', ended)
        act()
      }
      const fail = (why: string) => settle(() => reject(new Error(`the load generator ${why}`)))
      const ended = () => fail('ended by itself')
      const bound = setTimeout(() => fail('does not answer'), replyWithinMs)
      child.once('exit', ended)
      waiting.set(type, (reply) => settle(() => resolve(reply as Extract<Reply, { type: Type }>)))
    })
  }

  async function tick(): Promise<Tick> {
    const askedMs = monotonicMs()
    tell({ type: 'clock' })
    const { monotonicMs: itsMs } = await answer('clock')
    return { askedMs, itsMs, answeredMs: monotonicMs() }
  }
  async function clockOf(boot: string | null): Promise<Clock> {
    if (isOwn(boot)) return ownClock
    const seen: Tick[] = []
    for (let n = 0; n < ticks; n++) seen.push(await tick())
    return offsetOf(seen)
  }

  tell({ type: 'start', plan })
  const clock = await clockOf((await answer('started')).boot)
  return {
    async counts() {
      tell({ type: 'counts' })
      return (await answer('counts')).counts
    },
    retarget: (targets) => void tell({ type: 'retarget', targets }),
    async stop() {
      tell({ type: 'stop' })
      const { result } = await answer('result')
      child.kill('SIGKILL')
      return onOwnClock({ ...result, samples }, clock)
    },
    kill: () => void child.kill('SIGKILL'),
  }
}

function serveOrders(): void {
  goAhead(constants.priority.PRIORITY_HIGHEST)
  let generator: ReturnType<typeof startGenerator> | null = null
  const reply = (message: Reply) => process.stdout.write(`${JSON.stringify(message)}\n`)
  const replyResult = ({ samples, ...result }: LoadResult) => {
    for (let from = 0; from < samples.length; from += samplesPerLine) {
      reply({ type: 'samples', samples: samples.slice(from, from + samplesPerLine) })
    }
    reply({ type: 'result', result })
  }
  process.on('SIGINT', () => {}) // the one who started us decides when it is over
  const orders = createInterface({ input: process.stdin })
  orders.once('close', () => process.exit(0))
  orders.on('line', (line) => {
    const order = JSON.parse(line) as Order
    if (order.type === 'start') {
      generator = startGenerator(order.plan)
      reply({ type: 'started', boot: bootId() })
    } else if (order.type === 'clock') {
      reply({ type: 'clock', monotonicMs: monotonicMs() })
    } else if (order.type === 'counts' && generator) {
      reply({ type: 'counts', counts: generator.counts() })
    } else if (order.type === 'retarget') {
      generator?.retarget(order.targets)
    } else if (order.type === 'stop') {
      void generator?.stop().then(replyResult)
    }
  })
}

async function commandLine(): Promise<number> {
  const { values } = parseArgs({
    options: {
      target: { type: 'string', multiple: true },
      host: { type: 'string' },
      rate: { type: 'string', default: '200' },
      seconds: { type: 'string', default: '10' },
      json: { type: 'boolean', default: false },
    },
  })
  const targets = (values.target ?? []).map((text): Target => {
    const [host, port] = text.split(':')
    return { name: text, host: host!, port: Number(port) }
  })
  if (targets.length === 0) {
    console.error('say where to: --target 127.0.0.1:8101 (may be repeated)')
    return 2
  }
  const load = startGenerator({
    ...defaultPlan,
    targets,
    authority: values.host ?? targets[0]!.name,
    ratePerSecond: Number(values.rate),
  })
  await delay(Number(values.seconds) * 1_000)
  const result = await load.stop()
  const versions = new Set(result.samples.map((sample) => sample.version))
  const verdict = judge(
    result,
    [...versions].map((version) => ({ version, fromMs: 0 })),
  )
  console.log(values.json ? JSON.stringify(verdict) : describe(verdict))
  const { p50, p99, max } = verdict.latencyMs
  if (!values.json) {
    console.log(`latency ms: ${p50.toFixed(1)} p50, ${p99.toFixed(1)} p99, ${max.toFixed(1)} max`)
  }
  return verdict.failed === 0 ? 0 : 1
}

if (import.meta.main) {
  if (process.argv.includes('--child')) serveOrders()
  else process.exitCode = await commandLine()
}

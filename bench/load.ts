/**
 * An open-loop HTTP load generator and checker, in a process of its own so that measuring is not
 * disturbed by what the caller does. As a module: `startLoad(plan)`. At a shell:
 *
 *   node bench/load.ts --target 127.0.0.1:8101 --host shop.example --rate 200 --seconds 10
 *
 * prints figures and exits 1 when any request failed.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startGenerator } from './load/generator.ts'
import {
  defaultPlan,
  type LoadCounts,
  type LoadPlan,
  type LoadResult,
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

type Order =
  | { readonly type: 'start'; readonly plan: LoadPlan }
  | { readonly type: 'counts' }
  | { readonly type: 'retarget'; readonly targets: readonly Target[] }
  | { readonly type: 'stop' }

type Reply =
  | { readonly type: 'started' }
  | { readonly type: 'counts'; readonly counts: LoadCounts }
  | { readonly type: 'result'; readonly result: LoadResult }

const replyWithinMs = 60_000

type Launch = (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess

/** `launch` starts it elsewhere, such as in another network. */
export async function startLoad(plan: LoadPlan, launch: Launch = spawn): Promise<Load> {
  const child = launch(process.execPath, [import.meta.filename, '--child'], {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const tell = (order: Order) => child.send(order)
  const waiting = new Map<Reply['type'], (reply: Reply) => void>()
  child.on('message', (reply: Reply) => waiting.get(reply.type)?.(reply))

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

  tell({ type: 'start', plan })
  await answer('started')
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
      return result
    },
    kill: () => void child.kill('SIGKILL'),
  }
}

function serveOrders(): void {
  let generator: ReturnType<typeof startGenerator> | null = null
  const reply = (message: Reply) => process.send?.(message)
  process.once('disconnect', () => process.exit(0))
  process.on('SIGINT', () => {}) // the one who started us decides when it is over
  process.on('message', (order: Order) => {
    if (order.type === 'start') {
      generator = startGenerator(order.plan)
      reply({ type: 'started' })
    } else if (order.type === 'counts' && generator) {
      reply({ type: 'counts', counts: generator.counts() })
    } else if (order.type === 'retarget') {
      generator?.retarget(order.targets)
    } else if (order.type === 'stop') {
      void generator?.stop().then((result) => reply({ type: 'result', result }))
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
  if (process.argv.includes('--child') && process.send) serveOrders()
  else process.exitCode = await commandLine()
}

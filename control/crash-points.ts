/**
 * For tests only: `SWITCHYARD_CRASH_AT=<step>[:n]` makes control kill itself with -9 at the n-th time it
 * comes to a step. The ports are wrapped from outside, so nothing in the program itself knows of it.
 *
 *   append      before a record is written        appended    it is durable, nobody has been told
 *   publish     before a header goes out          published   it is out
 *   buckets     before buckets are stored         stored      they are stored
 *   index       before the index is stored        indexed     it is stored
 *   alarmed       the platform's alarm has been worked on, before it is told so (Workers)
 *   cursor        before it is noted that a webhook was told
 *   file-written, file-renamed, file-synced       a file of the state folder is replaced
 */
import type { Transport } from './delivery/transport.ts'
import type { Log } from './log/log.ts'
import type { Cursors } from './webhooks/cursors.ts'

export const crashSteps = [
  'append', 'appended', 'publish', 'published', 'buckets', 'stored', 'index', 'indexed',
  'alarmed', 'cursor', 'file-written', 'file-renamed', 'file-synced',
] as const // biome-ignore format: the table above

/** A runtime that cannot kill itself never resolves. */
export type Step = (name: string) => void | Promise<void>

/** Does nothing without a specification. Throws when it names no step. */
export function crashAt(
  specification: string | undefined,
  crash: (step: string) => void | Promise<void>,
): Step {
  if (!specification) return () => {}
  const [name, times = '1'] = specification.split(':')
  if (!crashSteps.some((step) => step === name) || !/^[1-9]\d*$/.test(times)) {
    throw new Error(`SWITCHYARD_CRASH_AT: "${specification}" is not <step>[:n]`)
  }
  let left = Number(times)
  return (step) => (step === name && --left === 0 ? crash(step) : undefined)
}

export const crashingLog = (log: Log, step: Step): Log => ({
  ...log,
  append: (expected, text) => between(step, 'append', 'appended', () => log.append(expected, text)),
})

export const crashingTransport = (transport: Transport, step: Step): Transport => ({
  ...transport,
  publishHeader: (cluster, announcement) =>
    between(step, 'publish', 'published', () => transport.publishHeader(cluster, announcement)),
  storeBuckets: (cluster, buckets) =>
    between(step, 'buckets', 'stored', () => transport.storeBuckets(cluster, buckets)),
  storeIndex: (cluster, index) =>
    between(step, 'index', 'indexed', () => transport.storeIndex(cluster, index)),
})

export const crashingCursors = (cursors: Cursors, step: Step): Cursors => ({
  ...cursors,
  set(name, cursor) {
    void step('cursor')
    cursors.set(name, cursor)
  },
})

async function between<T>(step: Step, before: string, after: string, work: () => Promise<T>) {
  await step(before)
  const result = await work()
  await step(after)
  return result
}

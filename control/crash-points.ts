/**
 * For tests only: `SWITCHYARD_CRASH_AT=<step>[:n]` makes control kill itself with -9 at the n-th time it
 * comes to a step. The ports are wrapped from outside, so nothing in the program itself knows of it.
 *
 *   append      before a record is written        appended    it is durable, nobody has been told
 *   publish     before a header goes out          published   it is out
 *   buckets     before buckets are stored         stored      they are stored
 *   index       before the index is stored        indexed     it is stored
 *   cursor        before it is noted that a webhook was told
 *   file-written, file-renamed, file-synced       a file of the state folder is replaced
 */
import type { Transport } from './delivery/transport.ts'
import type { Log } from './log/log.ts'
import type { Cursors } from './webhooks/cursors.ts'

export const crashSteps = [
  'append', 'appended', 'publish', 'published', 'buckets', 'stored', 'index', 'indexed',
  'cursor', 'file-written', 'file-renamed', 'file-synced',
] as const // biome-ignore format: the table above

/** A runtime that cannot kill itself never resolves. */
export type Step = (name: string) => void | Promise<void>

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

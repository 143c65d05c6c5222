/**
 * A pod that ends at once cuts what it was answering; one that closes its listener cuts the connections that nobody
 * has taken from its queue yet. Such a request is told from a failed one: it may not be repeated, because its body had
 * gone to the pod or a part of the answer to the client; and it was in flight while a pod of its app ended.
 */
import type { LoadResult, Sample } from '../../bench/load/plan.ts'
import { defaultKinds } from '../../bench/load/plan.ts'
import { only } from '../../bench/load/verdict.ts'
import type { PodEnd } from './pod-ends.ts'

export interface Counted {
  /** What is judged: everything else. */
  readonly judged: LoadResult
  readonly cut: readonly Sample[]
}

/** Kinds of requests that may not be repeated: one whose answer takes long enough to end in the middle, and those with a body. */
export type MayBeCut = 'streamed' | 'sent'

export function countApart(
  result: LoadResult,
  ends: readonly PodEnd[],
  mayBeCut: readonly MayBeCut[] = ['streamed', 'sent'],
): Counted {
  const isCut = (sample: Sample) =>
    mayBeCut.some((how) => cuts[how](sample)) &&
    ends.some(({ fromMs, toMs }) => sample.sentMs <= toMs && sample.doneMs >= fromMs)
  return {
    judged: only(result, (sample) => !isCut(sample)),
    cut: result.samples.filter(isCut),
  }
}

const bodies = new Set(defaultKinds.filter(({ bodyBytes }) => bodyBytes).map(({ name }) => name))

const cuts: Readonly<Record<MayBeCut, (sample: Sample) => boolean>> = {
  streamed: ({ kind, problem }) => problem === 'truncated' && kind === 'slow',
  sent: ({ kind, problem, status }) => problem === 'status' && status === 502 && bodies.has(kind),
}

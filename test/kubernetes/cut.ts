/**
 * A pod that ends at once cuts what it was answering. Such a request is told from a failed one: it may not be
 * repeated, because its body had gone to the pod or a part of the answer to the client.
 */
import type { LoadResult, Sample } from '../../bench/load/plan.ts'
import { defaultKinds } from '../../bench/load/plan.ts'
import { only } from '../../bench/load/verdict.ts'

export interface Counted {
  /** What is judged: everything else. */
  readonly judged: LoadResult
  readonly cut: readonly Sample[]
}

export function countApart(result: LoadResult): Counted {
  return {
    judged: only(result, (sample) => !isCut(sample)),
    cut: result.samples.filter(isCut),
  }
}

const bodies = new Set(defaultKinds.filter(({ bodyBytes }) => bodyBytes).map(({ name }) => name))
/** The kind whose answer takes so long that it can end in the middle. */
const streamed = 'slow'

const isCut = ({ kind, problem, status }: Sample): boolean =>
  (problem === 'truncated' && kind === streamed) ||
  (problem === 'status' && status === 502 && bodies.has(kind))

/**
 * Reads a load result: pure functions from samples to figures. A request may be answered by a version
 * that was allowed at some moment between its first byte and its end, and by no other: that is how
 * "misrouted" is told from "in flight while the points moved".
 */
import type { LoadResult, Problem, Sample } from './plan.ts'

/** A version that may answer requests of a kind, from … to … on the monotonic clock. */
export interface Allowed {
  readonly version: string
  readonly fromMs: number
  /** Left out: still allowed. */
  readonly toMs?: number
}

export interface Spread {
  readonly count: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

export interface Verdict {
  readonly requests: number
  readonly failed: number
  readonly truncated: number
  readonly misrouted: number
  readonly byProblem: Partial<Record<Problem, number>>
  readonly byVersion: Record<string, number>
  /** From when the request was due until its last byte. */
  readonly latencyMs: Spread
  /** The first of each problem, for a message. */
  readonly examples: readonly Sample[]
}

const examplesMax = 10

/** What only a verdict says in which a request failed or was misrouted: CI tries no such test again. */
export const brokenPromise = 'broken promise'

export function judge(result: LoadResult, allowed: readonly Allowed[]): Verdict {
  const byProblem: Partial<Record<Problem, number>> = {}
  const byVersion: Record<string, number> = {}
  const examples: Sample[] = []
  let misrouted = 0
  for (const sample of result.samples) {
    const wrongVersion = sample.problem === null && !isAllowed(sample, allowed)
    if (sample.problem) byProblem[sample.problem] = (byProblem[sample.problem] ?? 0) + 1
    else byVersion[sample.version] = (byVersion[sample.version] ?? 0) + 1
    if (wrongVersion) misrouted++
    if ((wrongVersion || sample.problem) && examples.length < examplesMax) examples.push(sample)
  }
  return {
    requests: result.samples.length,
    failed: Object.values(byProblem).reduce((sum, count) => sum + count, 0),
    truncated: byProblem.truncated ?? 0,
    misrouted,
    byProblem,
    byVersion,
    latencyMs: spread(result.samples.map((sample) => sample.doneMs - sample.intendedMs)),
    examples,
  }
}

const isAllowed = (sample: Sample, allowed: readonly Allowed[]) =>
  allowed.some(
    (span) =>
      span.version === sample.version &&
      span.fromMs <= sample.doneMs &&
      (span.toMs ?? Number.POSITIVE_INFINITY) >= sample.sentMs,
  )

/** When the last request that `version` answered was sent; null when it answered none. */
export function lastSentMs(
  samples: readonly Sample[],
  version: string,
  untilMs?: number,
): number | null {
  let last: number | null = null
  for (const sample of samples) {
    if (sample.version !== version || (untilMs !== undefined && sample.sentMs > untilMs)) continue
    if (last === null || sample.sentMs > last) last = sample.sentMs
  }
  return last
}

export const only = (result: LoadResult, keep: (sample: Sample) => boolean): LoadResult => ({
  ...result,
  samples: result.samples.filter(keep),
})

/** Nearest-rank percentiles; zeros when there is nothing. */
export function spread(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).sort()
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
  return { count: sorted.length, p50: rank(0.5), p90: rank(0.9), p99: rank(0.99), max: rank(1) }
}

/** For people: the figures, what failed and the first examples; a broken promise is called one. */
export function describe(verdict: Verdict): string {
  const promise = verdict.failed + verdict.misrouted > 0 ? `${brokenPromise}: ` : ''
  const versions = Object.entries(verdict.byVersion).map(
    ([version, count]) => `${version}: ${count}`,
  )
  const problems = Object.entries(verdict.byProblem).map(
    ([problem, count]) => `${problem}: ${count}`,
  )
  const lines = [
    `${promise}${verdict.requests} requests, ${verdict.failed} failed, ` +
      `${verdict.misrouted} misrouted, ${verdict.truncated} truncated; ${versions.join(', ')}`,
  ]
  if (problems.length > 0) lines.push(problems.join(', '))
  for (const sample of verdict.examples) lines.push(JSON.stringify(sample))
  return lines.join('\n')
}

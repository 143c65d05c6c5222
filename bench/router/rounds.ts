/** Contenders take turns in short rounds, so that a busy machine slows all of them alike. */
import type { Contender } from './peers.ts'

export interface Figure {
  readonly name: string
  /** Median over the rounds. */
  readonly ns: number
  /** By round, for ratios within the same round. */
  readonly rounds: readonly number[]
}

export function measure(
  contenders: readonly Contender[],
  requestCount: number,
  roundCount: number,
): Figure[] {
  const rounds = contenders.map(() => [] as number[])
  const sums = contenders.map((contender) => contender.run())
  for (let round = -2; round < roundCount; round++) {
    contenders.forEach((contender, n) => {
      const from = performance.now()
      const sum = contender.run()
      const ns = ((performance.now() - from) * 1e6) / requestCount
      if (sum !== sums[n]) throw new Error(`${contender.name} changed its mind`)
      if (round >= 0) rounds[n]!.push(ns)
    })
  }
  return contenders.map(({ name }, n) => ({ name, ns: median(rounds[n]!), rounds: rounds[n]! }))
}

/** Median over the rounds of `a` divided by `b`. */
export const ratio = (a: Figure, b: Figure): number =>
  median(a.rounds.map((ns, round) => ns / b.rounds[round]!))

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/**
 * Reads a load result user by user: as long as a candidate's share only grows (P10), whom it has answered
 * once stays with it, and its users are the promised percentage.
 */
import type { Sample } from './plan.ts'

/** From the call until its answer that every agent is active; agents move at slightly other moments. */
export interface Step {
  readonly calledMs: number
  readonly answeredMs: number
}

/**
 * Requests of users who went back: sent after `candidate` had answered the same user, and answered by
 * another version. Two agents may differ only while a step is under way; one agent never.
 */
export function wentBack(
  samples: readonly Sample[],
  candidate: string,
  steps: readonly Step[],
): Sample[] {
  const answered = samples.filter((sample) => sample.user !== null && sample.problem === null)
  const firstAnywhere = new Map<string, number>()
  const firstAtTarget = new Map<string, number>()
  for (const sample of answered) {
    if (sample.version !== candidate) continue
    keepLower(firstAnywhere, `${sample.user}`, sample.doneMs)
    keepLower(firstAtTarget, `${sample.user} ${sample.target}`, sample.doneMs)
  }
  const after = (first: number | undefined, { sentMs }: Sample) =>
    first !== undefined && sentMs > first
  return answered.filter(
    (sample) =>
      sample.version !== candidate &&
      (after(firstAtTarget.get(`${sample.user} ${sample.target}`), sample) ||
        (after(firstAnywhere.get(`${sample.user}`), sample) && !isWithin(sample.sentMs, steps))),
  )
}

const isWithin = (moment: number, steps: readonly Step[]) =>
  steps.some(({ calledMs, answeredMs }) => calledMs <= moment && moment <= answeredMs)

function keepLower(lowest: Map<string, number>, key: string, value: number): void {
  lowest.set(key, Math.min(value, lowest.get(key) ?? value))
}

export interface Share {
  /** Users who asked between the two moments. */
  readonly users: number
  /** Those of them whom `version` answered. */
  readonly answered: number
}

/** How many standard deviations a share may be off: one of 15,000 that are right is taken for wrong. */
const deviationsMax = 4

/**
 * Is it `percent` of the users? Whose turn comes first is by hash, so that their number is a binomial one. Never when
 * so few have asked that nobody at all would pass for the share.
 */
export function isShare({ users, answered }: Share, percent: number): boolean {
  const p = percent / 100
  if (p === 0 || p === 1) return users > 0 && answered === users * p
  const mean = users * p
  const offMax = deviationsMax * Math.sqrt(mean * (1 - p))
  return offMax < Math.min(mean, users - mean) && Math.abs(answered - mean) <= offMax
}

export function shareOf(
  samples: readonly Sample[],
  version: string,
  fromMs: number,
  toMs: number,
): Share {
  const users = new Set<number>()
  const answered = new Set<number>()
  for (const { user, problem, sentMs, version: by } of samples) {
    if (user === null || problem !== null || sentMs < fromMs || sentMs > toMs) continue
    users.add(user)
    if (by === version) answered.add(user)
  }
  return { users: users.size, answered: answered.size }
}

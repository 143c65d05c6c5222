/**
 * Which copies to start and to end next while those of one release replace those of others: the rules of
 * Kubernetes' Deployment controller, step for step, so that what an operator knows of it holds here.
 *
 *   new copies   NewRSNewReplicas: as many as fit under copies + maxSurge, never more than copies
 *   old copies   reconcileOldReplicaSets: first those that are not available (cleanupUnhealthyReplicas),
 *                then available ones as long as copies - maxUnavailable stay available
 *
 * A copy is available once it has been ready for `minReadyMs`. As in Kubernetes, a copy that is ending
 * counts no more (KEP-3973 calls it TerminationStarted): else one open WebSocket would hold up the rest.
 */

export interface ReplacementRules {
  readonly copies: number
  readonly maxSurge: number
  readonly maxUnavailable: number
  readonly minReadyMs: number
  readonly paused: boolean
}

/** A copy that is not ending. */
export interface CopyState {
  readonly index: number
  /** Null while it is not ready. */
  readonly readySinceMs: number | null
}

export interface ReplacementStep<Copy> {
  /** New copies to start. */
  readonly start: number
  readonly end: readonly Copy[]
}

/**
 * `old` in the order in which the releases came, the oldest first. Doing what is returned and asking again
 * comes to an end: a step starts what is missing, or ends what is too much, or is empty.
 */
export function nextStep<Copy extends CopyState>(
  rules: ReplacementRules,
  fresh: readonly Copy[],
  old: readonly (readonly Copy[])[],
  nowMs: number,
): ReplacementStep<Copy> {
  if (rules.paused) return { start: 0, end: [] }
  const { copies, maxSurge } = rules
  const oldCount = old.reduce((sum, list) => sum + list.length, 0)
  const room = Math.max(0, copies + maxSurge - fresh.length - oldCount)
  const start = Math.min(room, Math.max(0, copies - fresh.length))
  const available = (copy: Copy) => isAvailable(copy, rules, nowMs)
  const surplus = inOrderOfLoss(fresh, available).slice(0, Math.max(0, fresh.length - copies))
  const kept = fresh.filter((copy) => !surplus.includes(copy))
  const end = [...surplus, ...oldToEnd(rules, start, kept, old, available)]
  return { start, end }
}

function oldToEnd<Copy extends CopyState>(
  { copies, maxSurge, maxUnavailable }: ReplacementRules,
  started: number,
  fresh: readonly Copy[],
  old: readonly (readonly Copy[])[],
  available: (copy: Copy) => boolean,
): Copy[] {
  const oldCount = old.reduce((sum, list) => sum + list.length, 0)
  if (oldCount === 0) return []
  // Both 0 could never move; Kubernetes' ResolveFenceposts makes it one that may be missing.
  const leastAvailable = copies - (maxSurge === 0 && maxUnavailable === 0 ? 1 : maxUnavailable)
  const freshAvailable = fresh.filter(available).length
  const freshUnavailable = started + fresh.length - freshAvailable
  const most = started + fresh.length + oldCount - leastAvailable - freshUnavailable
  if (most <= 0) return []

  const unhealthy = old.flatMap((list) => {
    return inOrderOfLoss(list, available).filter((copy) => !available(copy))
  })
  const end = unhealthy.slice(0, most)
  const availableNow = freshAvailable + oldCount - unhealthy.length
  let left = availableNow - leastAvailable
  for (const list of old) {
    const remaining = inOrderOfLoss(list, available).filter((copy) => !end.includes(copy))
    const some = remaining.slice(0, Math.max(0, left))
    left -= some.length
    end.push(...some)
  }
  return end
}

export const isAvailable = (
  { readySinceMs }: CopyState,
  { minReadyMs }: Pick<ReplacementRules, 'minReadyMs'>,
  nowMs: number,
): boolean => readySinceMs !== null && nowMs - readySinceMs >= minReadyMs

/** Who is missed least: not ready, then not available yet, then the one that came last. */
export function inOrderOfLoss<Copy extends CopyState>(
  copies: readonly Copy[],
  available: (copy: Copy) => boolean,
): readonly Copy[] {
  const rank = (copy: Copy) => (available(copy) ? 2 : copy.readySinceMs !== null ? 1 : 0)
  return [...copies].sort((a, b) => rank(a) - rank(b) || b.index - a.index)
}

/** The next moment at which a ready copy becomes available by time alone; null when none waits for it. */
export function availableAtMs(
  copies: readonly CopyState[],
  { minReadyMs }: Pick<ReplacementRules, 'minReadyMs'>,
  nowMs: number,
): number | null {
  const moments = copies.flatMap(({ readySinceMs }) =>
    readySinceMs !== null && readySinceMs + minReadyMs > nowMs ? [readySinceMs + minReadyMs] : [],
  )
  return moments.length > 0 ? Math.min(...moments) : null
}

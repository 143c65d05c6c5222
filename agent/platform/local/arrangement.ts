/**
 * What a local cluster does next so that what runs becomes what is wanted: pure. A release of its own has
 * its copies; one that replaces others follows the rules of `replacement.ts`; what nobody names ends.
 */
import type { LocalWorkload } from './protocol.ts'
import { type CopyState, inOrderOfLoss, nextStep } from './replacement.ts'

export interface Wanted {
  readonly workload: LocalWorkload
  /** Null when the cluster has no such program: then nothing changes for it. */
  readonly program: string | null
}

export interface RunningCopy extends CopyState {
  readonly release: string
  readonly version: string
}

export interface Arrangement<Copy> {
  readonly start: readonly { readonly wanted: Wanted; readonly count: number }[]
  readonly end: readonly Copy[]
}

export function nextArrangement<Copy extends RunningCopy>(
  wanted: readonly Wanted[],
  running: readonly Copy[],
  nowMs: number,
): Arrangement<Copy> {
  const named = new Set<string>()
  const start: { wanted: Wanted; count: number }[] = []
  const end: Copy[] = []
  for (const [one, replaced] of ownersOf(wanted)) {
    const { workload, program } = one
    for (const release of [workload.release, ...replaced]) named.add(release)
    const own = running.filter(({ release }) => release === workload.release)
    // Of one release the version changes only when a recovered log has given its id again.
    const fresh = own.filter(({ version }) => version === workload.version)
    end.push(...own.filter((copy) => !fresh.includes(copy)))
    if (program === null) continue
    const old = replaced.map((id) => running.filter(({ release }) => release === id))
    const step = workload.rolling
      ? nextStep({ ...workload.rolling, copies: workload.copies }, fresh, old, nowMs)
      : toCount(workload.copies, fresh)
    end.push(...step.end)
    if (step.start > 0) start.push({ wanted: one, count: step.start })
  }
  return { start, end: [...end, ...running.filter(({ release }) => !named.has(release))] }
}

/** Each workload with the releases whose copies it replaces: none that has a workload of its own. */
export function ownersOf(
  wanted: readonly Wanted[],
): readonly (readonly [Wanted, readonly string[]])[] {
  const taken = new Set(wanted.map(({ workload }) => workload.release))
  return wanted.map((one) => {
    const replaced = (one.workload.rolling?.replaces ?? []).filter((id) => !taken.has(id))
    for (const id of replaced) taken.add(id)
    return [one, replaced] as const
  })
}

function toCount<Copy extends CopyState>(count: number, copies: readonly Copy[]) {
  const leastMissed = inOrderOfLoss(copies, ({ readySinceMs }) => readySinceMs !== null)
  return {
    start: Math.max(0, count - copies.length),
    end: leastMissed.slice(0, Math.max(0, copies.length - count)),
  }
}

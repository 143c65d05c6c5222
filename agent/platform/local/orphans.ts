/**
 * Workloads that a new epoch does not know. A recovered log may be older than what agents serve, and it
 * never said "decommissioned" of them; so their copies stay for a while, until every agent that can be
 * reached has taken the new positions (DESIGN D6, D11). What replaced other copies then stands still: those
 * that it has, and those that it would have ended, stay.
 */
import type { DesiredState, LocalWorkload } from './protocol.ts'

export interface Orphans {
  /** What shall run now that `after` is desired: it, and what an epoch change has left behind. */
  runWith(before: DesiredState, after: DesiredState): readonly LocalWorkload[]
  stop(): void
}

/** `onExpired` is called when nothing is left behind any more. */
export function createOrphans(graceMs: number, onExpired: () => void): Orphans {
  let orphans: readonly LocalWorkload[] = []
  let timer: NodeJS.Timeout | null = null

  return {
    runWith(before, after) {
      if (before.epoch !== 0 && after.epoch > before.epoch) {
        orphans = [...orphans, ...before.workloads.map(standingStill)]
        if (timer) clearTimeout(timer)
        timer = setTimeout(() => {
          orphans = []
          onExpired()
        }, graceMs)
      }
      const known = new Set(
        after.workloads.flatMap(({ release, rolling }) => [release, ...(rolling?.replaces ?? [])]),
      )
      orphans = orphans.filter(({ release }) => !known.has(release))
      return [...after.workloads, ...orphans]
    },
    stop() {
      if (timer) clearTimeout(timer)
    },
  }
}

const standingStill = ({ rolling, ...workload }: LocalWorkload): LocalWorkload =>
  rolling ? { ...workload, rolling: { ...rolling, paused: true } } : workload

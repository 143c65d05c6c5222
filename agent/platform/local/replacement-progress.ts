/**
 * How far each replacement is, as the lease's holder reports it, and when it is worth another look though
 * nothing happens: a ready copy becomes available, or a deadline passes.
 */
import type { RollingReport } from '#wire/report.ts'
import { ownersOf, type RunningCopy, type Wanted } from './arrangement.ts'
import { unknownProgram } from './copy-words.ts'
import { type Progressing, progressOf, stalledWords } from './progress-deadline.ts'
import { availableAtMs, isAvailable } from './replacement.ts'

export interface FollowedCopy extends RunningCopy {
  /** Why it is not ready, in words. */
  trouble(): string | null
}

export interface ReplacementProgress {
  readonly reports: readonly RollingReport[]
  readonly lookAtMs: number | null
}

export interface ProgressFollower {
  look(
    wanted: readonly Wanted[],
    running: readonly FollowedCopy[],
    nowMs: number,
  ): ReplacementProgress
}

export function createProgressFollower(): ProgressFollower {
  /** By release; `of` tells another direction from the same one. */
  let known = new Map<string, { readonly of: string; readonly progressing: Progressing }>()

  return {
    look(wanted, running, nowMs) {
      const next: typeof known = new Map()
      const reports: RollingReport[] = []
      const moments: number[] = []
      for (const [{ workload, program }, replaced] of ownersOf(wanted)) {
        const { release, copies, rolling } = workload
        if (!rolling) continue
        const fresh = running.filter((copy) => copy.release === release)
        const old = running.filter((copy) => replaced.includes(copy.release))
        const ready = fresh.filter((copy) => isAvailable(copy, rolling, nowMs))
        const of = rolling.replaces.join()
        const before = known.get(release)
        const progressing = progressOf(
          before?.of === of ? before.progressing : null,
          { copies, available: ready.length, old: old.length, paused: rolling.paused },
          rolling.progressDeadlineMs,
          nowMs,
        )
        next.set(release, { of, progressing })
        const said = program
          ? fresh.flatMap((copy) => (ready.includes(copy) ? [] : whyNot(copy, rolling.minReadyMs)))
          : [unknownProgram(workload.program)]
        reports.push({
          release,
          updated: fresh.length,
          ready: ready.length,
          old: old.length,
          stalled: progressing.stalled ? stalledWords(rolling.progressDeadlineMs, said) : null,
        })
        const soonest = availableAtMs([...fresh, ...old], rolling, nowMs)
        if (soonest !== null) moments.push(soonest)
        const waits = !progressing.stalled && !rolling.paused
        if (waits) moments.push(progressing.sinceMs + rolling.progressDeadlineMs)
      }
      known = next
      const ahead = moments.filter((moment) => moment > nowMs)
      return { reports, lookAtMs: ahead.length > 0 ? Math.min(...ahead) : null }
    },
  }
}

function whyNot(copy: FollowedCopy, minReadyMs: number): string {
  const soon = `${copy.release}/${copy.index} is ready, but not for ${minReadyMs / 1_000} s yet`
  return copy.trouble() ?? soon
}

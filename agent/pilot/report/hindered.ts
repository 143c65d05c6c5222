/**
 * Why releases do not get their copies where nobody can apply workloads, because the platform itself does not
 * answer. Every agent says it for itself: the lease's holder, who would know more, is none then.
 */
import { limits } from '#wire/limits.ts'
import type { TroubleReport } from '#wire/report.ts'
import type { Endpoints } from '../../link.ts'
import type { Workload } from '../../platform/platform.ts'

/** Of the releases that wait for it: those that this agent sees lacking copies, and those whose copies are being replaced. */
export function hinderedBy(
  reason: string,
  workloads: readonly Workload[],
  endpoints: Endpoints,
): TroubleReport[] {
  const message = `nothing can be started or stopped: ${reason}`.slice(0, limits.reasonChars)
  return workloads
    .filter(({ release, copies, rolling }) => rolling || (endpoints[release]?.length ?? 0) < copies)
    .map(({ release }) => ({ release, message }))
}

/**
 * Why copies do not become ready, for each release that has too few of them: pure. Its program is unknown, its
 * copies end, or they have not been ready for a while. A copy that has just been started is no trouble.
 */
import { limits } from '#wire/limits.ts'
import type { TroubleReport } from '#wire/report.ts'
import type { Wanted } from './arrangement.ts'
import { charsMax, saidBy, unknownProgram } from './copy-words.ts'

export interface TroubledCopy {
  readonly release: string
  /** Null while it is ready. */
  readonly unreadySinceMs: number | null
  /** Since it was ready last. */
  readonly hasDied: boolean
  /** Why it is not ready, in words. */
  trouble(): string | null
}

export interface Troubles {
  readonly troubles: readonly TroubleReport[]
  /** When another copy has not been ready for too long. */
  readonly lookAtMs: number | null
}

export function troublesOf(
  wanted: readonly Wanted[],
  running: readonly TroubledCopy[],
  slowMs: number,
  nowMs: number,
): Troubles {
  const troubles: TroubleReport[] = []
  let lookAtMs = Number.POSITIVE_INFINITY
  for (const { workload, program } of wanted) {
    const { release, copies } = workload
    const own = running.filter((copy) => copy.release === release)
    const unready = own.filter(({ unreadySinceMs }) => unreadySinceMs !== null)
    if (own.length - unready.length >= copies) continue
    const said = unready.flatMap((copy) => {
      const slowAtMs = copy.unreadySinceMs! + slowMs
      if (copy.hasDied) return copy.trouble() ?? []
      if (slowAtMs <= nowMs) return `${copy.trouble()}, for more than ${slowMs / 1_000} s`
      lookAtMs = Math.min(lookAtMs, slowAtMs)
      return []
    })
    const message = program === null ? unknownProgram(workload.program) : saidBy(said)
    if (message !== '') troubles.push({ release, message: message.slice(0, charsMax) })
  }
  return {
    troubles: troubles.slice(0, limits.troublesPerReport),
    lookAtMs: lookAtMs === Number.POSITIVE_INFINITY ? null : lookAtMs,
  }
}

/**
 * Whether a replacement goes on (Kubernetes' `progressDeadlineSeconds`): pure. Progress is that more new
 * copies are available than ever before, or that an old one has gone; a copy that becomes ready and dies
 * again and again is none. Time does not run while it is paused, and begins anew when it goes on.
 */
import { charsMax, saidBy } from './copy-words.ts'

export interface ReplacementFacts {
  readonly copies: number
  readonly available: number
  readonly old: number
  readonly paused: boolean
}

export interface Progressing {
  readonly mostAvailable: number
  readonly old: number
  readonly paused: boolean
  /** When it last made progress. */
  readonly sinceMs: number
  readonly stalled: boolean
}

export function progressOf(
  former: Progressing | null,
  { copies, available, old, paused }: ReplacementFacts,
  deadlineMs: number,
  nowMs: number,
): Progressing {
  const mostAvailable = Math.max(former?.mostAvailable ?? 0, available)
  const now = { mostAvailable, old, paused }
  const complete = old === 0 && available >= copies
  const progress = !former || mostAvailable > former.mostAvailable || old < former.old
  const resumed = former?.paused === true && !paused
  if (complete || progress || resumed) return { ...now, sinceMs: nowMs, stalled: false }
  if (paused && !former.stalled) return { ...now, sinceMs: nowMs, stalled: false }
  const stalled = former.stalled || nowMs - former.sinceMs >= deadlineMs
  return { ...now, sinceMs: former.sinceMs, stalled }
}

/** The reason that an operator reads: in Kubernetes' word, and then what the copies say. */
export function stalledWords(deadlineMs: number, said: readonly string[]): string {
  const copies = said.length > 0 ? `; ${saidBy(said)}` : ''
  const text = `ProgressDeadlineExceeded: no progress for ${deadlineMs / 1_000} s${copies}`
  return text.slice(0, charsMax)
}

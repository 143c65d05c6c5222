/** Pauses between attempts: doubling, bounded, and jittered so that a fleet does not knock in step. */
export interface BackoffBounds {
  readonly firstMs: number
  readonly mostMs: number
}

/** Full pause of attempt `n` (from 1), times 0.5 to 1. `random` is in [0, 1). */
export function backoffMs(attempt: number, bounds: BackoffBounds, random: number): number {
  const full = Math.min(bounds.mostMs, bounds.firstMs * 2 ** Math.min(attempt - 1, 30))
  return full * (0.5 + random / 2)
}

/** Who of a cluster's agents applies its workloads: one at a time, until it does not renew. */
export interface Lease {
  /** Takes a free or expired lease, or renews one's own. */
  acquire(holder: string): {
    readonly held: boolean
    readonly holder: string
    readonly expiresInMs: number
  }
  holder(): string | null
}

/** `nowMs` is a monotonic clock. */
export function createLease(leaseMs: number, nowMs: () => number): Lease {
  let current: { holder: string; untilMs: number } | null = null
  return {
    acquire(holder) {
      const now = nowMs()
      if (!current || current.holder === holder || now >= current.untilMs) {
        current = { holder, untilMs: now + leaseMs }
      }
      return {
        held: current.holder === holder,
        holder: current.holder,
        expiresInMs: current.untilMs - now,
      }
    },
    holder: () => (current && nowMs() < current.untilMs ? current.holder : null),
  }
}

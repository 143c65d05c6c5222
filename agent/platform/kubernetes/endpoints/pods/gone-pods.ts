/**
 * Pods that were seen and are gone, so that no slice brings them back: kept while one may name them, and bounded
 * in time and number.
 */
export interface GonePods {
  add(uid: string): void
  has(uid: string): boolean
  delete(uid: string): void
  /** Forgets those that no slice names, and those of long ago. */
  sweep(isNamed: (uid: string) => boolean): void
  clear(): void
}

const countMax = 8_192
/** A slice that names a pod may come later than the pod's end. */
const atLeastMs = 60_000
/** Kubernetes' controllers pause for 1,000 s at most. */
const atMostMs = 1_800_000

export function createGonePods(now: () => number): GonePods {
  const sinceMs = new Map<string, number>()
  return {
    add(uid) {
      sinceMs.delete(uid)
      sinceMs.set(uid, now())
      const [oldest] = sinceMs.keys()
      if (sinceMs.size > countMax) sinceMs.delete(oldest!)
    },
    has: (uid) => sinceMs.has(uid),
    delete: (uid) => sinceMs.delete(uid),
    sweep(isNamed) {
      for (const [uid, atMs] of sinceMs) {
        const ageMs = now() - atMs
        if (ageMs > atMostMs || (ageMs > atLeastMs && !isNamed(uid))) sinceMs.delete(uid)
      }
    },
    clear: () => sinceMs.clear(),
  }
}

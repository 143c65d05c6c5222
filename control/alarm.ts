/** One alarm on the wall clock, by timers of this process. Setting it again replaces it. */
export interface Alarm {
  /** Milliseconds since 1970; null: none. A moment that has passed rings at once. */
  set(atMs: number | null): void
}

/** Timers hold 31 bits; a later alarm is looked at again after a day. */
const longestMs = 86_400_000

export function createAlarm(now: () => number, ring: () => void): Alarm {
  let timer: ReturnType<typeof setTimeout> | undefined
  const set = (atMs: number | null) => {
    clearTimeout(timer)
    if (atMs === null) return
    const leftMs = atMs - now()
    timer = setTimeout(
      leftMs > longestMs ? () => set(atMs) : ring,
      Math.min(Math.max(leftMs, 0), longestMs),
    )
  }
  return { set }
}

/** Pauses that outlive the object's memory: no timer runs for the long ones, the alarm ends them. */
import type { Alarm } from '../alarm.ts'

export interface ObjectSleep {
  /** Resolves after `ms`, or when `signal` aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
  /** The platform's alarm rings. */
  rang(nowMs: number): void
}

/** A timer costs the object's time in memory; an alarm costs a row and a request. */
const timerMsMax = 4_000

export function createObjectSleep(alarm: Alarm, now: () => number): ObjectSleep {
  const pauses = new Set<{ readonly atMs: number; readonly end: () => void }>()
  const arm = () =>
    alarm.set(pauses.size === 0 ? null : Math.min(...[...pauses].map(({ atMs }) => atMs)))

  return {
    sleep(ms, signal) {
      if (signal.aborted) return Promise.resolve()
      return new Promise((resolve) => {
        const timer = ms <= timerMsMax ? setTimeout(end, ms) : undefined
        const pause = { atMs: now() + ms, end }
        function end(): void {
          clearTimeout(timer)
          signal.removeEventListener('abort', end)
          pauses.delete(pause)
          arm()
          resolve()
        }
        signal.addEventListener('abort', end)
        pauses.add(pause)
        arm()
      })
    },
    rang(nowMs) {
      for (const { atMs, end } of [...pauses]) if (atMs <= nowMs) end()
    },
  }
}

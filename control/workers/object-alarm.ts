/**
 * The one alarm, kept by the platform, so that it wakes an object that sleeps; several who want one share
 * it. Moving it costs a row, so one that would ring too early is left to ring.
 */
import type { Alarm } from '../alarm.ts'
import type { ObjectStorage } from './platform.ts'

export interface ObjectAlarm {
  /** One who wants to be woken, of its own name. */
  wanted(by: string): Alarm
  /** The platform rings. Until `rearm` nothing is set, so that a crash before makes it ring again. */
  rang(nowMs: number): void
  /** The work that it rang for is done: what is wanted is set. */
  rearm(): void
}

export function createObjectAlarm(
  storage: Pick<ObjectStorage, 'setAlarm'>,
  held: number | null,
  onError: (error: unknown) => void,
): ObjectAlarm {
  let setMs = held
  let rings = false
  const wanted = new Map<string, number>()

  function set(): void {
    const atMs = Math.min(...wanted.values())
    if (rings) return
    if (atMs === Number.POSITIVE_INFINITY || (setMs !== null && setMs <= atMs)) return
    setMs = atMs
    storage.setAlarm(atMs).catch(onError)
  }
  return {
    wanted: (by) => ({
      set(atMs) {
        if (atMs === null) wanted.delete(by)
        else wanted.set(by, atMs)
        set()
      },
    }),
    rang(nowMs) {
      setMs = null
      rings = true
      for (const [by, atMs] of wanted) if (atMs <= nowMs) wanted.delete(by)
    },
    rearm() {
      rings = false
      set()
    },
  }
}

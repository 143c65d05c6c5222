/**
 * The one alarm, kept by the platform, so that it wakes an object that sleeps. Moving it costs a row, so
 * one that would ring too early is left to ring: the turn that it starts sets the next one.
 */
import type { Alarm } from '../alarm.ts'
import type { ObjectStorage } from './platform.ts'

export interface ObjectAlarm extends Alarm {
  /** The platform rings: it holds no alarm any more. */
  rang(): void
}

export function createObjectAlarm(
  storage: Pick<ObjectStorage, 'setAlarm'>,
  held: number | null,
  onError: (error: unknown) => void,
): ObjectAlarm {
  let setMs = held
  return {
    set(atMs) {
      if (atMs === null || (setMs !== null && setMs <= atMs)) return
      setMs = atMs
      storage.setAlarm(atMs).catch(onError)
    },
    rang() {
      setMs = null
    },
  }
}

/**
 * Times of a generator that runs on another machine, such as in a pod of a cluster elsewhere, on this machine's
 * monotonic clock. Processes of one machine share that clock. For another the distance is measured, and what the
 * measurement leaves open widens the span of every request: it never makes a request look misrouted.
 */
import { readFileSync } from 'node:fs'
import type { LoadResult } from './plan.ts'

export interface Clock {
  /** To be taken from its times. */
  readonly offsetMs: number
  /** How far the offset may be from the truth, either way. */
  readonly errorMs: number
}

/** It was asked for its time, and the answer came, on our clock. */
export interface Tick {
  readonly askedMs: number
  readonly itsMs: number
  readonly answeredMs: number
}

export const ownClock: Clock = { offsetMs: 0, errorMs: 0 }

/** Of the kernel that runs this process; null where there is none to read. */
export function bootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return null
  }
}

export const isOwn = (boot: string | null): boolean => boot !== null && boot === bootId()

/** By the quickest of the answers, which leaves the least open. */
export function offsetOf(ticks: readonly Tick[]): Clock {
  const took = ({ askedMs, answeredMs }: Tick) => answeredMs - askedMs
  const best = ticks.reduce((one, other) => (took(other) < took(one) ? other : one))
  return {
    offsetMs: best.itsMs - (best.askedMs + best.answeredMs) / 2,
    errorMs: took(best) / 2,
  }
}

export function onOwnClock(result: LoadResult, { offsetMs, errorMs }: Clock): LoadResult {
  if (offsetMs === 0 && errorMs === 0) return result
  const from = (ms: number) => ms - offsetMs - errorMs
  const to = (ms: number) => ms - offsetMs + errorMs
  return {
    ...result,
    startedMs: from(result.startedMs),
    endedMs: to(result.endedMs),
    samples: result.samples.map((sample) => ({
      ...sample,
      intendedMs: from(sample.intendedMs),
      sentMs: from(sample.sentMs),
      doneMs: to(sample.doneMs),
    })),
  }
}

import { expect, test } from 'vitest'
import { bootId, isOwn, offsetOf, onOwnClock } from './clock.ts'
import type { Sample } from './plan.ts'

test('the quickest answer says the distance, and half of its time is left open', () => {
  const ticks = [
    { askedMs: 100, itsMs: 5_130, answeredMs: 140 },
    { askedMs: 200, itsMs: 5_203, answeredMs: 204 },
    { askedMs: 300, itsMs: 5_301, answeredMs: 350 },
  ]
  expect(offsetOf(ticks)).toEqual({ offsetMs: 5_001, errorMs: 2 })
})

test('a request of a foreign clock spans at least what it spanned on ours', () => {
  const sample = { sentMs: 5_110, doneMs: 5_120, intendedMs: 5_109 } as Sample
  const result = { startedMs: 5_100, endedMs: 5_200, lost: 0, samples: [sample] }
  const { startedMs, endedMs, samples } = onOwnClock(result, { offsetMs: 5_000, errorMs: 2 })
  expect({ startedMs, endedMs }).toEqual({ startedMs: 98, endedMs: 202 })
  expect(samples[0]).toEqual({ sentMs: 108, doneMs: 122, intendedMs: 107 })
})

test('only a kernel that says who it is may be our own', () => {
  expect(isOwn(null)).toBe(false)
  expect(isOwn('another')).toBe(false)
  expect(isOwn(bootId())).toBe(bootId() !== null)
})

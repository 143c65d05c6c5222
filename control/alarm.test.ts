import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createAlarm } from './alarm.ts'

beforeEach(() => vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => vi.useRealTimers())

const day = 86_400_000

it('rings once at its moment, and at once when that has passed', () => {
  let rings = 0
  const alarm = createAlarm(Date.now, () => rings++)
  alarm.set(Date.now() + 500)
  vi.advanceTimersByTime(499)
  expect(rings).toBe(0)
  vi.advanceTimersByTime(1)
  expect(rings).toBe(1)
  vi.advanceTimersByTime(day)
  expect(rings).toBe(1)
  alarm.set(Date.now() - 5)
  vi.advanceTimersByTime(0)
  expect(rings).toBe(2)
})

it('is replaced by the next and taken away by null', () => {
  let rings = 0
  const alarm = createAlarm(Date.now, () => rings++)
  alarm.set(Date.now() + 10)
  alarm.set(Date.now() + 20)
  vi.advanceTimersByTime(15)
  expect(rings).toBe(0)
  alarm.set(null)
  vi.advanceTimersByTime(day)
  expect(rings).toBe(0)
})

it('holds moments that are further away than a timer reaches', () => {
  let rings = 0
  const alarm = createAlarm(Date.now, () => rings++)
  alarm.set(Date.now() + 40 * day)
  vi.advanceTimersByTime(40 * day - 1)
  expect(rings).toBe(0)
  vi.advanceTimersByTime(1)
  expect(rings).toBe(1)
})

import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createPace, type Pace } from './pace.ts'

let pace: Pace
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setImmediate', 'performance'] })
})
afterEach(() => {
  pace.stop()
  vi.useRealTimers()
})

it('works at once when it was quiet, once for everything that is asked together', async () => {
  const work = vi.fn()
  pace = createPace(work, 4)
  for (let n = 0; n < 10; n++) pace.soon()
  await vi.advanceTimersByTimeAsync(0)
  expect(work).toHaveBeenCalledTimes(1)
})

it('works at most once in a gap, and once more after the last asking', async () => {
  const work = vi.fn()
  pace = createPace(work, 4)
  let seen = 0
  work.mockImplementation(() => {
    seen = asked
  })
  let asked = 0
  for (let ms = 0; ms < 100; ms++) {
    asked++
    pace.soon()
    await vi.advanceTimersByTimeAsync(1)
  }
  await vi.advanceTimersByTimeAsync(10)
  expect(seen).toBe(100)
  expect(work.mock.calls.length).toBeGreaterThanOrEqual(20)
  expect(work.mock.calls.length).toBeLessThanOrEqual(27)
})

it('takes at most a fifth of the time, when the work takes long', async () => {
  const work = vi.fn(() => void vi.advanceTimersByTime(10))
  pace = createPace(work, 4)
  const startMs = performance.now()
  for (let ms = 0; ms < 1_000; ms++) {
    pace.soon()
    await vi.advanceTimersByTimeAsync(1)
  }
  const share = (10 * work.mock.calls.length) / (performance.now() - startMs)
  expect(share).toBeCloseTo(0.2, 1)
})

it('does nothing once it is stopped', async () => {
  vi.useRealTimers()
  const work = vi.fn()
  pace = createPace(work, 1)
  pace.soon()
  pace.stop()
  pace.soon()
  await delay(10)
  expect(work).not.toHaveBeenCalled()
})

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

const takes = (ms: number, didSomething = true) => {
  vi.advanceTimersByTime(ms)
  return didSomething
}

it('works at once when it was quiet, once for everything that is asked together', async () => {
  const work = vi.fn(() => true)
  pace = createPace(work, 4)
  for (let n = 0; n < 10; n++) pace.soon()
  await vi.advanceTimersByTimeAsync(0)
  expect(work).toHaveBeenCalledTimes(1)
})

it('works at most once in a gap, and once more after the last asking', async () => {
  const work = vi.fn(() => true)
  pace = createPace(work, 4)
  let seen = 0
  work.mockImplementation(() => {
    seen = asked
    return true
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
  const work = vi.fn(() => takes(10))
  pace = createPace(work, 4)
  const startMs = performance.now()
  for (let ms = 0; ms < 1_000; ms++) {
    pace.soon()
    await vi.advanceTimersByTimeAsync(1)
  }
  const share = (10 * work.mock.calls.length) / (performance.now() - startMs)
  expect(share).toBeCloseTo(0.2, 1)
})

it('does not rest for one time that took long, nor for nothing', async () => {
  let tookMs = 1
  let didSomething = true
  const work = vi.fn(() => takes(tookMs, didSomething))
  pace = createPace(work, 4)
  const workOnce = async (ms: number) => {
    const calls = work.mock.calls.length
    tookMs = ms
    const startMs = performance.now()
    pace.soon()
    while (work.mock.calls.length === calls) await vi.advanceTimersByTimeAsync(1)
    return performance.now() - startMs - ms
  }
  for (const ms of [1, 1, 20]) await workOnce(ms)
  expect(await workOnce(20)).toBeLessThanOrEqual(6)
  expect(await workOnce(20)).toBeLessThanOrEqual(6)
  expect(await workOnce(20)).toBeGreaterThanOrEqual(79)
  didSomething = false
  await workOnce(1)
  expect(await workOnce(1)).toBeLessThanOrEqual(6)
  didSomething = true
  await workOnce(20)
  expect(await workOnce(20), 'and three times that took long still count').toBeGreaterThanOrEqual(
    79,
  )
})

it('does nothing once it is stopped', async () => {
  vi.useRealTimers()
  const work = vi.fn(() => true)
  pace = createPace(work, 1)
  pace.soon()
  pace.stop()
  pace.soon()
  await delay(10)
  expect(work).not.toHaveBeenCalled()
})

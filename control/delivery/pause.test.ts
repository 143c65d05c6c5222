import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createPause, type Pause } from './pause.ts'

let pause: Pause

beforeEach(() => {
  vi.useFakeTimers()
  pause = createPause()
})
afterEach(() => {
  vi.useRealTimers()
})

/** Milliseconds that a pause took, in steps of ten; null: more than 100. */
async function length(sleeping: Promise<void>): Promise<number | null> {
  let over = false
  const end = sleeping.then(() => {
    over = true
  })
  for (let ms = 0; ms <= 100; ms += 10) {
    await Promise.race([end, Promise.resolve()])
    await Promise.resolve()
    if (over) return ms
    await vi.advanceTimersByTimeAsync(10)
  }
  return null
}

test('a pause ends by itself, and then there was no work', async () => {
  expect(await length(pause.forWork(30))).toBe(30)
  expect(pause.hasWork()).toBe(false)
})

test('work ends a pause for work; a call while awake is kept', async () => {
  const sleeping = pause.forWork(1_000)
  pause.work()
  expect(await length(sleeping)).toBe(0)
  expect(pause.hasWork()).toBe(true)
  pause.work()
  expect(await length(pause.forWork(1_000))).toBe(0)
  expect(await length(pause.forWork(20))).toBe(20)
})

test('work does not shorten a backoff, and is not forgotten in it', async () => {
  const backoff = pause.forLook(30)
  pause.work()
  expect(await length(backoff)).toBe(30)
  expect(await length(pause.forWork(1_000))).toBe(0)
})

test('a look ends both', async () => {
  const backoff = pause.forLook(1_000)
  pause.look()
  expect(await length(backoff)).toBe(0)
  pause.look()
  pause.work()
  expect(await length(pause.forLook(1_000))).toBe(0)
})

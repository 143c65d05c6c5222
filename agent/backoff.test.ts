import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backoffMs } from './backoff.ts'

const bounds = fc
  .tuple(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 1, max: 10_000 }))
  .map(([firstMs, moreMs]) => ({ firstMs, mostMs: firstMs + moreMs }))
const attempt = fc.integer({ min: 1, max: 1_000_000 })
/** As `Math.random` gives them. */
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

test('a pause is half of the full one at least, and never more than the most', () => {
  fc.assert(
    fc.property(attempt, bounds, random, (n, { firstMs, mostMs }, chance) => {
      const full = Math.min(mostMs, firstMs * 2 ** (n - 1))
      const pause = backoffMs(n, { firstMs, mostMs }, chance)
      expect(pause).toBeGreaterThanOrEqual(full / 2)
      expect(pause).toBeLessThanOrEqual(full)
    }),
  )
})

test('the full pause doubles until it is the most, and stays there', () => {
  fc.assert(
    fc.property(attempt, bounds, random, (n, of, chance) => {
      const [one, next] = [backoffMs(n, of, chance), backoffMs(n + 1, of, chance)]
      expect(next).toBeGreaterThanOrEqual(one)
      expect(next).toBeLessThanOrEqual(2 * one)
    }),
  )
  expect(backoffMs(1_000_000, { firstMs: 50, mostMs: 5_000 }, 0.5)).toBe(3_750)
})

test('a fleet that failed together is spread over half of the pause', () => {
  const of = { firstMs: 1_000, mostMs: 1_000 }
  expect([0, 0.25, 0.5, 0.75].map((chance) => backoffMs(1, of, chance))).toEqual([
    500, 625, 750, 875,
  ])
})

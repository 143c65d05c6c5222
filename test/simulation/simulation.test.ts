/**
 * `SWITCHYARD_SEEDS=20000 vitest run test/simulation` lives more lives; `SWITCHYARD_SEED=17` one of them.
 */
import { expect, test } from 'vitest'
import { simulate } from './simulation.ts'

const only = process.env.SWITCHYARD_SEED
const first = only ? Number(only) : 1
const count = only ? 1 : Number(process.env.SWITCHYARD_SEEDS ?? 300)
const steps = Number(process.env.SWITCHYARD_STEPS ?? 500)

test(`every promise is kept in ${count} seeded lives`, { timeout: 60_000 + count * 200 }, () => {
  let switches = 0
  for (let seed = first; seed < first + count; seed++) {
    try {
      switches += simulate(seed, steps).switches
    } catch (cause) {
      throw new Error(`SWITCHYARD_SEED=${seed}: ${(cause as Error).message}`, { cause })
    }
  }
  // A life in which nothing is ever switched would prove nothing.
  expect(switches).toBeGreaterThan(count)
})

test('the same seed makes the same bytes', () => {
  expect(simulate(7, steps).log).toEqual(simulate(7, steps).log)
})

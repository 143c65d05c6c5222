import { describe, expect, test } from 'vitest'
import { makeKeys } from './control-side.ts'
import { runModel } from './model.ts'

const seed = Number(process.env.SEED ?? 20_261)

describe(`the order of writes, seed ${seed}`, () => {
  test.each([0, 1, 2])(
    'small changes: every read of a header that stands proves its digest (%i)',
    async (n) => {
      const outcome = await runModel({
        seed: seed + n,
        keys: await makeKeys(),
        proofs: 1_500,
        bigPercent: 0,
      })
      expect(outcome, JSON.stringify(outcome)).toMatchObject({ wrong: 0, lost: 0 })
      expect(outcome.proven, JSON.stringify(outcome)).toBeGreaterThanOrEqual(1_500)
      expect(outcome.kills, JSON.stringify(outcome)).toBeGreaterThan(10)
    },
    120_000,
  )
  test.each([0, 1])(
    'big changes between: no read is ever wrong (%i)',
    async (n) => {
      const outcome = await runModel({
        seed: seed + 100 + n,
        keys: await makeKeys(),
        proofs: 60,
        bigPercent: 3,
      })
      expect(outcome, JSON.stringify(outcome)).toMatchObject({ wrong: 0, lost: 0 })
      expect(outcome.proven, JSON.stringify(outcome)).toBeGreaterThanOrEqual(60)
    },
    120_000,
  )
})

/**
 * The lives of the simulation, lived by real processes under load (P1, P2). `SWITCHYARD_SEEDS=20` lives more
 * of them; `SWITCHYARD_SEED=17` one.
 */
import { expect, test } from 'vitest'
import { clusters } from '../simulation/operators.ts'
import { openStage } from '../stage.ts'
import { live } from './life.ts'

const seed = process.env.SWITCHYARD_SEED
const first = seed ? Number(seed) : 1
const count = seed ? 1 : Number(process.env.SWITCHYARD_SEEDS ?? 3)
const seeds = Array.from({ length: count }, (_, n) => first + n)

test.each(seeds)(
  'SWITCHYARD_SEED=%i: no request fails or goes astray, and all ends on one side',
  {
    timeout: 240_000,
  },
  async (seed) => {
    const stage = await openStage({ clusters: [...clusters], agentsPerCluster: 1 })
    try {
      const { words, accepted, refused, events, ...figures } = await live(stage, seed)
      const codes = Object.entries(refused).map(([code, times]) => `${code} ${times}`)
      console.log(
        `SWITCHYARD_SEED=${seed}: ${figures.requests} requests, ${figures.lost} connections lost; ` +
          `${accepted} intents accepted, refused: ${codes.join(', ')}; ` +
          `${events.filter((type) => type === 'switch-completed').length} switches, ` +
          `${events.filter((type) => type === 'copies-replaced').length} replacements of copies`,
      )
      const { failed, misrouted, lost } = figures
      expect({ failed, misrouted, lost }, `SWITCHYARD_SEED=${seed}\n${words}`).toEqual({
        failed: 0,
        misrouted: 0,
        lost: 0,
      })
      // A life in which nothing happens would prove nothing.
      expect(events.filter((type) => type === 'switch-completed').length).toBeGreaterThan(2)
    } finally {
      await stage.close()
    }
  },
)

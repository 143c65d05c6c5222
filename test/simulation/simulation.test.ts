/**
 * `SWITCHYARD_SEEDS=20000 vitest run test/simulation` lives more lives; `SWITCHYARD_SEED=17` one of them.
 */
import { expect, test } from 'vitest'
import type { EventType } from '../../control/domain/event.ts'
import { simulate } from './simulation.ts'

const only = process.env.SWITCHYARD_SEED
const first = only ? Number(only) : 1
const count = only ? 1 : Number(process.env.SWITCHYARD_SEEDS ?? 300)
const mustHappen: readonly EventType[] = [
  'switch-aborted',
  'rollback-decided',
  'release-aborted',
  'release-paused',
  'release-resumed',
  'release-approved',
  'release-overridden',
  'freeze-set',
  'keys-changed',
  'copies-replaced',
  'release-left',
  'release-decommissioned',
  'agent-caught-up',
  'app-deleted',
]
const steps = Number(process.env.SWITCHYARD_STEPS ?? 500)

test(`every promise is kept in ${count} seeded lives`, { timeout: 60_000 + count * 200 }, () => {
  const counts = new Map<EventType, number>()
  for (let seed = first; seed < first + count; seed++) {
    try {
      for (const type of simulate(seed, steps).events) counts.set(type, (counts.get(type) ?? 0) + 1)
    } catch (cause) {
      throw new Error(`SWITCHYARD_SEED=${seed}: ${(cause as Error).message}`, { cause })
    }
  }
  if (only) return
  // Lives in which nothing ever happens would prove nothing.
  expect(counts.get('switch-completed')).toBeGreaterThan(count)
  for (const type of mustHappen) expect(counts.get(type) ?? 0, type).toBeGreaterThan(count / 100)
})

test('the same seed makes the same bytes', () => {
  expect(simulate(7, steps).log).toEqual(simulate(7, steps).log)
})

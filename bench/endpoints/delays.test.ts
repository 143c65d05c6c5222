import { expect, test } from 'vitest'
import type { Changes } from './changes.ts'
import { changeOne, noDelays } from './delays.ts'

const changes = (seen: Changes['seen']): Changes => ({
  next: () => ({ release: 'app0-r1', address: '10.0.0.1' }),
  change: async () => null,
  seen,
  stop: () => {},
})
const never = new Promise<number>(() => {})

test('a change that comes is measured from its event and from its call', async () => {
  const delays = noDelays()
  const now = performance.now()
  await changeOne(
    async () => now + 5,
    changes(async () => now + 3),
    delays,
  )
  expect(delays).toEqual({ event: [expect.closeTo(2)], call: [expect.any(Number)], lost: 0 })
})

test('one that never comes to a worker, or to the bare watch, is lost, and not waited for', async () => {
  const delays = noDelays()
  await changeOne(
    () => never,
    changes(async () => 1),
    delays,
    10,
  )
  await changeOne(
    async () => 1,
    changes(() => never),
    delays,
    10,
  )
  expect(delays).toEqual({ event: [], call: [], lost: 2 })
})

import { expect, test } from 'vitest'
import { createSweep, type Waiting } from './sweep.ts'
import { createTurn } from './turn.ts'

const waiting = (dueMs: number, onDue: () => void = () => {}): Waiting => ({
  dueMs,
  sweepIndex: -1,
  onDue,
})

test('a wait ends at its moment, once, and not before', () => {
  const sweep = createSweep()
  let ended = 0
  sweep.add(waiting(100, () => ended++))
  sweep.run(99)
  expect(ended).toBe(0)
  sweep.run(100)
  sweep.run(101)
  expect(ended).toBe(1)
})

test('members may leave while the sweep looks at them, and every other one is still seen', () => {
  const sweep = createSweep()
  const seen: number[] = []
  const members = Array.from({ length: 10 }, (_, n) => {
    const member = waiting(1, () => {
      seen.push(n)
      if (n % 3 === 0) sweep.remove(member)
    })
    return member
  })
  for (const member of members) sweep.add(member)
  sweep.run(1)
  expect(seen.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(sweep.size).toBe(6)
  sweep.remove(members[0]!)
  expect(sweep.size).toBe(6)
})

test('a turn is the same until the event loop has gone on', async () => {
  const turn = createTurn()
  const since = turn.mark()
  expect(turn.isSame(since)).toBe(true)
  await new Promise((resolve) => setImmediate(resolve))
  expect(turn.isSame(since)).toBe(false)
  expect(turn.mark()).not.toBe(since)
})

test('a turn with so many events that it may have polled twice proves nothing', () => {
  const turn = createTurn()
  const since = turn.mark()
  for (let n = 0; n < 510; n++) expect(turn.isSame(since)).toBe(true)
  expect(turn.isSame(since)).toBe(false)
})

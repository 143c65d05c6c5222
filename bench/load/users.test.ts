/** The check that nobody goes back must see each way of going back, and nothing else. */
import { expect, test } from 'vitest'
import type { Sample } from './plan.ts'
import { isShare, shareOf, wentBack } from './users.ts'

/** The two agents are called `a` and `b`; each request takes 2 ms. */
const sample = (user: number | null, target: string, version: string, sentMs: number): Sample => ({
  kind: 'get',
  target,
  fresh: false,
  user,
  intendedMs: sentMs,
  sentMs,
  doneMs: sentMs + 2,
  status: 200,
  version,
  problem: null,
  detail: '',
})
const step = { calledMs: 90, answeredMs: 110 }

test('whoever only goes forward has not gone back', () => {
  const samples = [
    sample(1, 'a', 'old', 10),
    sample(1, 'a', 'new', 100),
    sample(1, 'b', 'new', 120),
  ]
  expect(wentBack(samples, 'new', [step])).toEqual([])
})

test('an old answer after a new one of the same agent is going back, even within a step', () => {
  const back = sample(1, 'a', 'old', 104)
  expect(wentBack([sample(1, 'a', 'new', 100), back], 'new', [step])).toEqual([back])
})

test('another agent may be behind while the step is under way, and not afterwards', () => {
  const behind = sample(1, 'b', 'old', 105)
  const late = sample(1, 'b', 'old', 111)
  expect(wentBack([sample(1, 'a', 'new', 100), behind, late], 'new', [step])).toEqual([late])
})

test('requests that overlapped, other users and failed ones do not count', () => {
  const samples = [
    sample(1, 'a', 'new', 100),
    sample(1, 'a', 'old', 101),
    sample(2, 'a', 'old', 120),
    sample(null, 'a', 'old', 120),
    { ...sample(1, 'a', '', 120), problem: 'status' as const },
  ]
  expect(wentBack(samples, 'new', [step])).toEqual([])
})

test('the share counts users, not requests, between two moments', () => {
  const samples = [
    sample(1, 'a', 'new', 10),
    sample(1, 'b', 'new', 20),
    sample(2, 'a', 'old', 20),
    sample(3, 'a', 'new', 200),
  ]
  expect(shareOf(samples, 'new', 0, 100)).toEqual({ users: 2, answered: 1 })
})

test.each([
  // 4 deviations of 300 users at 10 percent are 20.8.
  [10, 300, 0, false],
  [10, 300, 9, false],
  [10, 300, 10, true],
  [10, 300, 30, true],
  [10, 300, 50, true],
  [10, 300, 51, false],
  [50, 300, 115, false],
  [50, 300, 116, true],
  [50, 300, 185, false],
  // Too few to tell 10 percent from nobody.
  [10, 144, 14, false],
  [10, 145, 14, true],
  [100, 300, 300, true],
  [100, 300, 299, false],
  [100, 0, 0, false],
  [0, 300, 0, true],
  [0, 300, 1, false],
])('is it %i percent of %i users when %i were answered? %s', (percent, users, answered, is) => {
  expect(isShare({ users, answered }, percent)).toBe(is)
})

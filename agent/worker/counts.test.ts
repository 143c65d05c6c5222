import { expect, test } from 'vitest'
import { createCounts, releasesMax } from './counts.ts'

const fresh = () => {
  let changes = 0
  const counts = createCounts(
    (backend) => `shop-r${backend}`,
    () => changes++,
  )
  return { counts, changes: () => changes }
}

test('the ledger is exact: it rises when an exchange begins and falls when it ends', () => {
  const { counts, changes } = fresh()
  const one = counts.of(1)
  counts.begin(one)
  counts.begin(one)
  counts.begin(counts.of(2))
  counts.end(one)
  counts.fail('no-route')
  counts.connection(1)
  expect(counts.usage()).toEqual({
    inUse: { 'shop-r1': 1, 'shop-r2': 1 },
    requests: { 'shop-r1': 2, 'shop-r2': 1 },
    errors: {},
    failures: { 'no-route': 1 },
    connections: 1,
  })
  expect(changes()).toBe(6)
})

test('an exchange keeps its release over a new table', () => {
  const { counts } = fresh()
  const one = counts.of(1)
  counts.begin(one)
  counts.renumber()
  expect(counts.of(1)).toBe(one)
  counts.end(one)
  expect(counts.usage().inUse).toEqual({ 'shop-r1': 0 })
})

test('at most so many releases are remembered, and none that is in use is forgotten', () => {
  const { counts } = fresh()
  counts.begin(counts.of(0))
  for (let backend = 1; backend <= releasesMax; backend++) counts.of(backend)
  expect(Object.keys(counts.usage().requests).length).toBe(releasesMax + 1)
  counts.renumber()
  const kept = Object.keys(counts.usage().requests)
  expect(kept.length).toBe(releasesMax)
  expect(kept).toContain('shop-r0')
  expect(kept).not.toContain('shop-r1')
})

/** What a new epoch does not know runs on for a while; what an epoch itself drops is dropped at once. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createOrphans } from './orphans.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

const workload = (release: string) => ({
  app: 'shop',
  release,
  version: '1',
  program: 'shop',
  copies: 1,
})
const desired = (epoch: number, ...releases: string[]) => ({
  version: 1,
  epoch,
  revision: 1,
  workloads: releases.map(workload),
})
const names = (workloads: readonly { release: string }[]) => workloads.map(({ release }) => release)

test('a workload that the same epoch drops is dropped at once', () => {
  const orphans = createOrphans(1_000, () => {})
  expect(names(orphans.runWith(desired(1, 'shop-r1', 'shop-r2'), desired(1, 'shop-r2')))).toEqual([
    'shop-r2',
  ])
})

test('a workload that a higher epoch does not know runs on, until the grace is over', () => {
  let expired = 0
  const orphans = createOrphans(1_000, () => expired++)
  const after = desired(2, 'shop-r1')
  expect(names(orphans.runWith(desired(1, 'shop-r1', 'shop-r2'), after))).toEqual([
    'shop-r1',
    'shop-r2',
  ])
  expect(names(orphans.runWith(after, after))).toEqual(['shop-r1', 'shop-r2'])
  vi.advanceTimersByTime(999)
  expect(expired).toBe(0)
  vi.advanceTimersByTime(1)
  expect(expired).toBe(1)
  expect(names(orphans.runWith(after, after))).toEqual(['shop-r1'])
})

test('a release whose id the new log gives again is that of the new log', () => {
  const orphans = createOrphans(1_000, () => {})
  const after = desired(2, 'shop-r1')
  orphans.runWith(desired(1, 'shop-r1', 'shop-r2'), after)
  const again = {
    ...after,
    workloads: [...after.workloads, { ...workload('shop-r2'), version: '3' }],
  }
  expect(orphans.runWith(after, again).filter(({ release }) => release === 'shop-r2')).toEqual([
    { ...workload('shop-r2'), version: '3' },
  ])
})

test('the first snapshot of a platform leaves nothing behind', () => {
  const orphans = createOrphans(1_000, () => {})
  expect(names(orphans.runWith(desired(0), desired(1, 'shop-r1')))).toEqual(['shop-r1'])
  orphans.stop()
})

test('what replaced other copies stands still, and what the new log replaces is of the new log', () => {
  const rolling = {
    replaces: ['shop-r1'],
    maxSurge: 1,
    maxUnavailable: 0,
    minReadyMs: 0,
    progressDeadlineMs: 1_000,
    paused: false,
  }
  const replacing = (release: string) => ({ ...workload(release), rolling })
  const before = { ...desired(1), workloads: [replacing('shop-r2')] }
  const orphans = createOrphans(1_000, () => {})
  expect(orphans.runWith(before, desired(2, 'shop-r0'))).toEqual([
    workload('shop-r0'),
    { ...workload('shop-r2'), rolling: { ...rolling, paused: true } },
  ])
  const after = { ...desired(2), workloads: [replacing('shop-r3')] }
  const replaced = createOrphans(1_000, () => {})
  expect(names(replaced.runWith(desired(1, 'shop-r1'), after))).toEqual(['shop-r3'])
  orphans.stop()
  replaced.stop()
})

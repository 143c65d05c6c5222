import { expect, test } from 'vitest'
import type { Workload } from '../../platform/platform.ts'
import { hinderedBy } from './hindered.ts'

const workload = (release: string, more: Partial<Workload> = {}): Workload => ({
  app: 'shop',
  release,
  version: '1',
  program: 'shop',
  copies: 2,
  ...more,
})
const endpoint = { address: '10.0.0.1', port: 8080 }
const rolling = {
  replaces: ['shop-r1'],
  maxSurge: 1,
  maxUnavailable: 0,
  minReadyMs: 0,
  progressDeadlineMs: 60_000,
  paused: false,
}

test('a platform that is away is the trouble of releases that wait for it, and of no other', () => {
  const all = [workload('shop-r1'), workload('shop-r2'), workload('shop-r3', { rolling })]
  const both = [endpoint, { ...endpoint, port: 8081 }]
  const endpoints = { 'shop-r1': both, 'shop-r2': [endpoint], 'shop-r3': both }
  const message = 'nothing can be started or stopped: nobody answers'
  expect(hinderedBy('nobody answers', all, endpoints)).toEqual([
    { release: 'shop-r2', message },
    { release: 'shop-r3', message },
  ])
  expect(hinderedBy('nobody answers', all, {})).toHaveLength(3)
})

test('a reason of any length fits into a report', () => {
  const [trouble] = hinderedBy('x'.repeat(5_000), [workload('shop-r1')], {})
  expect(trouble?.message).toHaveLength(1_024)
})

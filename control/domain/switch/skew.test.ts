/** The skew of a switch, from intervals that no wall clock was needed for. */
import { expect, test } from 'vitest'
import type { Report } from '#wire/report.ts'
import { emptyFleet, foldPublished, foldReport } from '../reports/fleet.ts'
import type { SwitchState } from '../state.ts'
import { skewOf, spread } from './skew.ts'

const interval = (low: number | null, high: number | null) => ({
  cluster: 'eu-1',
  agent: 'a',
  appliedMs: null,
  notBeforeMs: low,
  notAfterMs: high,
})

test.each([
  ['one agent moves with itself', [interval(1, 3)], 0, 2],
  ['exact moments have no error', [interval(1, 1), interval(4, 4)], 3, 0],
  ['the middles differ, and the rest is error', [interval(0, 2), interval(4, 6)], 4, 2],
  ['intervals that overlap may be one moment', [interval(0, 10), interval(2, 4)], 2, 8],
  ['one unknown moment makes the skew unknown', [interval(0, 1), interval(null, null)], null, null],
  ['nobody moved', [], null, null],
])('%s', (_, evidence, skewMs, skewErrorMs) => {
  expect(spread(evidence)).toEqual({ skewMs, skewErrorMs })
})

test('the true skew lies within the error of the estimate', () => {
  const truth = [
    { at: 103, travelDownMs: 2, travelUpMs: 9, cluster: 'eu-1' },
    { at: 111, travelDownMs: 6, travelUpMs: 1, cluster: 'us-1' },
  ]
  const startedMs = 100
  let fleet = emptyFleet(0)
  for (const { cluster } of truth) fleet = foldPublished(fleet, cluster, 7, startedMs)
  for (const { cluster, at, travelDownMs, travelUpMs } of truth) {
    const reportedAt = at + 1
    const appliedMs = at - (startedMs + travelDownMs)
    const positions = { shop: { prepared: 0, active: 5, appliedMs, activeForMs: 1 } }
    const report = { cluster, agent: 'a', instance: 'x', sequence: 1, positions }
    fleet = foldReport(fleet, report as unknown as Report, reportedAt + travelUpMs, 0)
  }
  const { skewMs, skewErrorMs, evidence } = skewOf(
    fleet,
    { app: 'shop', decidedRevision: 7 } as SwitchState,
    truth.map(({ cluster }) => ({ cluster, agent: 'a' })),
  )
  for (const [n, { at }] of truth.entries()) {
    expect(at - startedMs).toBeGreaterThanOrEqual(evidence[n]!.notBeforeMs!)
    expect(at - startedMs).toBeLessThanOrEqual(evidence[n]!.notAfterMs!)
  }
  expect(Math.abs(8 - skewMs!)).toBeLessThanOrEqual(skewErrorMs!)
})

test('a header that went out before this control started proves no moment', () => {
  const { evidence, skewMs } = skewOf(
    emptyFleet(0),
    { app: 'shop', decidedRevision: 7 } as SwitchState,
    [{ cluster: 'eu-1', agent: 'a' }],
  )
  expect([evidence[0]?.notAfterMs, skewMs]).toEqual([null, null])
})

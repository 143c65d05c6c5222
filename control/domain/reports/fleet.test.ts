/** The newest report of each agent is enough, whatever order they come in. */
import { expect, test } from 'vitest'
import { limits } from '#wire/limits.ts'
import type { Report } from '#wire/report.ts'
import {
  dropReport,
  emptyFleet,
  foldPublished,
  foldReport,
  publishedMs,
  reportOf,
} from './fleet.ts'

const who = { cluster: 'eu-1', agent: 'a' }
const told = (instance: string, startedAtMs: number, sequence: number, prepared = 0) =>
  ({
    ...who,
    instance,
    startedAtMs,
    sequence,
    positions: { shop: { prepared, active: 0, appliedMs: null, activeForMs: null } },
  }) as unknown as Report

test('a repeated or late report changes nothing', () => {
  const fleet = foldReport(emptyFleet(0), told('x', 10, 5), 1, 1)
  for (const sequence of [5, 4, 1]) {
    expect(foldReport(fleet, told('x', 10, sequence), 2, 2)).toBe(fleet)
  }
  expect(reportOf(foldReport(fleet, told('x', 10, 6), 3, 4), who)).toMatchObject({
    receivedMs: 3,
    seenAtMs: 4,
  })
})

test('a younger life wins at once, an older one only over silence', () => {
  const fleet = foldReport(emptyFleet(0), told('x', 10, 5), 0, 0)
  expect(reportOf(foldReport(fleet, told('y', 11, 1), 1, 1), who)?.report.instance).toBe('y')
  const silentAt = limits.agentSilentAfterMs
  expect(foldReport(fleet, told('y', 9, 1), 1, silentAt - 1)).toBe(fleet)
  expect(reportOf(foldReport(fleet, told('y', 9, 1), 1, silentAt), who)?.report.instance).toBe('y')
})

test('what an agent was prepared for is remembered within one life', () => {
  let fleet = foldReport(emptyFleet(0), told('x', 10, 1, 7), 0, 0)
  fleet = foldReport(fleet, told('x', 10, 2, 0), 0, 0)
  expect(reportOf(fleet, who)?.wasPrepared).toEqual({ shop: 7 })
  fleet = foldReport(fleet, told('y', 11, 1, 0), 0, 0)
  expect(reportOf(fleet, who)?.wasPrepared).toEqual({})
})

test('a forgotten agent has said nothing', () => {
  const fleet = foldReport(emptyFleet(0), told('x', 10, 1), 0, 0)
  expect(reportOf(dropReport(fleet, who), who)).toBeUndefined()
  expect(dropReport(emptyFleet(0), who)).toEqual(emptyFleet(0))
})

test('only the newest publications are remembered', () => {
  let fleet = emptyFleet(0)
  for (let revision = 1; revision <= 100; revision++) {
    fleet = foldPublished(fleet, 'eu-1', revision, revision * 2)
  }
  expect(publishedMs(fleet, 'eu-1', 100)).toBe(200)
  expect(publishedMs(fleet, 'eu-1', 36)).toBeNull()
  expect(publishedMs(fleet, 'us-1', 100)).toBeNull()
})

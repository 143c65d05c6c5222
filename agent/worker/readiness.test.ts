import { expect, test } from 'vitest'
import { notReadyBecause, type Readiness } from './readiness.ts'

const served: Readiness = {
  hasTable: true,
  hasFiles: true,
  pilotSays: null,
  pilotAbsentForMs: null,
  seekHeaderMs: 2_000,
  draining: false,
}

test.each([
  ['the pilot has said so', { pilotSays: true }, null],
  ['the pilot has said so and died since', { pilotSays: true, pilotAbsentForMs: 60_000 }, null],
  ['the last-known-good is served and the pilot was sought', { pilotAbsentForMs: 2_000 }, null],
  ['the pilot is still sought', { pilotAbsentForMs: 1_999 }, /soon/],
  ['the pilot is there and has not spoken', {}, /waiting for the pilot/],
  ['the pilot says no', { pilotSays: false }, /has not confirmed/],
  ['the pilot says no and died', { pilotSays: false, pilotAbsentForMs: 60_000 }, /not confirmed/],
  ['a file was missing', { hasFiles: false, pilotAbsentForMs: 60_000 }, /incomplete/],
  ['there is no table', { hasTable: false, pilotSays: true }, /no verified table/],
  ['the worker drains', { pilotSays: true, draining: true }, /draining/],
] as const)('a worker is ready or says why not: %s', (_, change, expected) => {
  const reason = notReadyBecause({ ...served, ...change })
  if (expected === null) expect(reason).toBeNull()
  else expect(reason).toMatch(expected)
})

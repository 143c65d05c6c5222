/** HAProxy's times (`documentation/annotations.md`, "time"): a number and a unit, milliseconds without one. Pure. */
import type { Timeouts } from '#wire/filter.ts'
import { limits } from '#wire/limits.ts'

/** Annotations with a time that a route can have for itself. */
export const timeoutFields: Readonly<Record<string, keyof Timeouts>> = {
  'timeout-server': 'idleMs',
  'timeout-connect': 'connectMs',
  'timeout-tunnel': 'tunnelIdleMs',
}

const unitMs: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** Milliseconds, at least one; or what is wrong with it. */
export function readTimeout(value: string): number | string {
  const [, count = '', unit = 'ms'] = /^([0-9]+)(us|ms|s|m|h|d)?$/.exec(value) ?? []
  if (count === '') return 'which is no time such as "500ms", "30s" or "5m"'
  const ms = Math.ceil(Number(count) * unitMs[unit]!)
  if (ms === 0) return 'which would be no bound at all; the usual one stays'
  return ms <= limits.routeTimeoutMs ? ms : 'which is more than a day; the usual bound stays'
}

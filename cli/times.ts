/** Durations and instants, as people write and read them. */
import { InvalidArgumentError } from 'commander'

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** `90s`, `5m`, `1h30m`, `500ms`; a plain number is seconds. Null when it is none of these. */
export function parseDuration(text: string): number | null {
  if (/^\d{1,9}(\.\d{1,3})?$/.test(text)) return Number(text) * 1_000
  if (!/^(\d{1,9}(\.\d{1,3})?(ms|[smhd]))+$/.test(text)) return null
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)
  return [...parts].reduce((sum, [, count, unit]) => sum + Number(count) * units[unit!]!, 0)
}

/** For commander: a duration of at least a millisecond. */
export function durationMs(text: string): number {
  const ms = parseDuration(text)
  if (ms === null || ms < 1) throw new InvalidArgumentError('say a duration, as 90s, 5m or 1h30m.')
  return Math.round(ms)
}

/** `340ms`, `12s`, `5m`, `3h12m`, `4d`: at most two units. */
export function durationWords(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))}ms`
  const seconds = Math.floor(ms / 1_000)
  if (seconds < 60) return `${seconds}s`
  const [big, small, bigUnit, smallUnit] =
    seconds < 3_600
      ? [Math.floor(seconds / 60), seconds % 60, 'm', 's']
      : seconds < 86_400
        ? [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60), 'h', 'm']
        : [Math.floor(seconds / 86_400), Math.floor((seconds % 86_400) / 3_600), 'd', 'h']
  return small === 0 ? `${big}${bigUnit}` : `${big}${bigUnit}${small}${smallUnit}`
}

export const instant = (atMs: number): string => new Date(atMs).toISOString()

/** `3m ago`, `in 2h`. */
export const relative = (atMs: number, nowMs: number): string =>
  atMs <= nowMs ? `${durationWords(nowMs - atMs)} ago` : `in ${durationWords(atMs - nowMs)}`

const asIso: Readonly<Record<string, string>> = { untilMs: 'until' }

/** The answer with each `…AtMs` followed by the instant that it is, for `-o json` and `-o yaml`. */
export function withInstants(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withInstants)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, held]) => {
      const name = /^.*AtMs$/.test(key) ? key.slice(0, -2) : asIso[key]
      const kept: [string, unknown] = [key, withInstants(held)]
      if (name === undefined || typeof held !== 'number' || name in value) return [kept]
      return [kept, [name, instant(held)] as [string, unknown]]
    }),
  )
}

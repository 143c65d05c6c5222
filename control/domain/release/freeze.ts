/**
 * Freeze windows: while one holds, no release takes more public traffic by itself or by promote. Going back
 * is always allowed. A window that comes again does so in steps of exactly 24 hours or 7 days.
 */
import type { FreezeView } from '#wire/freeze.ts'
import type { FreezeState, State } from '../state.ts'

const dayMs = 86_400_000
const everyMs = { day: dayMs, week: 7 * dayMs } as const

/** When the window that holds at `now` ends; null when none does. */
export function frozenUntilMs({ intent }: FreezeState, now: number): number | null {
  const from = Date.parse(intent.from)
  const until = Date.parse(intent.until)
  if (now < from) return null
  if (!intent.every) return now < until ? until : null
  const period = everyMs[intent.every]
  // A window as long as its period has no gap.
  if (until - from >= period) return Number.MAX_SAFE_INTEGER
  const start = from + Math.floor((now - from) / period) * period
  const end = start + (until - from)
  return now < end ? end : null
}

export interface Holding {
  readonly name: string
  readonly untilMs: number
  readonly reason: string
}

/** The freezes that hold for an app in any of the clusters, the longest first. */
export function freezesFor(
  state: State,
  app: string,
  clusters: readonly string[],
  now: number,
): readonly Holding[] {
  return [...state.freezes.values()]
    .flatMap((freeze): Holding[] => {
      const { intent, name } = freeze
      if (intent.apps && !intent.apps.includes(app)) return []
      if (intent.clusters && !intent.clusters.some((one) => clusters.includes(one))) return []
      const untilMs = frozenUntilMs(freeze, now)
      return untilMs === null ? [] : [{ name, untilMs, reason: intent.reason }]
    })
    .sort((a, b) => b.untilMs - a.untilMs)
}

export const freezeView = (freeze: FreezeState, now: number): FreezeView => ({
  name: freeze.name,
  ...freeze.intent,
  setBy: freeze.setBy,
  active: frozenUntilMs(freeze, now) !== null,
})

/** As an operator reads it. */
export const instant = (ms: number): string =>
  ms === Number.MAX_SAFE_INTEGER ? 'it is lifted' : new Date(ms).toISOString().replace('.000Z', 'Z')

/**
 * How far apart the first and the last agent moved, without trusting a wall clock (DESIGN D5). An agent
 * became active at a moment that control's monotonic clock bounds from both sides:
 *
 *   not before  the committing header began to go out, plus the agent's own header-to-active time
 *   not after   the report arrived, less the time that the agent had been active by then
 *
 * A middle of each interval gives the skew; what the intervals leave open is its error.
 */
import type { AgentRef, EventOf } from '../event.ts'
import { type Fleet, publishedMs, reportOf } from '../reports/fleet.ts'
import type { SwitchState } from '../state.ts'

type Evidence = EventOf<'switch-completed'>['evidence']

export function skewOf(
  fleet: Fleet,
  { app, decidedRevision }: SwitchState,
  active: readonly AgentRef[],
): Pick<EventOf<'switch-completed'>, 'evidence' | 'skewMs' | 'skewErrorMs'> {
  const starts = active.map(({ cluster }) => publishedMs(fleet, cluster, decidedRevision ?? 0))
  const known = starts.filter((start) => start !== null)
  const zeroMs = known.length > 0 ? Math.min(...known) : null
  const evidence = active.map(({ cluster, agent }, n): Evidence[number] => {
    const held = reportOf(fleet, { cluster, agent })
    const position = held?.report.positions[app]
    const appliedMs = position?.appliedMs ?? null
    const startMs = starts[n] ?? null
    if (!held || startMs === null || zeroMs === null) {
      return { cluster, agent, appliedMs, notBeforeMs: null, notAfterMs: null }
    }
    const notBeforeMs = startMs - zeroMs + (appliedMs ?? 0)
    const notAfterMs = held.receivedMs - zeroMs - (position?.activeForMs ?? 0)
    return {
      cluster,
      agent,
      appliedMs,
      notBeforeMs: rounded(Math.min(notBeforeMs, notAfterMs)),
      notAfterMs: rounded(notAfterMs),
    }
  })
  return { evidence, ...spread(evidence) }
}

/** Null when the moment of some agent is not bounded: control was restarted in between. */
export function spread(evidence: Evidence): { skewMs: number | null; skewErrorMs: number | null } {
  const intervals = evidence.flatMap(({ notBeforeMs, notAfterMs }) =>
    notBeforeMs === null || notAfterMs === null ? [] : [{ low: notBeforeMs, high: notAfterMs }],
  )
  if (intervals.length === 0 || intervals.length < evidence.length) {
    return { skewMs: null, skewErrorMs: null }
  }
  const middles = intervals.map(({ low, high }) => (low + high) / 2)
  const skewMs = Math.max(...middles) - Math.min(...middles)
  const lows = intervals.map(({ low }) => low)
  const highs = intervals.map(({ high }) => high)
  const atMost = Math.max(...highs) - Math.min(...lows)
  const atLeast = Math.max(0, Math.max(...lows) - Math.min(...highs))
  return {
    skewMs: rounded(skewMs),
    skewErrorMs: rounded(Math.max(atMost - skewMs, skewMs - atLeast)),
  }
}

/** Microseconds: more digits would only be noise in the log. */
const rounded = (ms: number): number => Math.round(ms * 1_000) / 1_000

/**
 * Which versions may answer when, cluster by cluster: read from the log, after a life. A version may answer
 * from the record that gives it a share of the public traffic (or lets such a release share its copies) to
 * the one that proves that every agent has left it.
 */
import type { Allowed } from '../../bench/load/verdict.ts'
import { evolve } from '../../control/domain/evolve.ts'
import type { TurnRecord } from '../../control/domain/record.ts'
import {
  type AppState,
  appOf,
  emptyState,
  isIncomplete,
  publicReleases,
  releaseOf,
  releasesOf,
  type State,
} from '../../control/domain/state.ts'
import { sharedBy } from '../../control/domain/switch/shares.ts'

/** A record's moment is rounded down to a millisecond, and so is the wall clock's beside the other one. */
const roundedMs = 1

export interface Timeline {
  readonly state: State
  allowed(app: string, cluster: string): readonly Allowed[]
}

/** `monotonicAt` of a wall clock's moment in milliseconds. */
export function readTimeline(
  records: readonly TurnRecord[],
  monotonicAt: (wallMs: number) => number,
): Timeline {
  const open = new Map<string, Map<string, number>>()
  const closed = new Map<string, Allowed[]>()
  let state = emptyState
  for (const record of records) {
    state = evolve(state, record)
    const fromMs = monotonicAt(record.at) - roundedMs
    const toMs = monotonicAt(record.at) + roundedMs
    for (const app of appsOf(record, state)) {
      for (const cluster of Object.keys(app.positions)) {
        const key = `${app.app} ${cluster}`
        const spans = open.get(key) ?? new Map<string, number>()
        open.set(key, spans)
        const versions = answering(state, app, cluster)
        for (const version of versions) if (!spans.has(version)) spans.set(version, fromMs)
        if (!isSettled(state, app)) continue
        for (const [version, since] of spans) {
          if (versions.has(version)) continue
          spans.delete(version)
          closed.set(key, [...(closed.get(key) ?? []), { version, fromMs: since, toMs }])
        }
      }
    }
  }
  return {
    state,
    allowed(app, cluster) {
      const key = `${app} ${cluster}`
      const still = [...(open.get(key) ?? [])].map(([version, fromMs]) => ({ version, fromMs }))
      return [...(closed.get(key) ?? []), ...still]
    },
  }
}

/** Apps that the record may have changed. */
function appsOf(record: TurnRecord, state: State): AppState[] {
  const names = record.events.flatMap((event) => {
    if ('app' in event && typeof event.app === 'string') return event.app
    if ('release' in event && typeof event.release === 'string') {
      return releaseOf(state, event.release)?.app ?? []
    }
    return []
  })
  return [...new Set(names)].flatMap((name) => appOf(state, name) ?? [])
}

function answering(state: State, app: AppState, cluster: string): ReadonlySet<string> {
  const releases = publicReleases(app, cluster).flatMap((id) => releaseOf(state, id) ?? [])
  const shared = releases.flatMap((release) => sharedBy(release, cluster))
  return new Set([
    ...releases.map(({ version }) => version),
    ...shared.flatMap((id) => releaseOf(state, id)?.version ?? []),
  ])
}

/** No agent may still be where the position was before. */
const isSettled = (state: State, app: AppState): boolean =>
  app.switch?.state !== 'committing' &&
  releasesOf(state, app).every((release) => !release.switch || !isIncomplete(release.switch))

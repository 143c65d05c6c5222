/**
 * What the gauges of releases show, read from state and fleet at each scrape. Series are made only for what
 * an operator would act on, and for at most so many of each kind: a fleet of 10,000 apps must not become
 * as many series.
 */
import type { ReleaseGauges } from './api/metrics.ts'
import { waitingOf } from './domain/release/waiting.ts'
import type { Fleet } from './domain/reports/fleet.ts'
import {
  type AppState,
  appOf,
  isEnrolled,
  type ReleaseState,
  releasesOf,
  type State,
} from './domain/state.ts'
import { valuesOf } from './domain/table.ts'

/** Of each kind; what is beyond is in the plain counts. */
export const seriesMax = 256

/** Codes of waiting that only people end. */
const waitsForPeople = new Set(['promote', 'approvals', 'paused', 'frozen', 'pause-time'])

/** Nobody asked for a pause that the fleet or the clock has brought about. */
const notPeople = ['fleet', 'clock']

export function releaseGauges(state: State, fleet: Fleet, now: number): ReleaseGauges {
  const open = [...state.open].flatMap((name) => releasesNamed(state, name))
  const publicOnes = [...valuesOf(state.apps)].flatMap((app) => rolesIn(state, app))
  return {
    waiting: first(
      open.flatMap((release) => {
        const code = waitingOf(state, fleet, release, now)?.code
        if (code === undefined || waitsForPeople.has(code)) return []
        return [{ app: release.app, release: release.id, code }]
      }),
    ),
    paused: first(
      open.flatMap(({ app, id: release, paused }) =>
        paused ? [{ app, release, by: notPeople.includes(paused.by) ? 'fleet' : 'people' }] : [],
      ),
    ),
    incomplete: first(
      [...valuesOf(state.apps)].flatMap(({ app, switch: newest }) => {
        if (newest?.state !== 'completed') return []
        const agents = newest.except.filter((agent) => isEnrolled(state, agent)).length
        return agents > 0 ? [{ app, agents }] : []
      }),
    ),
    roles: first(publicOnes),
  }
}

const first = <T>(all: readonly T[]): readonly T[] => all.slice(0, seriesMax)

function releasesNamed(state: State, name: string): readonly ReleaseState[] {
  const app = appOf(state, name)
  return app ? releasesOf(state, app) : []
}

/** The newest release that takes public traffic, and the one it took it from. */
function rolesIn(state: State, app: AppState): ReleaseGauges['roles'] {
  const newest = releasesOf(state, app).findLast(
    ({ phase }) => phase === 'live' || phase === 'committing' || phase === 'progressing',
  )
  if (!newest) return []
  const former = Object.values(newest.former).find((id) => id !== null) ?? null
  return [
    { app: app.app, release: newest.id, role: 'new' as const },
    ...(former === null ? [] : [{ app: app.app, release: former, role: 'old' as const }]),
  ]
}

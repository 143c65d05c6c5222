/**
 * The conclusions that may be drawn now, from the newest reports and the time: nobody asks for them. Only
 * apps with something open are looked at. Each conclusion is an event with its evidence; drawing them is
 * repeated until there is none left, within one record.
 */
import { currentFormat } from '#wire/header.ts'
import type { AgentRef, DomainEvent } from '../event.ts'
import { gateOf, nextStep } from '../release/gates.ts'
import { awaitsAutoPromote } from '../release/open.ts'
import type { Fleet } from '../reports/fleet.ts'
import { leftBehind } from '../reports/ledger.ts'
import { currentReport } from '../reports/reading.ts'
import {
  type AppState,
  agentsOf,
  appOf,
  isPublicAnywhere,
  isSwitching,
  type ReleaseState,
  releasesOf,
  type State,
} from '../state.ts'
import { readinessOf, shortageOf } from '../switch/readiness.ts'
import {
  departureProgress,
  isBeingReplaced,
  keptBy,
  replacementProgress,
  replacingIn,
} from '../switch/replacement.ts'
import { catchingUp, switchProgress } from '../switch/switch.ts'
import { proposal } from './promote.ts'

export function progress(state: State, fleet: Fleet, now: number): DomainEvent[] {
  const raised = formatProgress(state, fleet)
  if (raised.length > 0) return raised
  return [...state.open].flatMap((name) => {
    const app = appOf(state, name)
    return app ? appProgress(state, fleet, app, now) : []
  })
}

/** Old and new agents serve side by side until the last one reads the next format. */
function formatProgress(state: State, fleet: Fleet): DomainEvent[] {
  const next = state.format + 1
  if (next > currentFormat || !state.epoch) return []
  const agents = [...agentsOf(state, [...state.clusters.keys()])]
  const reads = (agent: AgentRef) => currentReport(state, fleet, agent)?.formats.includes(next)
  if (agents.length === 0 || !agents.every(reads)) return []
  return [{ type: 'format-raised', v: 1, format: next }]
}

/** At most one step of each release, so that every step is judged on the state that it follows. */
function appProgress(state: State, fleet: Fleet, app: AppState, now: number): DomainEvent[] {
  const moved = app.switch ? switchProgress(state, fleet, app.switch, now) : []
  if (moved.length > 0) return [...moved]
  const followed = catchingUp(state, fleet, app)
  if (followed.length > 0) return followed
  const left = leavingProgress(state, fleet, app)
  if (left.length > 0) return left
  return releasesOf(state, app).flatMap((release) =>
    releaseProgress(state, fleet, app, release, now),
  )
}

function releaseProgress(
  state: State,
  fleet: Fleet,
  app: AppState,
  release: ReleaseState,
  now: number,
): DomainEvent[] {
  const id = release.id
  if (release.phase === 'starting') {
    const readiness = readinessOf(state, fleet, release, now)
    if (!readiness.ready) return []
    return [{ type: 'release-ready', v: 1, release: id, evidence: [...readiness.evidence] }]
  }
  if (mayStep(state, fleet, app, release, now)) return [proposal(state, app, release, now)]
  const replaced = replacementProgress(state, fleet, app, release, now)
  if (replaced.length > 0) return replaced
  const left = departureProgress(state, fleet, app, release, releasesOf(state, app))
  if (left.length > 0) return left
  if (release.drainAtMs !== null && now >= release.drainAtMs && !isPublicAnywhere(app, id)) {
    return [{ type: 'drain-deadline-passed', v: 1, release: id }]
  }
  if (release.leavingSince !== null && !release.gone && !isBeingReplaced(release)) {
    const since = release.leavingSince
    const evidence = leftBehind(state, fleet, app, release.clusters, keptBy(release), since)
    return evidence ? [{ type: 'release-decommissioned', v: 1, release: id, evidence }] : []
  }
  return []
}

/** The next step begins by itself: nothing holds it back, and its clusters have the endpoints. */
function mayStep(
  state: State,
  fleet: Fleet,
  app: AppState,
  release: ReleaseState,
  now: number,
): boolean {
  if (release.phase !== 'progressing' && !awaitsAutoPromote(release)) return false
  if (isSwitching(app) || replacingIn(release).length > 0) return false
  const step = nextStep(release)
  if (!step || gateOf(state, release, now)) return false
  return (
    release.phase === 'ready' ||
    (step.clusters.every((cluster) => !agentsOf(state, [cluster]).next().done) &&
      shortageOf(state, fleet, release, now) === null)
  )
}

/** Routes are gone already; backends and workloads follow once no agent uses or could use them. */
function leavingProgress(state: State, fleet: Fleet, app: AppState): DomainEvent[] {
  const releases = releasesOf(state, app).filter((release) => !release.gone)
  const left = Object.entries(app.leaving).flatMap(([cluster, since]): DomainEvent[] => {
    const here = releases.filter((release) => release.clusters.includes(cluster))
    const ids = here.map((release) => release.id)
    const evidence = here.length === 0 ? [] : leftBehind(state, fleet, app, [cluster], ids, since)
    return evidence ? [{ type: 'app-left', v: 1, app: app.app, cluster, evidence }] : []
  })
  const isLast = left.length === Object.keys(app.leaving).length
  if (app.deleting && isLast) left.push({ type: 'app-deleted', v: 1, app: app.app })
  return left
}

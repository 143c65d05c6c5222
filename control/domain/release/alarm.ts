/** When time alone will change something: the runtime's one alarm (DESIGN D1). */
import type { Fleet } from '../reports/fleet.ts'
import { silentAtMs } from '../reports/reading.ts'
import {
  type AppState,
  agentsOf,
  appOf,
  type ReleaseState,
  releasesOf,
  type State,
} from '../state.ts'
import { sightOf } from '../switch/readiness.ts'
import { switchAlarmMs } from '../switch/switch.ts'
import { gateOf } from './gates.ts'
import { awaitsAutoPromote } from './open.ts'

/**
 * The next moment after `now` (whose conclusions are drawn already); null when only an input can change
 * anything.
 */
export function alarmAt(state: State, fleet: Fleet, now: number): number | null {
  let next = Number.POSITIVE_INFINITY
  for (const name of state.open) {
    const app = appOf(state, name)
    if (!app) continue
    for (const at of alarmsOf(state, fleet, app, now)) if (at > now && at < next) next = at
  }
  return next === Number.POSITIVE_INFINITY ? null : next
}

function* alarmsOf(state: State, fleet: Fleet, app: AppState, now: number): Generator<number> {
  if (app.switch) {
    const at = switchAlarmMs(state, fleet, app.switch)
    if (at !== null) yield at
  }
  for (const release of releasesOf(state, app)) {
    if (release.drainAtMs !== null) yield release.drainAtMs
    if (release.phase === 'starting') yield* silences(state, fleet, release)
    if (release.phase === 'progressing' || awaitsAutoPromote(release)) {
      const gate = gateOf(state, release, now)
      if (gate?.untilMs !== undefined) yield gate.untilMs
    }
  }
}

/** A candidate waits for an agent until that is silent. */
function* silences(state: State, fleet: Fleet, release: ReleaseState): Generator<number> {
  for (const agent of agentsOf(state, release.clusters)) {
    const sight = sightOf(state, fleet, agent, release)
    if (sight.kind !== 'ready') yield silentAtMs(state, fleet, agent)
  }
}

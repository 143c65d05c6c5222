/** Whether an accepted intent has come true at every agent that is asked: what `?wait=active` waits for. */

import type { Intent } from '../input.ts'
import {
  agentsOf,
  appOf,
  type ReleaseState,
  releaseOf,
  type State,
  type SwitchState,
} from '../state.ts'
import type { Fleet } from './fleet.ts'
import { isSilent, serves } from './reading.ts'

export type Activity = 'active' | 'pending' | 'failed'

/**
 * `failed`: it will not come true any more, for example because its switch was aborted. `revision` is that
 * of the answer. Agents that are silent are not waited for where a barrier does not name them.
 */
export function intentActive(
  state: State,
  fleet: Fleet,
  intent: Intent,
  revision: number,
  now: number,
): Activity {
  switch (intent.type) {
    case 'put-app': {
      const app = appOf(state, intent.app)
      return app ? served(state, fleet, app.intent.clusters, revision, now) : 'failed'
    }
    case 'put-ingress':
    case 'delete-ingress':
      return served(state, fleet, [intent.cluster], revision, now)
    case 'delete-app': {
      const app = appOf(state, intent.app)
      return !app || app.createdRevision > revision ? 'active' : 'pending'
    }
    case 'create-release': {
      const id = createdAt(state, intent.body.app, revision)
      const release = id === null ? undefined : releaseOf(state, id)
      if (!release || release.phase === 'aborted') return 'failed'
      if (isStuck(release)) return 'failed'
      return hasArrived(release) ? served(state, fleet, release.clusters, revision, now) : 'pending'
    }
    case 'promote-release':
      return switched(state, intent.release, revision, 'promote')
    case 'rollback-release':
      return switched(state, intent.release, revision, 'rollback')
    case 'abort-release':
    case 'decommission-release': {
      const release = releaseOf(state, intent.release)
      if (!release || release.gone) return 'active'
      return release.leavingSince === null ? 'active' : 'pending'
    }
    default:
      return 'active'
  }
}

/** Ready, when somebody has to promote it; else live, or at the first step that waits. */
function hasArrived(release: ReleaseState): boolean {
  const { autoPromote, phase, steps, stepsDone } = release
  if (!autoPromote) return phase !== 'starting'
  const waits = phase === 'progressing' && steps[stepsDone - 1]?.pause != null
  return phase === 'live' || (waits && Object.keys(release.replaces).length === 0)
}

/** Its copies do not come: paused by the fleet's own word. */
const isStuck = (release: ReleaseState): boolean =>
  release.paused !== null && Object.keys(release.replaces).length > 0

/** Every enrolled agent that is not silent serves the revision, and every cluster has one. */
function served(
  state: State,
  fleet: Fleet,
  clusters: readonly string[],
  revision: number,
  now: number,
): Activity {
  return servedIn(state, fleet, clusters, revision, now) ? 'active' : 'pending'
}

export function servedIn(
  state: State,
  fleet: Fleet,
  clusters: readonly string[],
  revision: number,
  now: number,
): boolean {
  return clusters.every((cluster) => {
    const heard = [...agentsOf(state, [cluster])].filter(
      (agent) => !isSilent(state, fleet, agent, now),
    )
    return heard.length > 0 && heard.every((agent) => serves(state, fleet, agent, revision))
  })
}

/**
 * A switch is known by its generation, the position of the record that proposed it. A later one of the same
 * kind is the next step, which only begins once this one is complete, often in the very same record.
 */
function switched(
  state: State,
  release: string,
  generation: number,
  kind: SwitchState['kind'],
): Activity {
  const newest = releaseOf(state, release)?.switch
  if (!newest || newest.kind !== kind || newest.generation < generation) return 'failed'
  if (newest.generation > generation) return 'active'
  if (newest.state === 'aborted') return 'failed'
  return newest.state === 'completed' ? 'active' : 'pending'
}

function createdAt(state: State, app: string, revision: number): string | null {
  const releases = appOf(state, app)?.releases ?? []
  return releases.find((id) => releaseOf(state, id)?.createdRevision === revision) ?? null
}

/** A release's steps, its share of the users, and how far its copies have replaced others: as shown. */
import type { ReleaseView } from '#wire/release.ts'
import type { Fleet } from '../reports/fleet.ts'
import { appOf, isActive, type ReleaseState, type State } from '../state.ts'
import { replacingIn, rollingIn } from '../switch/replacement.ts'
import { percentOf } from '../switch/weights.ts'

/** A step is the current one from its switch until its pause is over. */
export function stepViews(release: ReleaseState): ReleaseView['steps'] {
  const { steps, stepsDone, phase } = release
  const moving = isActive(release) && phase !== 'starting' && phase !== 'ready'
  const at = phase === 'progressing' ? stepsDone - 1 : stepsDone
  return steps.map(({ clusters, weight, pause }, n) => ({
    clusters: [...clusters],
    weight,
    pause,
    state: n < at ? 'done' : n === at && moving ? 'current' : 'pending',
  }))
}

export function weightViews(state: State, release: ReleaseState): ReleaseView['weights'] {
  const app = appOf(state, release.app)
  return Object.fromEntries(
    release.clusters.map((cluster) => [cluster, app ? percentOf(app, cluster, release.id) : 0]),
  )
}

export function rollingViews(
  state: State,
  fleet: Fleet,
  release: ReleaseState,
): ReleaseView['rolling'] {
  const clusters = replacingIn(release)
  if (clusters.length === 0) return null
  const copies = appOf(state, release.app)?.intent.copies ?? 0
  return clusters.map((cluster) => {
    const said = rollingIn(state, fleet, release.id, cluster)
    const { updated = 0, ready = 0, old = 0, stalled = null } = said ?? {}
    return { cluster, copies, updated, ready, old, stalled }
  })
}

/**
 * Back to what was live before, at once: former weights under a new generation, without prepare. Possible
 * from the decision to commit on, so also between two steps, and in the middle of a commit that does not
 * come to its end. An abort between two steps is the same, and gives the release up.
 */

import type { DomainEvent } from '../event.ts'
import { inProgress, phaseConflict, reject } from '../rejections.ts'
import { type RollbackTarget, rollbackTarget } from '../release/rollback-target.ts'
import {
  type AppState,
  activeRelease,
  agentsOf,
  isPublicIn,
  type ReleaseState,
  type State,
} from '../state.ts'
import type { Motion } from './release.ts'

export function decideRollback(
  state: State,
  app: AppState,
  release: ReleaseState,
  now: number,
): Motion {
  const { id, phase } = release
  const between = phase === 'progressing' || (phase === 'preparing' && release.stepsDone > 0)
  if (phase !== 'live' && phase !== 'committing' && !between) {
    return phaseConflict(
      release,
      'Only a release with public traffic can be rolled back; a retired one can be promoted.',
    )
  }
  const open = app.switch
  const active = activeRelease(state, app)
  const foreign = open?.state === 'committing' && !open.winners.includes(id)
  // What rolls over the live release stands on its position.
  if (active && active.id !== id && (foreign || active.rolling)) return inProgress(active)
  if (foreign) return reject('release-in-progress', 'A switch is open.')
  const target = rollbackTarget(state, app, release)
  if ('reason' in target) {
    return reject('no-rollback-target', target.reason, {
      fix: 'Start a release of the version you want.',
    })
  }
  return { events: backEvents(state, app, release, target, `${id} was rolled back`, now) }
}

/** Traffic goes back first; then the release is given up, and its copies stop when nothing uses them. */
export function abortBack(
  state: State,
  app: AppState,
  release: ReleaseState,
  reason: string,
  now: number,
): Motion {
  const aborted: DomainEvent = { type: 'release-aborted', v: 1, release: release.id, reason }
  const target = rollbackTarget(state, app, release)
  if ('to' in target) {
    return { events: [...backEvents(state, app, release, target, reason, now), aborted] }
  }
  const hasTraffic = release.clusters.some((cluster) => isPublicIn(app, cluster, release.id))
  if (!hasTraffic) return { events: [...endedSwitch(app, reason), aborted] }
  return reject('no-rollback-target', target.reason, {
    fix: 'There is nothing to give its traffic back to: promote it to the end, or start another release.',
  })
}

function backEvents(
  state: State,
  app: AppState,
  release: ReleaseState,
  target: Extract<RollbackTarget, { to: string }>,
  reason: string,
  now: number,
): DomainEvent[] {
  const clusters = target.weights.map(({ cluster }) => cluster)
  const decided: DomainEvent = {
    type: 'rollback-decided',
    v: 1,
    app: app.app,
    from: release.id,
    to: target.to,
    weights: target.weights,
    required: [...agentsOf(state, clusters)].map(({ cluster, agent }) => ({ cluster, agent })),
    deadlineAtMs: now + release.deadlineMs,
  }
  return [...endedSwitch(app, reason), decided]
}

/** A switch that is only being prepared ends with what it was for. */
function endedSwitch({ app, switch: open }: AppState, reason: string): DomainEvent[] {
  if (open?.state !== 'preparing') return []
  return [{ type: 'switch-aborted', v: 1, app, generation: open.generation, reason }]
}

/**
 * Back to what was live before, at once: former weights under a new generation, without prepare. Possible
 * from the decision to commit on, so also in the middle of a commit that does not come to its end.
 */
import type { Motion } from './decide-release.ts'
import type { DomainEvent, EventOf } from './event.ts'
import { inProgress, reject } from './rejections.ts'
import {
  type AppState,
  activeRelease,
  agentsOf,
  publicRelease,
  type ReleaseState,
  releaseOf,
  type State,
} from './state.ts'

export function decideRollback(
  state: State,
  app: AppState,
  release: ReleaseState,
  now: number,
): Motion {
  const { id, phase } = release
  if (phase !== 'live' && phase !== 'committing') {
    return reject('phase-conflict', `${id} is ${phase}.`, {
      fix: 'Only a release with public traffic can be rolled back; a retired one can be promoted.',
      evidence: { release: id, phase },
    })
  }
  const open = app.switch
  if (open?.state === 'committing' && !open.winners.includes(id)) {
    const active = activeRelease(state, app)
    return active ? inProgress(active) : reject('release-in-progress', 'A switch is open.')
  }
  const target = rollbackTarget(state, app, release)
  if ('reason' in target) {
    return reject('no-rollback-target', target.reason, {
      fix: 'Start a release of the version you want.',
    })
  }
  const clusters = target.weights.map(({ cluster }) => cluster)
  const decided: DomainEvent = {
    type: 'rollback-decided',
    v: 1,
    app: app.app,
    from: id,
    to: target.to,
    weights: target.weights,
    required: [...agentsOf(state, clusters)].map(({ cluster, agent }) => ({ cluster, agent })),
    deadlineAtMs: now + release.deadlineMs,
  }
  if (open?.state !== 'preparing') return { events: [decided] }
  const { generation } = open
  const reason = `${id} was rolled back`
  const aborted: DomainEvent = { type: 'switch-aborted', v: 1, app: app.app, generation, reason }
  return { events: [aborted, decided] }
}

export type RollbackTarget =
  | { readonly to: string; readonly weights: EventOf<'rollback-decided'>['weights'] }
  | { readonly reason: string }

/** By cluster, the release that was live before, as long as its copies have not been given up. */
export function rollbackTarget(state: State, app: AppState, release: ReleaseState): RollbackTarget {
  const weights: EventOf<'rollback-decided'>['weights'] = []
  for (const cluster of release.clusters) {
    if (publicRelease(app, cluster) !== release.id) continue
    const former = release.former[cluster] ?? null
    if (former === null) return { reason: `Nothing was live in ${cluster} before ${release.id}.` }
    const target = releaseOf(state, former)
    if (!target || target.gone || target.leavingSince !== null) {
      return { reason: `${former}, which was live in ${cluster} before, is decommissioned.` }
    }
    weights.push({ cluster, weights: [{ release: former, weight: 1 }] })
  }
  const to = weights[0]?.weights[0]?.release
  return to ? { to, weights } : { reason: `${release.id} takes no public traffic.` }
}

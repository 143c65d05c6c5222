/** What a release can go back to: by cluster, what was live before it, while its copies are still there. */
import type { EventOf } from '../event.ts'
import { type AppState, isPublicIn, type ReleaseState, releaseOf, type State } from '../state.ts'

export type RollbackTarget =
  | { readonly to: string; readonly weights: EventOf<'rollback-decided'>['weights'] }
  | { readonly reason: string }

/** By cluster, the release that was live before, as long as its copies have not been given up. */
export function rollbackTarget(state: State, app: AppState, release: ReleaseState): RollbackTarget {
  const weights: EventOf<'rollback-decided'>['weights'] = []
  for (const cluster of release.clusters) {
    if (!isPublicIn(app, cluster, release.id)) continue
    const former = release.former[cluster] ?? null
    if (former === null) return { reason: `Nothing was live in ${cluster} before ${release.id}.` }
    const target = releaseOf(state, former)
    if (
      !target ||
      target.gone ||
      target.leavingSince !== null ||
      hasLeft(release, target, cluster)
    ) {
      return { reason: `${former}, which was live in ${cluster} before, is decommissioned.` }
    }
    weights.push({ cluster, weights: [{ release: former, weight: 1 }] })
  }
  const to = weights[0]?.weights[0]?.release
  return to ? { to, weights } : { reason: `${release.id} takes no public traffic.` }
}

/** Its copies there have been replaced to the last. */
const hasLeft = (release: ReleaseState, target: ReleaseState, cluster: string): boolean =>
  !target.clusters.includes(cluster) ||
  (target.replacedBy[cluster] !== undefined && !release.replaces[cluster]?.includes(target.id))

/**
 * Whose endpoints a rolling release shares: from its creation those of what is live, so that traffic is
 * already with it when the first copy is replaced; then those of what it replaces, until they have gone. What
 * is rolled over shares the successor's in turn: an agent that has not followed yet, or was left behind by a
 * switch that might proceed without it, still has endpoints when the last old copy ends (DESIGN D6).
 */
import type { ReleaseState } from '../state.ts'

export function sharedBy(release: ReleaseState, cluster: string): readonly string[] {
  const replaced = release.replaces[cluster]
  if (replaced) return replaced
  const successor = release.replacedBy[cluster] ?? release.rolledOverBy[cluster]
  if (successor !== undefined) return [successor]
  const former = release.rollsOver[cluster]
  return former !== undefined && awaitsRoll(release, cluster) ? [former] : []
}

/** It will replace what is live in the cluster, and has not begun to. */
const awaitsRoll = (release: ReleaseState, cluster: string): boolean =>
  activePhases.has(release.phase) &&
  release.steps.findIndex((step) => step.clusters.includes(cluster)) >= release.stepsDone

const activePhases: ReadonlySet<ReleaseState['phase']> = new Set([
  'starting',
  'ready',
  'preparing',
  'committing',
  'progressing',
])

/** Its platform runs copies for it, as many as it is told; one that is adopted has as many as it has. */
export const hasWorkload = ({ platform, deployment }: ReleaseState): boolean =>
  platform.type !== 'static' && deployment === null

/**
 * Replaced copies are the successor's to end; and what rolls over others starts none before its turn.
 */
export const runsCopies = (release: ReleaseState, cluster: string): boolean =>
  release.replacedBy[cluster] === undefined &&
  (release.rollsOver[cluster] === undefined || release.former[cluster] !== undefined)

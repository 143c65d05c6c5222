/** How a position shares its users between a candidate and what was live before it. */

import { defaultUserKey } from '#wire/app.ts'
import { digestOf } from '#wire/digest.ts'
import type { PositionObject, Split } from '#wire/object.ts'
import { type AppState, publicReleases } from '../state.ts'

type Weights = PositionObject['weights']

/**
 * The candidate first, so that its users are those with the lowest hashes: as its weight grows, it keeps
 * them all. Where nothing is live yet it answers everything.
 */
export function weightsFor(
  app: AppState,
  cluster: string,
  candidate: string,
  percent: number,
): Weights {
  const stable = stableBeside(app, cluster, candidate)
  if (percent === 100 || stable === null) return [{ release: candidate, weight: 1 }]
  return [
    { release: candidate, weight: percent },
    { release: stable, weight: 100 - percent },
  ]
}

/** What answers in the cluster besides the candidate; null when nothing does. */
export const stableBeside = (app: AppState, cluster: string, candidate: string): string | null =>
  publicReleases(app, cluster).find((release) => release !== candidate) ?? null

/** Percent of the users that a release answers in a cluster, by the committed position. */
export function percentOf(app: AppState, cluster: string, release: string): number {
  const weights = app.positions[cluster]?.weights ?? []
  const sum = weights.reduce((total, one) => total + one.weight, 0)
  const own = weights.find((one) => one.release === release)?.weight ?? 0
  return sum === 0 ? 0 : (100 * own) / sum
}

/** Of a shared position: seeded by the candidate, so that each release draws other users first. */
export function splitOf(app: AppState, weights: Weights): Split | undefined {
  if (weights.filter(({ weight }) => weight > 0).length < 2) return undefined
  const seed = Number.parseInt(digestOf(weights[0]!.release).slice(0, 8), 16)
  return { seed, key: app.intent.userKey ?? defaultUserKey }
}

/** What a switch to or from a rolling release means for copies: whose replace whose, cluster by cluster. */
import type { PositionObject } from '#wire/object.ts'
import type { Folding } from '../evolve.ts'
import { type ReleaseState, releaseOf, type State } from '../state.ts'
import { changedRelease, releaseIn, without } from './change.ts'

type Weights = PositionObject['weights']

/** Where a rolling release has got the position, its copies begin to replace those of the former one. */
export function replaceCopies(
  state: State,
  winner: ReleaseState,
  former: Readonly<Record<string, string | null>>,
  folding: Folding,
): State {
  let next = state
  for (const [cluster, replaced] of Object.entries(former)) {
    // Once it has had copies of its own there, it comes back with them.
    const isFirst = winner.former[cluster] === undefined
    if (isFirst && replaced !== null && winner.rollsOver[cluster] === replaced) {
      next = replaceIn(next, winner.id, [replaced], cluster, folding)
    }
  }
  return next
}

/** A rolling release that is rolled back gives its copies up to the release that had them. */
export function replaceBack(
  state: State,
  from: string,
  winners: ReadonlyMap<string, Weights>,
  folding: Folding,
): State {
  const { rolling, replaces } = releaseIn(state, from)
  let next = withdrawRoll(state, from, folding)
  for (const [cluster, weights] of winners) {
    const winner = weights[0]?.release
    if (!rolling || !winner || !replaces[cluster]?.includes(winner)) continue
    const others = replaces[cluster].filter((id) => id !== winner)
    next = changedRelease(next, from, folding, (held) => ({
      ...held,
      replaces: without(held.replaces, cluster),
    }))
    next = changedRelease(next, winner, folding, (held) => ({
      ...held,
      rolling,
      replacedBy: without(held.replacedBy, cluster),
    }))
    next = replaceIn(next, winner, [from, ...others], cluster, folding)
  }
  return next
}

/** What is live learns who is about to roll over it, cluster by cluster. */
export function announceRoll(state: State, created: ReleaseState, folding: Folding): State {
  let next = state
  for (const [cluster, live] of Object.entries(created.rollsOver)) {
    next = changedRelease(next, live, folding, (held) => ({
      ...held,
      rolledOverBy: { ...held.rolledOverBy, [cluster]: created.id },
    }))
  }
  return next
}

/** It will not, or not any more. */
export function withdrawRoll(state: State, id: string, folding: Folding): State {
  let next = state
  for (const [cluster, live] of Object.entries(releaseIn(state, id).rollsOver)) {
    if (releaseOf(next, live)?.rolledOverBy[cluster] !== id) continue
    next = changedRelease(next, live, folding, (held) => ({
      ...held,
      rolledOverBy: without(held.rolledOverBy, cluster),
    }))
  }
  return next
}

function replaceIn(
  state: State,
  winner: string,
  replaced: readonly string[],
  cluster: string,
  folding: Folding,
): State {
  let next = changedRelease(state, winner, folding, (held) => ({
    ...held,
    replaces: { ...held.replaces, [cluster]: replaced },
  }))
  for (const id of replaced) {
    next = changedRelease(next, id, folding, (held) => ({
      ...held,
      replacedBy: { ...held.replacedBy, [cluster]: winner },
    }))
  }
  return next
}

/**
 * Which position is applied: pure. A position waits until the served table holds the releases that it
 * names; until then the former one stays (DESIGN §3).
 */
import type { PositionObject } from '#wire/object.ts'
import type { AppliedPosition } from '../link.ts'

export type Positions = ReadonlyMap<string, AppliedPosition>

/** The positions to apply with a table that holds `releases`: the wanted ones, or what was applied. */
export function applicable(
  wanted: Iterable<PositionObject>,
  applied: Positions,
  releases: ReadonlySet<string>,
): Map<string, AppliedPosition> {
  const next = new Map<string, AppliedPosition>()
  for (const position of wanted) {
    const former = applied.get(position.app)
    const fits = servable(position.weights, releases)
    if (fits) next.set(position.app, reuse(former, appliedOf(position)))
    else if (former) next.set(position.app, former)
  }
  return next
}

/**
 * For the moment in which a table is replaced: what is applied, except where the new table does not
 * serve it any more; there the position that comes with the table.
 */
export function bridging(
  applied: Positions,
  coming: Positions,
  releases: ReadonlySet<string>,
): Map<string, AppliedPosition> {
  const next = new Map(applied)
  for (const [app, position] of coming) {
    const former = applied.get(app)
    if (!former || !servable(former.weights, releases)) next.set(app, position)
  }
  return next
}

/** Every release that gets traffic is in the table. */
const servable = (weights: AppliedPosition['weights'], releases: ReadonlySet<string>) =>
  weights.every(({ release, weight }) => weight === 0 || releases.has(release))

/** One object for each position, so that equality can be identity. */
const known = new WeakMap<PositionObject, AppliedPosition>()
export function appliedOf(position: PositionObject): AppliedPosition {
  const made = known.get(position) ?? {
    app: position.app,
    generation: position.generation,
    weights: position.weights,
    ...(position.split && { split: position.split }),
    close: position.close ?? [],
  }
  known.set(position, made)
  return made
}

/** Also across position objects, when only their `next` differs. */
function reuse(former: AppliedPosition | undefined, next: AppliedPosition): AppliedPosition {
  return former && samePosition(former, next) ? former : next
}

export const samePosition = (a: AppliedPosition, b: AppliedPosition) =>
  a.generation === b.generation && JSON.stringify(a) === JSON.stringify(b)

export function samePositions(a: Positions, b: Positions): boolean {
  if (a.size !== b.size) return false
  for (const [app, position] of a) if (b.get(app) !== position) return false
  return true
}

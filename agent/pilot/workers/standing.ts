/**
 * Where each app's switch stands at this agent (DESIGN D5), read from what the workers say.
 *
 *   prepared   the table with the target is in every worker, with enough endpoints of each target
 *   active     the position is on disk, and every worker has swapped
 *
 * Both are claimed only when every worker is known, and kept while no known worker contradicts: a worker
 * that has just started takes nothing back, and a claim never rests on one that nobody has heard.
 */
import type { PositionObject } from '#wire/object.ts'
import type { PositionReport } from '#wire/report.ts'
import type { AppliedPosition, Endpoints } from '../../link.ts'
import type { Serving } from './workers.ts'

/** What a worker must serve, and how well they are known. */
export interface Evidence {
  /** What each connected worker has said; null for one that has not yet. */
  readonly workers: readonly (Serving | null)[]
  /** A worker may be there that is not among them. */
  readonly unaccounted: boolean
  /** Tables that hold what the position names: the accepted one and one that is being loaded. */
  readonly tableDigests: readonly string[]
  /** Apps that the accepted table holds. */
  readonly apps: ReadonlySet<string>
  /** What workers shall have, by the platform's word in this life; null before it has spoken. */
  readonly endpoints: Endpoints | null
  readonly nowMs: number
}

export interface AppFacts {
  readonly wanted: PositionObject
  /** What is on disk; undefined when nothing could be applied yet. */
  readonly applied: AppliedPosition | undefined
  /** The accepted table is of the content that came with `next`, or of a later one. */
  readonly tableHasNext: boolean
  /** When the header of the applied generation came; null when in a former life. */
  readonly receivedMs: number | null
}

export interface Standing {
  readonly prepared: number
  readonly active: number
  /** The generation that was proven last, and when; it stays while nobody can prove it. */
  readonly proof: Proof | null
}

interface Proof {
  readonly generation: number
  readonly appliedMs: number | null
  readonly atMs: number
}

export const noStanding: Standing = { prepared: 0, active: 0, proof: null }

export const standingOf = (facts: AppFacts, former: Standing, evidence: Evidence): Standing => ({
  prepared: preparedOf(facts, former, evidence),
  ...activeOf(facts, former, evidence),
})

function preparedOf(facts: AppFacts, former: Standing, evidence: Evidence): number {
  const { next } = facts.wanted
  const { endpoints, tableDigests } = evidence
  if (!next || !facts.tableHasNext || !endpoints) return 0
  const targets = targetsOf(next)
  const enough = (release: string, count: number | undefined) =>
    (count ?? 0) >= next.minReady && endpoints[release] !== undefined
  if (!targets.every((release) => enough(release, endpoints[release]?.length))) return 0
  const holds = (serving: Serving) =>
    tableDigests.includes(serving.tableDigest) &&
    targets.every((release) => enough(release, serving.endpoints[release]))
  return proven(evidence, holds, former.prepared === next.generation) ? next.generation : 0
}

/** Those that must have endpoints; a release that already answers may be left out by control. */
const targetsOf = ({ targets, weights }: NonNullable<PositionObject['next']>): readonly string[] =>
  targets ?? weights.filter(({ weight }) => weight > 0).map(({ release }) => release)

function activeOf(
  { applied, wanted, receivedMs }: AppFacts,
  { active, proof }: Standing,
  evidence: Evidence,
): Pick<Standing, 'active' | 'proof'> {
  if (!applied || evidence.workers.length === 0) return { active: 0, proof }
  const { generation } = applied
  const swapped = (serving: Serving) =>
    !evidence.apps.has(wanted.app) || serving.positions[wanted.app] === generation
  if (!proven(evidence, swapped, active === generation)) {
    // On the way to a new generation the former one is the last that was proven.
    return { active: active === generation ? 0 : active, proof }
  }
  if (proof?.generation === generation) return { active: generation, proof }
  const { nowMs } = evidence
  const appliedMs = receivedMs === null ? null : nowMs - receivedMs
  return { active: generation, proof: { generation, appliedMs, atMs: nowMs } }
}

function proven(
  { workers, unaccounted }: Evidence,
  holds: (serving: Serving) => boolean,
  was: boolean,
): boolean {
  const known = workers.filter((serving) => serving !== null)
  if (known.length === 0 || !known.every(holds)) return false
  return was || (known.length === workers.length && !unaccounted)
}

export function reportedStanding(standing: Standing, nowMs: number): PositionReport {
  const { prepared, active, proof } = standing
  const measured = proof?.generation === active && proof.appliedMs !== null ? proof : null
  return {
    prepared,
    active,
    appliedMs: measured?.appliedMs ?? null,
    activeForMs: measured && Math.max(0, nowMs - measured.atMs),
  }
}

/**
 * What the agents say: the newest report of each, and when it came. It lives in memory only, beside the
 * state: after a restart the next reports bring it back, because each is cumulative (DESIGN D2).
 */
import { limits } from '#wire/limits.ts'
import type { PositionReport, Report } from '#wire/report.ts'
import type { AgentRef } from '../event.ts'

export interface AgentReport {
  readonly report: Report
  /** Control's monotonic clock at receipt: for skew. */
  readonly receivedMs: number
  /** Control's wall clock at receipt: for silence. */
  readonly seenAtMs: number
  /** By app: the highest generation that this life of the agent was prepared for. */
  readonly wasPrepared: Readonly<Record<string, number>>
}

export interface Fleet {
  /** Wall clock when this control began to listen: who has not reported since is not silent at once. */
  readonly sinceMs: number
  readonly clusters: ReadonlyMap<string, ReadonlyMap<string, AgentReport>>
  /** By cluster: when the publication of its newest revisions began, on control's monotonic clock. */
  readonly published: ReadonlyMap<string, readonly PublishedRevision[]>
}

export interface PublishedRevision {
  readonly revision: number
  readonly startedMs: number
}

/** Enough to cover every switch that can be open at once in a busy cluster. */
const publishedKept = 64

export const emptyFleet = (sinceMs: number): Fleet => ({
  sinceMs,
  clusters: new Map(),
  published: new Map(),
})

export const reportOf = (fleet: Fleet, { cluster, agent }: AgentRef): AgentReport | undefined =>
  fleet.clusters.get(cluster)?.get(agent)

/** The same fleet when the report is not newer than what is held: repeated, late or of an older life. */
export function foldReport(fleet: Fleet, report: Report, receivedMs: number, nowMs: number): Fleet {
  const held = reportOf(fleet, report)
  if (held && !isNewer(report, held, nowMs)) return fleet
  const sameLife = held?.report.instance === report.instance
  const wasPrepared = preparedSince(sameLife ? held.wasPrepared : {}, report.positions)
  const agents = new Map(fleet.clusters.get(report.cluster))
  agents.set(report.agent, { report, receivedMs, seenAtMs: nowMs, wasPrepared })
  return { ...fleet, clusters: new Map(fleet.clusters).set(report.cluster, agents) }
}

/**
 * Lives of an agent are ordered by its wall clock, which may have been set back: a life that seems older
 * is believed once the one that is held has fallen silent.
 */
function isNewer(report: Report, { report: held, seenAtMs }: AgentReport, nowMs: number): boolean {
  if (report.instance === held.instance) return report.sequence > held.sequence
  return report.startedAtMs > held.startedAtMs || seenAtMs + limits.agentSilentAfterMs <= nowMs
}

/** A forgotten or newly enrolled agent starts without a past. */
export function dropReport(fleet: Fleet, { cluster, agent }: AgentRef): Fleet {
  const held = fleet.clusters.get(cluster)
  if (!held?.has(agent)) return fleet
  const agents = new Map(held)
  agents.delete(agent)
  return { ...fleet, clusters: new Map(fleet.clusters).set(cluster, agents) }
}

/** Remembers when a revision began to go out: no agent can have acted on it earlier. */
export function foldPublished(
  fleet: Fleet,
  cluster: string,
  revision: number,
  startedMs: number,
): Fleet {
  const before = fleet.published.get(cluster) ?? []
  const kept = [...before, { revision, startedMs }].slice(-publishedKept)
  return { ...fleet, published: new Map(fleet.published).set(cluster, kept) }
}

/** Null when it went out before this control started: then nothing is known of its moment. */
export const publishedMs = (fleet: Fleet, cluster: string, revision: number): number | null =>
  fleet.published.get(cluster)?.find((one) => one.revision === revision)?.startedMs ?? null

function preparedSince(
  before: Readonly<Record<string, number>>,
  positions: Readonly<Record<string, PositionReport>>,
): Readonly<Record<string, number>> {
  let after = before
  for (const [app, { prepared }] of Object.entries(positions)) {
    if (prepared > (before[app] ?? 0)) after = { ...after, [app]: prepared }
  }
  return after
}

/**
 * Rolling, as control sees it: a release replaces the copies of what was live before it, and its backend
 * shares their endpoints meanwhile. Which copies start and end is the platform's; control only concludes:
 *
 *   every agent reports endpoints of the new copies alone,
 *   and the platform that no old one is left                   ─▶ copies-replaced in that cluster
 *   nothing uses the replaced release there any more           ─▶ release-left
 *   the platform says that it makes no progress                ─▶ release-paused, with its reason
 */
import { limits } from '#wire/limits.ts'
import { agentPlace } from '#wire/names.ts'
import type { RollingReport } from '#wire/report.ts'
import type { AgentRef, DomainEvent, EventOf } from '../event.ts'
import { type Fleet, reportOf } from '../reports/fleet.ts'
import { leftBehind } from '../reports/ledger.ts'
import { currentReport, isSilent, serves } from '../reports/reading.ts'
import { type AppState, agentsOf, type ReleaseState, type State, sameAgent } from '../state.ts'
import { hasWorkload, sharedBy } from './shares.ts'

/** Clusters in which copies are being replaced by those of the release. */
export const replacingIn = (release: ReleaseState): readonly string[] =>
  Object.keys(release.replaces)

/** Itself and what it still replaces: its workload keeps the copies of all of them. */
export const keptBy = ({ id, replaces }: ReleaseState): readonly string[] => [
  ...new Set([id, ...Object.values(replaces).flat()]),
]

/** Others still replace its copies somewhere; where they have done so, it has left. */
export const isBeingReplaced = ({ replacedBy, clusters }: ReleaseState): boolean =>
  clusters.some((cluster) => replacedBy[cluster] !== undefined)

/** Of a rolling release and what it shares: what a worker has as endpoints of its backend. */
export function readyOf(
  state: State,
  fleet: Fleet,
  agent: AgentRef,
  release: ReleaseState,
): number {
  const counts = currentReport(state, fleet, agent)?.readyEndpoints ?? {}
  return [release.id, ...sharedBy(release, agent.cluster)].reduce(
    (sum, id) => sum + (counts[id] ?? 0),
    0,
  )
}

export function replacementProgress(
  state: State,
  fleet: Fleet,
  app: AppState,
  release: ReleaseState,
  now: number,
): DomainEvent[] {
  if (app.switch?.state === 'committing') return []
  for (const cluster of replacingIn(release)) {
    const evidence = replacedEvidence(state, fleet, app, release, cluster)
    if (evidence) {
      return [{ type: 'copies-replaced', v: 1, release: release.id, cluster, evidence }]
    }
    const stalled = stalledIn(state, fleet, release, cluster, now)
    if (stalled && !release.paused) {
      return [{ type: 'release-paused', v: 1, release: release.id, reason: stalled }]
    }
  }
  return []
}

/** A replaced release goes from a cluster once its copies have, and no agent uses it. */
export function departureProgress(
  state: State,
  fleet: Fleet,
  app: AppState,
  release: ReleaseState,
  releases: readonly ReleaseState[],
): DomainEvent[] {
  for (const [cluster, by] of Object.entries(release.replacedBy)) {
    if (!release.clusters.includes(cluster)) continue
    const successor = releases.find((one) => one.id === by)
    if (successor?.replaces[cluster]?.includes(release.id)) continue
    const since = successor?.changedRevision ?? release.changedRevision
    const evidence = leftBehind(state, fleet, app, [cluster], [release.id], since)
    if (evidence) return [{ type: 'release-left', v: 1, release: release.id, cluster, evidence }]
  }
  return []
}

type Evidence = EventOf<'copies-replaced'>['evidence']

/**
 * Null while an agent still has endpoints of the old copies, or too few of the new ones; and until the platform
 * says so of this replacement: copies that were never ready are no agent's endpoints, and run all the same.
 */
function replacedEvidence(
  state: State,
  fleet: Fleet,
  app: AppState,
  release: ReleaseState,
  cluster: string,
): Evidence | null {
  const since = release.switch?.decidedRevision ?? release.createdRevision
  const copies = copiesOf(app, release)
  const said = rollingIn(state, fleet, release.id, cluster)
  if (!said || said.old > 0 || said.ready < copies) return null
  if (!serves(state, fleet, { cluster, agent: said.agent }, since)) return null
  const evidence: Evidence = []
  for (const ref of agentsToAsk(state, release, cluster)) {
    const report = currentReport(state, fleet, ref)
    const ready = report?.readyEndpoints[release.id] ?? 0
    const old = (release.replaces[cluster] ?? []).some(
      (id) => (report?.readyEndpoints[id] ?? 0) > 0,
    )
    if (!report || old || ready < copies || !serves(state, fleet, ref, since)) return null
    evidence.push({ ...ref, revision: report.revision, readyEndpoints: ready })
  }
  return evidence.length > 0 ? evidence : null
}

/** As many as were asked for; of an adopted Deployment one tells that it answers. */
const copiesOf = (app: AppState, release: ReleaseState): number =>
  hasWorkload(release) ? app.intent.copies : 1

/** Those that the switch went on without are not waited for here either, if that was asked. */
function agentsToAsk(state: State, release: ReleaseState, cluster: string): AgentRef[] {
  const except = release.whenSilent === 'proceed' ? (release.switch?.except ?? []) : []
  return [...agentsOf(state, [cluster])]
    .map(({ agent }) => ({ cluster, agent }))
    .filter((ref) => !except.some((one) => sameAgent(one, ref)))
}

/** The newest word of the cluster's lease holder on a release that replaces copies there. */
export function rollingIn(
  state: State,
  fleet: Fleet,
  release: string,
  cluster: string,
): (RollingReport & { readonly agent: string; readonly seenAtMs: number }) | null {
  const said = [...agentsOf(state, [cluster])].flatMap((agent) => {
    const report = currentReport(state, fleet, agent)
    const own = report?.rolling?.find((one) => one.release === release)
    if (!report || !own) return []
    return { ...own, agent: agent.agent, seenAtMs: reportOf(fleet, agent)!.seenAtMs }
  })
  return said.sort((a, b) => b.seenAtMs - a.seenAtMs)[0] ?? null
}

/** What was said before a resume reached the platform, or by a holder that is silent now, does not count. */
function stalledIn(
  state: State,
  fleet: Fleet,
  release: ReleaseState,
  cluster: string,
  now: number,
): string | null {
  const said = rollingIn(state, fleet, release.id, cluster)
  if (!said?.stalled || now - said.seenAtMs > limits.agentSilentAfterMs) return null
  const { resumedAtMs } = release
  const mayBeOld = resumedAtMs !== null && said.seenAtMs < resumedAtMs + limits.reportIntervalMs
  return mayBeOld ? null : `${cluster}: ${said.stalled}`
}

/** "eu-1: 2 of 4 copies replaced" for people; and which agents still see the old ones. */
export function rollingWords(
  state: State,
  fleet: Fleet,
  app: AppState,
  release: ReleaseState,
  now: number,
): string {
  return replacingIn(release)
    .map((cluster) => {
      const said = rollingIn(state, fleet, release.id, cluster)
      const silent = agentsToAsk(state, release, cluster).filter((ref) =>
        isSilent(state, fleet, ref, now),
      )
      const names = silent.map(agentPlace).join(', ')
      const { copies } = app.intent
      const so = said
        ? `${said.ready} of ${copies} new copies are ready, ${oldOnes(said.old)}`
        : 'copies are being replaced'
      return `${cluster}: ${so}${names ? `; ${names} is silent` : ''}`
    })
    .join('; ')
}

const oldOnes = (count: number): string =>
  count === 1 ? '1 old one remains' : `${count} old ones remain`

/** One agent's part in a release, as the API shows it: a reading of its newest report. */
import type { AgentInRelease } from '#wire/release.ts'
import type { AgentRef } from '../event.ts'
import { type Fleet, reportOf } from '../reports/fleet.ts'
import { currentReport, isSilent, isUnanswered, refusalOf } from '../reports/reading.ts'
import { agentsOf, appOf, isEnrolled, type ReleaseState, type State, sameAgent } from '../state.ts'

/** Enrolled agents of the release's clusters, and those of its newest switch that are proven absent. */
export function agentsInRelease(
  state: State,
  fleet: Fleet,
  release: ReleaseState,
  now: number,
): AgentInRelease[] {
  const enrolled = [...agentsOf(state, release.clusters)]
  const absent = (release.switch?.required ?? []).filter(
    (agent) => !isEnrolled(state, agent) && !enrolled.some((one) => sameAgent(one, agent)),
  )
  return [...enrolled, ...absent].map((agent) => shown(state, fleet, release, agent, now))
}

function shown(
  state: State,
  fleet: Fleet,
  release: ReleaseState,
  { cluster, agent }: AgentRef,
  now: number,
): AgentInRelease {
  const ref = { cluster, agent }
  const report = currentReport(state, fleet, ref)
  const position = report?.positions[release.app]
  const since = release.switch?.generation ?? release.createdRevision
  return {
    ...ref,
    state: stateOf(state, fleet, release, ref, now),
    revision: report?.revision ?? 0,
    preparedGeneration: position?.prepared ?? 0,
    activeGeneration: position?.active ?? 0,
    readyEndpoints: report?.readyEndpoints[release.id] ?? 0,
    inUse: report?.inUse[release.id] ?? 0,
    stale: report?.stale ?? false,
    refusal: refusalOf(state, fleet, ref, since)?.reason ?? null,
    appliedMs: release.switch?.applied.find((one) => sameAgent(one, ref))?.appliedMs ?? null,
  }
}

function stateOf(
  state: State,
  fleet: Fleet,
  release: ReleaseState,
  ref: AgentRef,
  now: number,
): AgentInRelease['state'] {
  if (!isEnrolled(state, ref)) return 'absent'
  const newest = release.switch
  const position = currentReport(state, fleet, ref)?.positions[release.app]
  const held = appOf(state, release.app)?.positions[ref.cluster]
  // An earlier step has brought it here; the newest is about other clusters.
  const earlier =
    newest?.clusters.includes(ref.cluster) === false &&
    held?.weights.some((one) => one.release === release.id)
  const generation = earlier ? held?.generation : newest?.generation
  if (generation !== undefined && position?.active === generation) return 'active'
  if (refusalOf(state, fleet, ref, newest?.generation ?? release.createdRevision)) return 'refused'
  const mayStillMove = newest?.state === 'preparing' || newest?.state === 'committing'
  if (newest && mayStillMove && position?.prepared === newest.generation) {
    return newest.state === 'committing' && isSilent(state, fleet, ref, now) ? 'silent' : 'prepared'
  }
  if (isSilent(state, fleet, ref, now) || !reportOf(fleet, ref)) return 'silent'
  if (!newest || now < newest.deadlineAtMs) return 'pending'
  const since = { revision: newest.generation, atMs: newest.proposedAtMs }
  return isUnanswered(state, fleet, ref, since, now) ? 'silent' : 'pending'
}

/**
 * What an agent's newest report says about one question. An ack and a refusal are readings, never
 * messages of their own, so loss, repetition and lateness cannot change what they mean (DESIGN D2).
 */
import { limits } from '#wire/limits.ts'
import type { Refusal, Report } from '#wire/report.ts'
import type { AgentRef } from '../event.ts'
import type { State } from '../state.ts'
import { type Fleet, reportOf } from './fleet.ts'

/** The newest report, if it is of this epoch: one of another history proves nothing. */
export function currentReport(state: State, fleet: Fleet, agent: AgentRef): Report | undefined {
  const report = reportOf(fleet, agent)?.report
  const { epoch } = state
  return epoch && report?.epoch.number === epoch.number && report.epoch.id === epoch.id
    ? report
    : undefined
}

/**
 * Workers serve what was in force at `revision`, or something newer: known by the digest that they
 * recompute, since a header that was taken is not yet one that is served.
 */
export function serves(state: State, fleet: Fleet, agent: AgentRef, revision: number): boolean {
  const report = currentReport(state, fleet, agent)
  const recent = state.clusters.get(agent.cluster)?.recent ?? []
  const later = recent.findIndex((snapshot) => snapshot.revision > revision)
  const from = later < 0 ? recent.length - 1 : Math.max(0, later - 1)
  return recent.slice(Math.max(0, from)).some(({ digest }) => digest === report?.digest)
}

/** Generation on disk and swapped in every worker. */
export const activeGeneration = (
  state: State,
  fleet: Fleet,
  agent: AgentRef,
  app: string,
): number => currentReport(state, fleet, agent)?.positions[app]?.active ?? 0

export const isPrepared = (
  state: State,
  fleet: Fleet,
  agent: AgentRef,
  app: string,
  generation: number,
): boolean => currentReport(state, fleet, agent)?.positions[app]?.prepared === generation

/** Refusals of messages that control itself had signed: forged or replayed ones say nothing of ours. */
const refusesContent: ReadonlySet<Refusal['code']> = new Set([
  'does-not-compile',
  'corrupt-table',
  'future-format',
])

/** Why the agent will not take what `revision` or a newer one says; null when it has not refused. */
export function refusalOf(
  state: State,
  fleet: Fleet,
  agent: AgentRef,
  revision: number,
): Refusal | null {
  const report = currentReport(state, fleet, agent)
  if (!report) return null
  const stands = (at: number) =>
    at > report.revision || (at === report.revision && report.drift !== null)
  const refused = report.refusals.filter(
    ({ code, revision: at }) =>
      refusesContent.has(code) && at !== null && at >= revision && stands(at),
  )
  return refused.at(-1) ?? null
}

/** When the agent becomes silent unless it reports before. */
export function silentAtMs(state: State, fleet: Fleet, agent: AgentRef): number {
  const held = reportOf(fleet, agent)
  const enrolledAtMs = state.clusters.get(agent.cluster)?.agents.get(agent.agent)?.enrolledAtMs ?? 0
  return (held?.seenAtMs ?? Math.max(fleet.sinceMs, enrolledAtMs)) + limits.agentSilentAfterMs
}

export const isSilent = (state: State, fleet: Fleet, agent: AgentRef, now: number): boolean =>
  silentAtMs(state, fleet, agent) <= now

/** Has not answered what was announced as `revision` at `sinceMs`: silent, or deaf to headers. */
export function isUnanswered(
  state: State,
  fleet: Fleet,
  agent: AgentRef,
  since: { readonly revision: number; readonly atMs: number },
  now: number,
): boolean {
  const held = reportOf(fleet, agent)
  if (!held || held.seenAtMs <= since.atMs || isSilent(state, fleet, agent, now)) return true
  const report = currentReport(state, fleet, agent)
  return report === undefined || report.revision < since.revision
}

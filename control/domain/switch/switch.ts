/**
 * How a switch goes on: prepare → decided → completed, or aborted (DESIGN D5, D6, §5).
 *
 *   preparing   an agent refuses, or loses what it had prepared ─▶ aborted everywhere, nothing had moved
 *               every required agent is prepared ─▶ the commit is decided, and only then announced
 *               the deadline passes ─▶ aborted; or decided without the unanswering, if so asked
 *   committing  only forward: completed when every required agent is active; a rollback, and a switch that
 *               may proceed, also at the deadline, with those named that stay silent
 */
import { agentPlace } from '#wire/names.ts'
import type { AgentRef, DomainEvent } from '../event.ts'
import { type Fleet, reportOf } from '../reports/fleet.ts'
import { hasMoved } from '../reports/ledger.ts'
import {
  activeGeneration,
  currentReport,
  isPrepared,
  isUnanswered,
  refusalOf,
  silentAtMs,
} from '../reports/reading.ts'
import { because, troublesOf } from '../reports/troubles.ts'
import {
  type AppState,
  isEnrolled,
  isIncomplete,
  type ReleaseState,
  releaseOf,
  releasesOf,
  type State,
  type SwitchState,
  sameAgent,
} from '../state.ts'
import { listed, sightOf } from './readiness.ts'
import { readyOf } from './replacement.ts'
import { skewOf } from './skew.ts'

export function switchProgress(
  state: State,
  fleet: Fleet,
  open: SwitchState,
  now: number,
): readonly DomainEvent[] {
  if (open.state === 'preparing') return preparing(state, fleet, open, now)
  return open.state === 'committing' ? committing(state, fleet, open, now) : []
}

/**
 * Agents that a switch went on without and that have followed since, or are proven absent. A later switch
 * may have begun meanwhile, so every switch that some release still shows is looked at.
 */
export function catchingUp(state: State, fleet: Fleet, app: AppState): DomainEvent[] {
  const byGeneration = new Map<number, SwitchState>()
  for (const { switch: shown } of [app, ...releasesOf(state, app)]) {
    if (shown && isIncomplete(shown)) byGeneration.set(shown.generation, shown)
  }
  return [...byGeneration.values()].flatMap(({ generation, except }) =>
    except
      .filter((agent) => !isEnrolled(state, agent) || hasMoved(state, fleet, app, agent))
      .map((agent): DomainEvent => {
        return { type: 'agent-caught-up', v: 1, app: app.app, generation, ...agent }
      }),
  )
}

/** The agents it waits for, those proven absent left out; and which of them have done their part. */
export function acksOf(state: State, fleet: Fleet, { app, ...open }: SwitchState) {
  const required = open.required.filter((agent) => isEnrolled(state, agent))
  const hasAcked = (agent: AgentRef) =>
    open.state === 'preparing'
      ? isPrepared(state, fleet, agent, app, open.generation)
      : activeGeneration(state, fleet, agent, app) === open.generation
  const acked = required.filter(hasAcked)
  const missing = required.filter((agent) => !acked.includes(agent))
  return { acked, missing, everyCluster: coversAll(open.clusters, acked) }
}

/** Since when and since which revision an answer to the current step is due. */
const stepOf = ({ decidedRevision, decidedAtMs, generation, proposedAtMs }: SwitchState) => ({
  revision: decidedRevision ?? generation,
  atMs: decidedAtMs ?? proposedAtMs,
})

function preparing(state: State, fleet: Fleet, open: SwitchState, now: number): DomainEvent[] {
  const release = releaseOf(state, open.winners[0]!)!
  const { acked, missing, everyCluster } = acksOf(state, fleet, open)
  for (const agent of missing) {
    const reason = objectionOf(state, fleet, open, release, agent, now)
    if (reason) return abortEvents(open, release, reason)
  }
  if (missing.length === 0 && everyCluster) return decide(state, fleet, open, release, acked, [])
  if (now < open.deadlineAtMs) return []
  const answering = missing.filter((agent) => !isUnanswered(state, fleet, agent, stepOf(open), now))
  if (open.whenSilent === 'proceed' && answering.length === 0 && everyCluster) {
    return decide(state, fleet, open, release, acked, missing)
  }
  return abortEvents(open, release, deadlineReason(state, fleet, open, release, missing, now))
}

function committing(state: State, fleet: Fleet, open: SwitchState, now: number): DomainEvent[] {
  const { acked, missing, everyCluster } = acksOf(state, fleet, open)
  const awaited = missing.filter((agent) => !open.except.some((one) => sameAgent(one, agent)))
  const goesOn =
    awaited.length === 0 ||
    (open.whenSilent === 'proceed' &&
      now >= open.deadlineAtMs &&
      everyCluster &&
      awaited.every((agent) => isUnanswered(state, fleet, agent, stepOf(open), now)))
  if (!goesOn) return []
  const { evidence, skewMs, skewErrorMs } = skewOf(fleet, open, acked)
  const { app, generation } = open
  return [
    {
      type: 'switch-completed',
      v: 1,
      app,
      generation,
      except: missing,
      evidence,
      skewMs,
      skewErrorMs,
    },
  ]
}

function decide(
  state: State,
  fleet: Fleet,
  { app, generation }: SwitchState,
  release: ReleaseState,
  acked: readonly AgentRef[],
  except: readonly AgentRef[],
): DomainEvent[] {
  const evidence = acked.map((agent) => {
    const report = currentReport(state, fleet, agent)
    const readyEndpoints = readyOf(state, fleet, agent, release)
    return { ...agent, revision: report?.revision ?? 0, readyEndpoints }
  })
  return [
    { type: 'switch-prepared', v: 1, app, generation, evidence },
    { type: 'commit-decided', v: 1, app, generation, except: [...except] },
  ]
}

/**
 * A candidate that never was public is given up with its switch; one that has its share keeps it, and
 * waits for somebody to look; a retired release stays.
 */
export function abortEvents(
  { app, generation }: SwitchState,
  release: ReleaseState,
  reason: string,
): DomainEvent[] {
  const aborted: DomainEvent = { type: 'switch-aborted', v: 1, app, generation, reason }
  if (release.stepsDone > 0) {
    return [aborted, { type: 'release-paused', v: 1, release: release.id, reason }]
  }
  if (release.wasLive) return [aborted]
  return [aborted, { type: 'release-aborted', v: 1, release: release.id, reason }]
}

/** Why an agent will not become prepared: it refused the revision, or lost what it had reported ready. */
function objectionOf(
  state: State,
  fleet: Fleet,
  open: SwitchState,
  release: ReleaseState,
  agent: AgentRef,
  now: number,
): string | null {
  const refusal = refusalOf(state, fleet, agent, open.generation)
  if (refusal) return `${agentPlace(agent)} refused: ${refusal.code}, ${refusal.reason}`
  const held = reportOf(fleet, agent)
  if (held?.wasPrepared[open.app] !== open.generation) return null
  const ready = readyOf(state, fleet, agent, release)
  if (ready >= open.minReady) return null
  const lost = `${agentPlace(agent)} was prepared and is not any more: it sees ${ready} of ${open.minReady} ready`
  return because(lost, troublesOf(state, fleet, { ...open, id: release.id }, now))
}

function deadlineReason(
  state: State,
  fleet: Fleet,
  open: SwitchState,
  release: ReleaseState,
  missing: readonly AgentRef[],
  now: number,
): string {
  const waitedMs = open.deadlineAtMs - open.proposedAtMs
  const why = missing.map((agent) => {
    if (isUnanswered(state, fleet, agent, stepOf(open), now))
      return `${agentPlace(agent)} is silent`
    const sight = sightOf(state, fleet, agent, release)
    return sight.kind === 'ready' ? `${agentPlace(agent)} is not prepared` : sight.message
  })
  const late = `not every agent was prepared within ${waitedMs} ms: ${listed(why.length > 0 ? why : ['no agent is left to ask'])}`
  return because(late, troublesOf(state, fleet, { ...open, id: release.id }, now))
}

/** When time alone moves the switch on; null when only a report can. */
export function switchAlarmMs(state: State, fleet: Fleet, open: SwitchState): number | null {
  if (open.state === 'preparing') return open.deadlineAtMs
  if (open.state !== 'committing' || open.whenSilent !== 'proceed') return null
  const { missing } = acksOf(state, fleet, open)
  const answering = missing.filter(
    (agent) => !isUnanswered(state, fleet, agent, stepOf(open), open.deadlineAtMs),
  )
  return Math.max(open.deadlineAtMs, ...answering.map((agent) => silentAtMs(state, fleet, agent)))
}

const coversAll = (clusters: readonly string[], agents: readonly AgentRef[]): boolean =>
  clusters.every((cluster) => agents.some((agent) => agent.cluster === cluster))

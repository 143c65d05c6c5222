/** The state and the fleet as the API shows them. */
import type { AppIntent } from '#wire/app.ts'
import type { Epoch } from '#wire/header.ts'
import type { ReleaseView, SwitchView } from '#wire/release.ts'
import { rollbackTarget } from '../release/rollback-target.ts'
import { statusOf, waitingOf } from '../release/waiting.ts'
import { type Fleet, reportOf } from '../reports/fleet.ts'
import { ledgerOf, mayDecommission } from '../reports/ledger.ts'
import { isSilent, serves } from '../reports/reading.ts'
import { because, troublesOf } from '../reports/troubles.ts'
import { isServedIn } from '../snapshot/snapshot.ts'
import {
  type AgentState,
  agentsOf,
  appOf,
  publicRelease,
  publicReleases,
  type ReleaseState,
  releaseOf,
  type State,
  type SwitchState,
} from '../state.ts'
import { sightOf } from '../switch/readiness.ts'
import { percentOf } from '../switch/weights.ts'
import { valuesOf } from '../table.ts'
import { agentsInRelease } from './agent-in-release.ts'
import { appEtag, releaseEtag } from './etag.ts'
import { rollingViews, stepViews, weightViews } from './step.ts'

export function releaseView(
  state: State,
  fleet: Fleet,
  id: string,
  now: number,
): ReleaseView | null {
  const release = releaseOf(state, id)
  if (!release) return null
  const ledger = ledgerOf(state, fleet, release)
  const { app, version, clusters, preview, phase, whenSilent, deadlineMs } = release
  const waiting = waitingOf(state, fleet, release, now)
  return {
    id,
    app,
    version,
    strategy: release.strategy,
    clusters: [...clusters],
    preview,
    phase,
    status: statusOf(state, fleet, release),
    waiting: waiting && { ...waiting, untilMs: waiting.untilMs ?? null },
    troubles: [...troublesOf(state, fleet, release, now)],
    createdAtMs: release.createdAtMs,
    createdBy: release.createdBy,
    whenSilent,
    deadlineMs,
    target: release.target,
    undo: release.undo,
    image: release.image,
    deployment: release.deployment,
    steps: stepViews(release),
    weights: weightViews(state, release),
    paused: release.paused,
    approvals: {
      required: appOf(state, app)?.intent.approvals ?? 0,
      given: [...release.approvals],
    },
    rolling: rollingViews(state, fleet, release),
    switch: release.switch && switchView(release.switch, release.abortReason),
    agents: agentsInRelease(state, fleet, release, now),
    ledger: {
      inUse: ledger.inUse,
      acknowledged: !ledger.isPublic && ledger.unacknowledged.length === 0,
      mayDecommission: mayDecommission(release, ledger),
    },
    rollback: rollbackView(state, fleet, release, now),
    etag: releaseEtag(release),
  }
}

const switchView = (shown: SwitchState, abortReason: string | null): SwitchView => ({
  generation: shown.generation,
  kind: shown.kind,
  state: shown.state,
  proposedAtMs: shown.proposedAtMs,
  decidedAtMs: shown.decidedAtMs,
  completedAtMs: shown.completedAtMs,
  required: [...shown.required],
  except: [...shown.except],
  skewMs: shown.skewMs,
  skewErrorMs: shown.skewErrorMs,
  reason: shown.reason ?? abortReason,
})

function rollbackView(
  state: State,
  fleet: Fleet,
  release: ReleaseState,
  now: number,
): ReleaseView['rollback'] {
  const app = appOf(state, release.app)
  const { phase } = release
  if (!app || (phase !== 'live' && phase !== 'committing' && phase !== 'progressing')) {
    return { ready: false, to: null, reason: `${phase}: it takes no public traffic` }
  }
  const target = rollbackTarget(state, app, release)
  if ('reason' in target) return { ready: false, to: null, reason: target.reason }
  const former = releaseOf(state, target.to)!
  const short = [...agentsOf(state, former.clusters)].flatMap((agent) => {
    const sight = sightOf(state, fleet, agent, former)
    return sight.kind === 'short' ? sight.message : []
  })
  const reason = short[0] ? because(short[0], troublesOf(state, fleet, former, now)) : null
  return { ready: short.length === 0, to: target.to, reason }
}

export interface LiveView {
  /** Null: none. While a candidate has a share, the stable one. */
  readonly release: string | null
  readonly generation: number
  /** Percent of the users by release. */
  readonly weights: Readonly<Record<string, number>>
}

export interface AppView extends AppIntent {
  readonly app: string
  /** Changes with every change of the intent: for `If-Match`. */
  readonly etag: string
  readonly revision: number
  /** By cluster: the release that answers publicly, and its generation. */
  readonly live: Readonly<Record<string, LiveView>>
  readonly releases: readonly string[]
  readonly deleting: boolean
  /** Clusters that it is leaving: routes gone, backends still waited for. */
  readonly leaving: readonly string[]
}

export function appView(state: State, name: string): AppView | null {
  const app = appOf(state, name)
  if (!app) return null
  return {
    ...app.intent,
    app: name,
    etag: appEtag(app),
    revision: app.changedRevision,
    live: Object.fromEntries(
      Object.entries(app.positions).map(([cluster, { generation }]) => [
        cluster,
        {
          release: publicRelease(app, cluster),
          generation,
          weights: Object.fromEntries(
            publicReleases(app, cluster).map((id) => [id, percentOf(app, cluster, id)]),
          ),
        },
      ]),
    ),
    releases: app.releases,
    deleting: app.deleting,
    leaving: Object.keys(app.leaving),
  }
}

export interface ClusterView {
  readonly cluster: string
  readonly epoch: Epoch
  readonly revision: number
  readonly digest: string
  readonly objects: number
  readonly apps: number
  readonly agents: { readonly enrolled: number; readonly current: number; readonly silent: number }
}

/** Null before `init` and for a cluster that does not exist. */
export function clusterView(
  state: State,
  fleet: Fleet,
  name: string,
  now: number,
): ClusterView | null {
  const cluster = state.clusters.get(name)
  if (!cluster || !state.epoch) return null
  const conditions = [...cluster.agents.values()].map(
    (agent) => conditionOf(state, fleet, agent, now).condition,
  )
  return {
    cluster: name,
    epoch: state.epoch,
    revision: cluster.revision,
    digest: cluster.tree.root,
    objects: cluster.tree.objectCount,
    apps: [...valuesOf(state.apps)].filter((app) => isServedIn(app, name)).length,
    agents: {
      enrolled: conditions.length,
      current: conditions.filter((condition) => condition === 'current').length,
      silent: conditions.filter((condition) => condition === 'silent').length,
    },
  }
}

export type AgentCondition = 'current' | 'behind' | 'stale' | 'drifting' | 'silent' | 'unseen'

export interface AgentView {
  readonly cluster: string
  readonly agent: string
  readonly condition: AgentCondition
  /** Why it is not `current`; null when it is. */
  readonly reason: string | null
  readonly revision: number
  readonly digest: string | null
  readonly lastReportAtMs: number | null
  readonly workers: number
  readonly positions: Readonly<
    Record<string, { readonly prepared: number; readonly active: number }>
  >
  readonly readyEndpoints: Readonly<Record<string, number>>
  readonly inUse: Readonly<Record<string, number>>
  readonly refusals: readonly {
    readonly code: string
    readonly reason: string
    readonly count: number
  }[]
  readonly enrolledAtMs: number
}

export const agentViews = (
  state: State,
  fleet: Fleet,
  cluster: string,
  now: number,
): readonly AgentView[] =>
  [...agentsOf(state, [cluster])].map((agent) => agentView(state, fleet, agent, now))

function agentView(state: State, fleet: Fleet, agent: AgentState, now: number): AgentView {
  const held = reportOf(fleet, agent)
  const report = held?.report
  return {
    cluster: agent.cluster,
    agent: agent.agent,
    ...conditionOf(state, fleet, agent, now),
    revision: report?.revision ?? 0,
    digest: report?.digest ?? null,
    lastReportAtMs: held?.seenAtMs ?? null,
    workers: report?.workers ?? 0,
    positions: Object.fromEntries(
      Object.entries(report?.positions ?? {}).map(([app, { prepared, active }]) => [
        app,
        { prepared, active },
      ]),
    ),
    readyEndpoints: report?.readyEndpoints ?? {},
    inUse: report?.inUse ?? {},
    refusals: (report?.refusals ?? []).map(({ code, reason, count }) => ({ code, reason, count })),
    enrolledAtMs: agent.enrolledAtMs,
  }
}

function conditionOf(
  state: State,
  fleet: Fleet,
  agent: AgentState,
  now: number,
): { condition: AgentCondition; reason: string | null } {
  const held = reportOf(fleet, agent)
  const cluster = state.clusters.get(agent.cluster)!
  if (isSilent(state, fleet, agent, now)) {
    const reason = held ? 'has not reported for a while' : 'has not reported yet'
    return { condition: 'silent', reason }
  }
  if (!held) return { condition: 'unseen', reason: 'has not reported since control started' }
  const { drift, stale, revision } = held.report
  if (drift !== null) return { condition: 'drifting', reason: drift }
  if (!serves(state, fleet, agent, cluster.revision)) {
    const reason = `has taken revision ${revision}, and does not serve ${cluster.revision} yet`
    return { condition: 'behind', reason }
  }
  if (stale) return { condition: 'stale', reason: 'serves what it had on disk' }
  return { condition: 'current', reason: null }
}

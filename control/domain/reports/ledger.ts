/**
 * What still uses a release, and who has not shown that traffic has left it (DESIGN D6). In use are
 * exchanges in progress and tunnels. An agent that does not report is not gone: it counts as not
 * acknowledged until it does, or until it is forgotten.
 */
import type { AgentRef, EventOf } from '../event.ts'
import {
  type AppState,
  agentsOf,
  appOf,
  isPublicAnywhere,
  type ReleaseState,
  type State,
} from '../state.ts'
import type { Fleet } from './fleet.ts'
import { activeGeneration, currentReport, serves } from './reading.ts'

export interface Ledger {
  readonly inUse: number
  readonly users: readonly (AgentRef & { readonly inUse: number })[]
  /** Enrolled agents that have not acknowledged the positions that leave the release out. */
  readonly unacknowledged: readonly AgentRef[]
  readonly isPublic: boolean
}

/** `ids`: the releases whose use counts; its own alone unless said otherwise. */
export function ledgerOf(
  state: State,
  fleet: Fleet,
  release: ReleaseState,
  ids: readonly string[] = [release.id],
): Ledger {
  const app = appOf(state, release.app)
  const users: (AgentRef & { inUse: number })[] = []
  const unacknowledged: AgentRef[] = []
  for (const { cluster, agent } of agentsOf(state, release.gone ? [] : release.clusters)) {
    const ref = { cluster, agent }
    const inUse = usageOf(state, fleet, ref, ids)
    if (inUse > 0) users.push({ ...ref, inUse })
    if (!app || !hasMoved(state, fleet, app, ref)) unacknowledged.push(ref)
  }
  return {
    inUse: users.reduce((sum, user) => sum + user.inUse, 0),
    users,
    unacknowledged,
    isPublic: app !== undefined && isPublicAnywhere(app, release.id),
  }
}

export const mayDecommission = (release: ReleaseState, ledger: Ledger): boolean =>
  release.phase === 'retired' &&
  !ledger.isPublic &&
  ledger.inUse === 0 &&
  ledger.unacknowledged.length === 0

/**
 * Every enrolled agent serves `revision` (which left the release out), has the committed positions, and
 * uses the releases no more: what is behind them may stop. Null when one has not shown it.
 */
export function leftBehind(
  state: State,
  fleet: Fleet,
  app: AppState,
  clusters: readonly string[],
  releases: readonly string[],
  revision: number,
): EventOf<'release-decommissioned'>['evidence'] | null {
  const evidence: EventOf<'release-decommissioned'>['evidence'] = []
  for (const { cluster, agent } of agentsOf(state, clusters)) {
    const ref = { cluster, agent }
    if (!serves(state, fleet, ref, revision) || !hasMoved(state, fleet, app, ref)) return null
    const inUse = usageOf(state, fleet, ref, releases)
    if (inUse > 0) return null
    evidence.push({ ...ref, revision: currentReport(state, fleet, ref)?.revision ?? 0, inUse })
  }
  return evidence
}

/** The app's committed position is active at the agent; an app without one there has nothing to move. */
export function hasMoved(state: State, fleet: Fleet, app: AppState, agent: AgentRef): boolean {
  const position = app.positions[agent.cluster]
  return (
    position === undefined || activeGeneration(state, fleet, agent, app.app) === position.generation
  )
}

function usageOf(state: State, fleet: Fleet, agent: AgentRef, ids: readonly string[]): number {
  const inUse = currentReport(state, fleet, agent)?.inUse ?? {}
  return ids.reduce((sum, id) => sum + (inUse[id] ?? 0), 0)
}

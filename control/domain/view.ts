/** The state and the fleet as the API shows them. */
import type { AppIntent } from '#wire/app.ts'
import type { Epoch } from '#wire/header.ts'
import type { ReleaseView } from '#wire/release.ts'
import type { Fleet } from './fleet.ts'
import type { State } from './state.ts'

export interface AppView extends AppIntent {
  readonly app: string
  /** Changes with every change of the intent: for `If-Match`. */
  readonly etag: string
  readonly revision: number
  /** By cluster: the release that answers publicly, and its generation. */
  readonly live: Readonly<
    Record<string, { readonly release: string | null; readonly generation: number }>
  >
  readonly releases: readonly string[]
  readonly deleting: boolean
  /** Clusters that it is leaving: routes gone, backends still waited for. */
  readonly leaving: readonly string[]
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

export declare function releaseView(
  state: State,
  fleet: Fleet,
  id: string,
  now: number,
): ReleaseView | null
export declare function appView(state: State, app: string): AppView | null
export declare function clusterView(
  state: State,
  fleet: Fleet,
  cluster: string,
  now: number,
): ClusterView | null
export declare function agentViews(
  state: State,
  fleet: Fleet,
  cluster: string,
  now: number,
): readonly AgentView[]

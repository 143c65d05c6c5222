/**
 * What the fold of the log holds: a value made only by `evolve`, the same for the same prefix of the log.
 * Nothing an agent reported is in here but what was concluded from it; the fleet's newest reports are
 * beside it, in `fleet.ts`.
 */
import type { AppIntent } from '#wire/app.ts'
import type { FreezeIntent } from '#wire/freeze.ts'
import type { Epoch } from '#wire/header.ts'
import type { IngressIntent } from '#wire/ingress.ts'
import type { PositionObject } from '#wire/object.ts'
import type { Preview, ReleasePhase, StepPause, Strategy, Target } from '#wire/release.ts'
import type { TokenScope } from '#wire/token.ts'
import { emptyTree, type Tree } from '#wire/tree.ts'
import type { AgentRef } from './event.ts'
import type { Scope } from './input.ts'
import { emptyTable, get, type Table } from './table.ts'
import type { WebhookState } from './webhooks.ts'

export interface State {
  /** Of the newest record; 0 before the first. */
  readonly position: number
  /** Null before `init`. */
  readonly epoch: Epoch | null
  /** Every epoch with the position of the record that began it, oldest first. */
  readonly epochs: readonly { readonly id: string; readonly since: number }[]
  /** Content format that is published; raised once every enrolled agent reads the next. */
  readonly format: number
  /** Control's signing keys; null: those that `init` made, and the log has not said anything yet. */
  readonly keys: KeysState | null
  readonly clusters: ReadonlyMap<string, ClusterState>
  readonly apps: Table<AppState>
  readonly releases: Table<ReleaseState>
  readonly tokens: ReadonlyMap<string, TokenState>
  readonly webhooks: ReadonlyMap<string, WebhookState>
  readonly freezes: ReadonlyMap<string, FreezeState>
  /** By idempotency key: where the answer is recorded. */
  readonly answered: Table<Answered>
  /** Highest release number that each app name has used; outlives the app, so that ids never return. */
  readonly releaseNumbers: Table<number>
  /** Apps that something is open for: the only ones that a report or the alarm can move. */
  readonly open: ReadonlySet<string>
}

export interface Answered {
  readonly position: number
  readonly bodyDigest: string
  /** Who asked: somebody else is told only what they may ask for themselves. */
  readonly actor: string
}

export interface KnownKeys {
  /** Raw, base64url. */
  readonly publicKeys: readonly string[]
  /** Id of the one that signs. */
  readonly signing: string
}

/** `since`: position of the record that made it so, and a revision of every cluster. */
export type KeysState = KnownKeys & { readonly since: number }

export interface ClusterState {
  readonly name: string
  readonly enrolmentTokenHash: string
  readonly agents: ReadonlyMap<string, AgentState>
  readonly tree: Tree
  /** Log position of the record that made `tree` (or began the epoch). */
  readonly revision: number
  /** The newest snapshots, oldest first: to recognise what an agent says that it serves. */
  readonly recent: readonly { readonly revision: number; readonly digest: string }[]
  /** Which route answers for a host and a match, to refuse a second one: see `conflict.ts`. */
  readonly matches: Table<string>
  /** Ingress objects of our classes, by `<namespace>/<name>`. */
  readonly ingresses: Table<IngressState>
}

export interface IngressState {
  readonly cluster: string
  /** `<namespace>/<name>` */
  readonly id: string
  readonly intent: IngressIntent
  readonly createdRevision: number
  readonly changedRevision: number
}

export interface AgentState {
  readonly cluster: string
  readonly agent: string
  readonly publicKey: string
  readonly tokenHash: string
  readonly enrolledAtMs: number
}

export interface TokenState {
  readonly name: string
  readonly scope: Scope
  readonly tokenHash: string
  /** All of them; left out: `scope` alone. */
  readonly scopes?: readonly TokenScope[] | undefined
  /** Left out: all. */
  readonly apps?: readonly string[] | undefined
  readonly clusters?: readonly string[] | undefined
  readonly expiresAtMs?: number | undefined
}

export interface FreezeState {
  readonly name: string
  readonly intent: FreezeIntent
  readonly setBy: string
}

export interface AppState {
  readonly app: string
  readonly intent: AppIntent
  /** Revision that created each route, by its name: the older route wins a tie. */
  readonly routeSince: Readonly<Record<string, number>>
  /** By cluster. */
  readonly positions: Readonly<Record<string, PositionState>>
  /** Clusters whose routes are gone and whose backends still wait, with the revision that took the routes. */
  readonly leaving: Readonly<Record<string, number>>
  readonly deleting: boolean
  /** Not decommissioned ones and the newest others, oldest first. */
  readonly releases: readonly string[]
  readonly switch: SwitchState | null
  readonly createdRevision: number
  readonly changedRevision: number
}

export type PositionState = Pick<PositionObject, 'generation' | 'weights' | 'next'> & {
  readonly close: readonly string[]
}

export interface ReleaseState {
  readonly id: string
  readonly app: string
  readonly version: string
  readonly clusters: readonly string[]
  readonly strategy: Strategy
  /** The former release whose version it brings back. */
  readonly undo: string | null
  /** On the platform `kubernetes`: what its pods are made of, or the Deployment adopted as it is. */
  readonly image: string | null
  readonly deployment: string | null
  readonly preview: Preview | null
  /** Requests that it answers while it is a candidate, whatever its weight. */
  readonly target: Target | null
  readonly steps: readonly Step[]
  /** Steps that are acknowledged; the next switch is that of the step behind them. */
  readonly stepsDone: number
  /** When the newest of them was. */
  readonly stepDoneAtMs: number | null
  readonly paused: Paused | null
  readonly resumedAtMs: number | null
  readonly approvals: readonly Approval[]
  /** An override has stood in for the approvals that were missing. */
  readonly approvalsWaived: boolean
  readonly rolling: RollingState | null
  /** Rolling: by cluster, what was live when it was created; its copies start none before that cluster's turn. */
  readonly rollsOver: Readonly<Record<string, string>>
  /** By cluster: the release that waits to roll over it. */
  readonly rolledOverBy: Readonly<Record<string, string>>
  /** By cluster: releases whose copies it replaces and that have not ended there yet. */
  readonly replaces: Readonly<Record<string, readonly string[]>>
  /** By cluster: the release whose copies replace, or have replaced, its own. */
  readonly replacedBy: Readonly<Record<string, string>>
  readonly platform: AppIntent['platform']
  readonly autoPromote: boolean
  readonly whenSilent: 'abort' | 'proceed'
  readonly deadlineMs: number
  readonly createdAtMs: number
  readonly createdBy: string
  /** Revision that made its backend. */
  readonly createdRevision: number
  readonly phase: ReleasePhase
  /** Revision of its newest change. */
  readonly changedRevision: number
  /** By cluster, what was live before it: where rollback goes. Empty before its first switch. */
  readonly former: Readonly<Record<string, string | null>>
  /** It has been live once; an aborted switch leaves it retired, not aborted. */
  readonly wasLive: boolean
  /** The newest switch that moved it in or out of the public position. */
  readonly switch: SwitchState | null
  /** Revision that took its preview away: the first of the two stages. */
  readonly leavingSince: number | null
  /** Its backend and workload are gone: the second. */
  readonly gone: boolean
  readonly abortReason: string | null
  /** When what is still open on it is to be closed; null: never, or done. */
  readonly drainAtMs: number | null
}

/** One proven switch of a release: to a share of the users, somewhere; then a pause. */
export interface Step {
  readonly clusters: readonly string[]
  /** Percent. */
  readonly weight: number
  readonly pause: StepPause | null
}

export interface Paused {
  readonly atMs: number
  readonly by: string
  readonly reason: string | null
}

export interface Approval {
  readonly by: string
  readonly atMs: number
  readonly reason: string | null
}

/** Kubernetes' RollingUpdate in whole copies. */
export interface RollingState {
  readonly maxSurge: number
  readonly maxUnavailable: number
  readonly minReadyMs: number
  readonly progressDeadlineMs: number
}

export interface SwitchState {
  readonly app: string
  readonly generation: number
  /** Step of the release's plan; null for a rollback. */
  readonly step: number | null
  readonly kind: 'promote' | 'rollback'
  readonly state: 'preparing' | 'committing' | 'completed' | 'aborted'
  /** Releases that get the traffic: one, but for a rollback after releases to single clusters. */
  readonly winners: readonly string[]
  /** Releases that lose it. */
  readonly losers: readonly string[]
  readonly clusters: readonly string[]
  readonly minReady: number
  readonly whenSilent: 'abort' | 'proceed'
  readonly proposedAtMs: number
  /** Of the phase it is in: for the acks, then for the active ones. */
  readonly deadlineAtMs: number
  readonly decidedAtMs: number | null
  /** Revision whose header commits. */
  readonly decidedRevision: number | null
  readonly completedAtMs: number | null
  readonly required: readonly AgentRef[]
  readonly except: readonly AgentRef[]
  readonly applied: readonly (AgentRef & { readonly appliedMs: number | null })[]
  readonly skewMs: number | null
  readonly skewErrorMs: number | null
  readonly reason: string | null
}

export const emptyState: State = {
  position: 0,
  epoch: null,
  epochs: [],
  format: 1,
  keys: null,
  clusters: new Map(),
  apps: emptyTable(),
  releases: emptyTable(),
  tokens: new Map(),
  webhooks: new Map(),
  freezes: new Map(),
  answered: emptyTable(),
  releaseNumbers: emptyTable(),
  open: new Set(),
}

export const emptyCluster = (name: string, enrolmentTokenHash: string): ClusterState => ({
  name,
  enrolmentTokenHash,
  agents: new Map(),
  tree: emptyTree,
  revision: 0,
  recent: [],
  matches: emptyTable(),
  ingresses: emptyTable(),
})

export const appOf = (state: State, app: string): AppState | undefined => get(state.apps, app)

export const releaseOf = (state: State, id: string): ReleaseState | undefined =>
  get(state.releases, id)

export const releasesOf = (state: State, app: AppState): readonly ReleaseState[] =>
  app.releases.flatMap((id) => releaseOf(state, id) ?? [])

/** Phases before live: while a release is in one, the app takes no other. */
export const isActive = (release: ReleaseState): boolean =>
  release.phase === 'starting' ||
  release.phase === 'ready' ||
  release.phase === 'preparing' ||
  release.phase === 'committing' ||
  release.phase === 'progressing'

export const activeRelease = (state: State, app: AppState): ReleaseState | undefined =>
  releasesOf(state, app).find(isActive)

/** A switch is under way: prepare or commit. */
export const isSwitching = (app: AppState): boolean =>
  app.switch?.state === 'preparing' || app.switch?.state === 'committing'

/** Completed without some agents that have not followed yet. */
export const isIncomplete = ({ state, except }: SwitchState): boolean =>
  state === 'completed' && except.length > 0

/** Releases that answer publicly in a cluster: a candidate first, what it takes users from last. */
export const publicReleases = (app: AppState, cluster: string): readonly string[] =>
  (app.positions[cluster]?.weights ?? [])
    .filter(({ weight }) => weight > 0)
    .map(({ release }) => release)

/** The release that answers publicly, the stable one while a candidate has a share; null: none does. */
export const publicRelease = (app: AppState, cluster: string): string | null =>
  publicReleases(app, cluster).at(-1) ?? null

export const isPublicIn = (app: AppState, cluster: string, release: string): boolean =>
  publicReleases(app, cluster).includes(release)

export const isPublicAnywhere = (app: AppState, release: string): boolean =>
  Object.keys(app.positions).some((cluster) => isPublicIn(app, cluster, release))

export function* agentsOf(state: State, clusters: readonly string[]): Generator<AgentState> {
  for (const cluster of clusters) yield* state.clusters.get(cluster)?.agents.values() ?? []
}

export const isEnrolled = (state: State, { cluster, agent }: AgentRef): boolean =>
  state.clusters.get(cluster)?.agents.has(agent) ?? false

export const sameAgent = (a: AgentRef, b: AgentRef): boolean =>
  a.agent === b.agent && a.cluster === b.cluster

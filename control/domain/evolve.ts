/**
 * The fold: a record makes the next state from the one before, and nothing else does. The handlers say
 * what each event means and which groups of objects it touches; afterwards the clusters' trees, their
 * revisions and the set of open apps are brought up to date, for the touched groups alone.
 */
import { canonicalText } from '#wire/digest.ts'
import type { RouteObject, SnapshotObject } from '#wire/object.ts'
import { update } from '#wire/tree.ts'
import { indexRoutes } from './conflict.ts'
import type { DomainEvent, EventOf, EventType } from './event.ts'
import { appEvents } from './evolve-app.ts'
import { fleetEvents } from './evolve-fleet.ts'
import { freezeEvents } from './evolve-freeze.ts'
import { releaseEvents } from './evolve-release.ts'
import { switchEvents } from './evolve-switch.ts'
import { isOpen } from './open.ts'
import type { TurnRecord } from './record.ts'
import { keysObjects, positionObjects, releaseObjects, routeObjects } from './snapshot.ts'
import { appOf, type ClusterState, releaseOf, type State } from './state.ts'
import { put } from './table.ts'
import { webhookEvents } from './webhooks.ts'

/** The record an event is in, and what its handlers have touched. */
export interface Folding {
  readonly at: number
  readonly position: number
  readonly actor: string
  readonly touched: {
    /** Apps whose routes, whose positions, or whose openness may have changed. */
    readonly routes: Set<string>
    readonly positions: Set<string>
    readonly releases: Set<string>
    readonly apps: Set<string>
    allClusters: boolean
    /** The keys that agents pin, or a cluster that has them now. */
    keys: boolean
  }
}

export type Handlers<Type extends EventType> = {
  readonly [T in Type]: (state: State, event: EventOf<T>, folding: Folding) => State
}

const handlers: Handlers<EventType> = {
  ...fleetEvents,
  ...webhookEvents,
  ...freezeEvents,
  ...appEvents,
  ...releaseEvents,
  ...switchEvents,
}

type Handler = (state: State, event: DomainEvent, folding: Folding) => State

export function evolve(state: State, record: Omit<TurnRecord, 'answer'>): State {
  if (record.position !== state.position + 1) {
    throw new Error(`record ${record.position} cannot follow ${state.position}`)
  }
  const { at, position, actor, idempotency } = record
  const touched = {
    routes: new Set<string>(),
    positions: new Set<string>(),
    releases: new Set<string>(),
    apps: new Set<string>(),
    allClusters: false,
    keys: false,
  }
  const folding: Folding = { at, position, actor, touched }
  let next: State = { ...state, position }
  for (const event of record.events) {
    next = (handlers[event.type] as Handler)(next, event, folding)
  }
  if (idempotency) {
    const { key, bodyDigest } = idempotency
    next = { ...next, answered: put(next.answered, key, { position, bodyDigest, actor }) }
  }
  return withOpenApps(withTrees(state, next, folding), touched.apps)
}

function withTrees(before: State, after: State, { position, touched }: Folding): State {
  const { routes, positions, releases, allClusters, keys } = touched
  if (!allClusters && !keys && routes.size + positions.size + releases.size === 0) return after
  const clusters = new Map(after.clusters)
  for (const cluster of after.clusters.values()) {
    const changed = changedCluster(before, after, cluster, touched)
    const isNew = allClusters || changed.tree.root !== cluster.tree.root
    clusters.set(cluster.name, isNew ? revised(changed, position) : cluster)
  }
  return { ...after, clusters }
}

/** An agent that is further behind than this counts as serving something unknown until it catches up. */
const recentKept = 32

function revised(cluster: ClusterState, revision: number): ClusterState {
  const recent = [...cluster.recent, { revision, digest: cluster.tree.root }].slice(-recentKept)
  return { ...cluster, revision, recent }
}

function changedCluster(
  before: State,
  after: State,
  cluster: ClusterState,
  touched: Folding['touched'],
): ClusterState {
  const old = touchedObjects(before, cluster.name, touched)
  const put: SnapshotObject[] = []
  const replaced: SnapshotObject[] = []
  for (const [key, object] of touchedObjects(after, cluster.name, touched)) {
    const held = old.get(key)
    old.delete(key)
    if (held && canonicalText(held) === canonicalText(object)) continue
    if (held) replaced.push(held)
    put.push(object)
  }
  const gone = [...old.values()]
  if (put.length === 0 && gone.length === 0) return cluster
  return {
    ...cluster,
    tree: update(cluster.tree, { put, remove: gone.map((object) => object.key) }),
    matches: indexRoutes(
      cluster.matches,
      [...gone, ...replaced].filter(isRoute),
      put.filter(isRoute),
    ),
  }
}

const isRoute = (object: SnapshotObject): object is RouteObject => object.kind === 'route'

function touchedObjects(state: State, cluster: string, touched: Folding['touched']) {
  const objects = new Map<string, SnapshotObject>()
  const keep = (found: readonly SnapshotObject[]) => {
    for (const object of found) objects.set(object.key, object)
  }
  if (touched.keys) keep(keysObjects(state, cluster))
  for (const name of touched.routes) {
    const app = appOf(state, name)
    if (app) keep(routeObjects(app, cluster))
  }
  for (const name of touched.positions) {
    const app = appOf(state, name)
    if (app) keep(positionObjects(app, cluster))
  }
  for (const id of touched.releases) {
    const release = releaseOf(state, id)
    const app = release && appOf(state, release.app)
    if (app) keep(releaseObjects(app, release, cluster))
  }
  return objects
}

function withOpenApps(state: State, touched: ReadonlySet<string>): State {
  const changed = [...touched].filter((app) => state.open.has(app) !== isOpen(state, app))
  if (changed.length === 0) return state
  const open = new Set(state.open)
  for (const app of changed) if (!open.delete(app)) open.add(app)
  return { ...state, open }
}

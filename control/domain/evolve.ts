/**
 * The fold: a record makes the next state from the one before, and nothing else does. The handlers say
 * what each event means and which groups of objects it touches; afterwards the clusters' trees, their
 * revisions and the set of open apps are brought up to date, for the touched groups alone.
 */
import type { RouteObject, SnapshotObject } from '#wire/object.ts'
import { sameJson } from '#wire/same-json.ts'
import { update } from '#wire/tree.ts'
import type { DomainEvent, EventOf, EventType } from './event.ts'
import { appEvents } from './evolve/app.ts'
import { fleetEvents } from './evolve/fleet.ts'
import { freezeEvents } from './evolve/freeze.ts'
import { ingressEvents } from './evolve/ingress.ts'
import { releaseEvents } from './evolve/release.ts'
import { switchEvents } from './evolve/switch.ts'
import type { TurnRecord } from './record.ts'
import { isOpen, isOpened } from './release/open.ts'
import { indexRoutes } from './snapshot/conflict.ts'
import { ingressOf, ingressRoutes } from './snapshot/ingress.ts'
import { keysObjects, positionObjects, releaseObjects, routeObjects } from './snapshot/snapshot.ts'
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
    /** By cluster, ids of Ingress objects. */
    readonly ingresses: Map<string, Set<string>>
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
  ...ingressEvents,
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
    ingresses: new Map<string, Set<string>>(),
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
  return withOpenApps(withTrees(state, next, folding), touched)
}

function withTrees(before: State, after: State, { position, touched }: Folding): State {
  const { routes, positions, releases, ingresses, allClusters, keys } = touched
  const groups = routes.size + positions.size + releases.size + ingresses.size
  if (!allClusters && !keys && groups === 0) return after
  const clusters = new Map(after.clusters)
  const made: Made[] = []
  for (const cluster of after.clusters.values()) {
    const changed = changedCluster(before, after, cluster, touched, made)
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

/** A tree that this record has made. */
interface Made extends Pick<ClusterState, 'tree' | 'matches'> {
  /** Root of the tree that it was made from. */
  readonly from: string
  readonly put: readonly SnapshotObject[]
  readonly gone: readonly SnapshotObject[]
}

/** Clusters that hold the same, and get the same, share one tree: it is hashed once. */
function changedCluster(
  before: State,
  after: State,
  cluster: ClusterState,
  touched: Folding['touched'],
  made: Made[],
): ClusterState {
  const { root: from } = cluster.tree
  const old = touchedObjects(before, cluster.name, touched)
  const put: SnapshotObject[] = []
  const replaced: SnapshotObject[] = []
  for (const [key, object] of touchedObjects(after, cluster.name, touched)) {
    const held = old.get(key)
    old.delete(key)
    if (held && sameJson(held, object)) continue
    if (held) replaced.push(held)
    put.push(object)
  }
  const gone = [...old.values()]
  if (put.length === 0 && gone.length === 0) return cluster
  const same = made.find(
    (one) => one.from === from && sameJson(one.put, put) && sameJson(one.gone, gone),
  )
  if (same) return { ...cluster, tree: same.tree, matches: same.matches }
  const tree = update(cluster.tree, { put, remove: gone.map((object) => object.key) })
  const removed = [...gone, ...replaced].filter(isRoute)
  const matches = indexRoutes(cluster.matches, removed, put.filter(isRoute))
  made.push({ tree, matches, from, put, gone })
  return { ...cluster, tree, matches }
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
    if (app) keep(releaseObjects(state, app, release, cluster))
  }
  for (const id of touched.ingresses.get(cluster) ?? []) {
    const ingress = ingressOf(state, cluster, id)
    if (ingress) keep(ingressRoutes(ingress))
  }
  return objects
}

/** What was not open is opened by what was touched, or not at all. */
function withOpenApps(state: State, { apps, releases }: Folding['touched']): State {
  const changed = [...apps].filter((app) => {
    const wasOpen = state.open.has(app)
    return wasOpen !== (wasOpen ? isOpen(state, app) : isOpened(state, app, releases))
  })
  if (changed.length === 0) return state
  const open = new Set(state.open)
  for (const app of changed) if (!open.delete(app)) open.add(app)
  return { ...state, open }
}

/**
 * From the state to what agents hold. Content and positions are pure functions of the state, one small
 * group of objects at a time; `evolve` keeps each cluster's tree up to date with them, and `rebuild` makes
 * the same tree from nothing, slowly, as the proof.
 */
import type {
  BackendObject,
  PositionObject,
  RouteObject,
  SnapshotObject,
  WorkloadObject,
} from '#wire/object.ts'
import { backendKey, positionKey, previewKey, routeKey, workloadKey } from '#wire/object.ts'
import { emptyTree, type Tree, treeOf } from '#wire/tree.ts'
import { type AppState, isActive, type ReleaseState, releasesOf, type State } from './state.ts'
import { valuesOf } from './table.ts'

/** Kept up to date by `evolve`. */
export const snapshotOf = (state: State, cluster: string): Tree =>
  state.clusters.get(cluster)?.tree ?? emptyTree

/** The same from nothing: every object of every app, hashed afresh. */
export function rebuild(state: State, cluster: string): Tree {
  const objects: SnapshotObject[] = []
  for (const app of valuesOf(state.apps)) {
    objects.push(...routeObjects(app, cluster), ...positionObjects(app, cluster))
    for (const release of releasesOf(state, app)) {
      objects.push(...releaseObjects(app, release, cluster))
    }
  }
  return treeOf(objects)
}

/** The app takes public traffic in the cluster. */
export const isServedIn = (app: AppState, cluster: string): boolean =>
  app.intent.clusters.includes(cluster) && app.leaving[cluster] === undefined

export function routeObjects(app: AppState, cluster: string): RouteObject[] {
  if (!isServedIn(app, cluster)) return []
  return app.intent.routes.map((route) => ({
    kind: 'route',
    key: routeKey(app.app, route.name),
    app: app.app,
    hosts: route.hosts ?? app.intent.hosts,
    matches: route.matches,
    ...(route.rewrite && { rewrite: route.rewrite }),
    ...(route.requestHeaders && { requestHeaders: route.requestHeaders }),
    since: app.routeSince[route.name] ?? app.createdRevision,
  }))
}

/** Its backend, its workload when copies are ours to run, its preview while it is a candidate. */
export function releaseObjects(
  app: AppState,
  release: ReleaseState,
  cluster: string,
): SnapshotObject[] {
  if (release.gone || !release.clusters.includes(cluster)) return []
  const objects: SnapshotObject[] = [backendObject(release)]
  if (release.platform.type === 'local') {
    objects.push(workloadObject(release, release.platform.program, app.intent.copies))
  }
  if (release.preview && isCandidate(release) && isServedIn(app, cluster)) {
    objects.push(previewObject(app, release, release.preview.path))
  }
  return objects
}

export function positionObjects(app: AppState, cluster: string): PositionObject[] {
  const position = app.positions[cluster]
  if (!position) return []
  const { generation, weights, next, close } = position
  return [
    {
      kind: 'position',
      key: positionKey(app.app),
      app: app.app,
      generation,
      weights,
      ...(next && { next }),
      ...(close.length > 0 && { close: [...close] }),
    },
  ]
}

/** Not public yet and not given up: the only time that a preview leads to it. */
const isCandidate = (release: ReleaseState): boolean => isActive(release) && !release.wasLive

const backendObject = (release: ReleaseState): BackendObject => ({
  kind: 'backend',
  key: backendKey(release.id),
  app: release.app,
  release: release.id,
  version: release.version,
  platform: release.platform.type,
})

const workloadObject = (
  release: ReleaseState,
  program: string,
  copies: number,
): WorkloadObject => ({
  kind: 'workload',
  key: workloadKey(release.id),
  app: release.app,
  release: release.id,
  version: release.version,
  program,
  copies,
})

const previewObject = (app: AppState, release: ReleaseState, path: string): RouteObject => ({
  kind: 'route',
  key: previewKey(app.app, release.id),
  app: app.app,
  hosts: app.intent.hosts,
  matches: [{ path: { type: 'PathPrefix', value: path }, headers: [] }],
  rewrite: { path: { type: 'ReplacePrefixMatch', value: '/' } },
  release: release.id,
  since: release.createdRevision,
})

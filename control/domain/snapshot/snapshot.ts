/**
 * From the state to what agents hold. Content and positions are pure functions of the state, one small
 * group of objects at a time; `evolve` keeps each cluster's tree up to date with them, and `rebuild` makes
 * the same tree from nothing, slowly, as the proof.
 */
import { filtersIn } from '#wire/filter.ts'
import type {
  BackendObject,
  KeysObject,
  PositionObject,
  RouteObject,
  SnapshotObject,
  WorkloadObject,
} from '#wire/object.ts'
import { backendKey, keysKey, positionKey, routeKey, workloadKey } from '#wire/object.ts'
import { emptyTree, type Tree, treeOf } from '#wire/tree.ts'
import { type AppState, isActive, type ReleaseState, releasesOf, type State } from '../state.ts'
import { runsCopies, sharedBy } from '../switch/shares.ts'
import { splitOf } from '../switch/weights.ts'
import { valuesOf } from '../table.ts'
import { ingressesOf, ingressRoutes } from './ingress.ts'
import { serviceOf } from './own-service.ts'
import { candidateRoutes } from './preview.ts'

/** Kept up to date by `evolve`. */
export const snapshotOf = (state: State, cluster: string): Tree =>
  state.clusters.get(cluster)?.tree ?? emptyTree

/** The same from nothing: every object of every app and Ingress, hashed afresh. */
export function rebuild(state: State, cluster: string): Tree {
  const objects: SnapshotObject[] = [...keysObjects(state, cluster)]
  for (const app of valuesOf(state.apps)) {
    objects.push(...routeObjects(app, cluster), ...positionObjects(app, cluster))
    for (const release of releasesOf(state, app)) {
      objects.push(...releaseObjects(state, app, release, cluster))
    }
  }
  for (const ingress of ingressesOf(state, cluster)) objects.push(...ingressRoutes(ingress))
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
    ...filtersIn(route),
    since: app.routeSince[route.name] ?? app.createdRevision,
  }))
}

/** Its backend, its workload when copies are ours to run, and the ways to it while it is a candidate. */
export function releaseObjects(
  state: State,
  app: AppState,
  release: ReleaseState,
  cluster: string,
): SnapshotObject[] {
  if (release.gone || !release.clusters.includes(cluster)) return []
  const objects: SnapshotObject[] = [backendObject(release, cluster)]
  if (runsCopies(release, cluster)) objects.push(...workloadObjects(state, app, release, cluster))
  if (isCandidate(release) && isServedIn(app, cluster)) {
    objects.push(...candidateRoutes(app, release))
  }
  return objects
}

/** Once the log has said which keys there are: agents of before know them from their enrolment. */
export function keysObjects(state: State, cluster: string): KeysObject[] {
  if (!state.keys || !state.clusters.has(cluster)) return []
  return [{ kind: 'keys', key: keysKey, publicKeys: [...state.keys.publicKeys] }]
}

export function positionObjects(app: AppState, cluster: string): PositionObject[] {
  const position = app.positions[cluster]
  if (!position) return []
  const { generation, weights, next, close } = position
  const split = splitOf(app, weights)
  return [
    {
      kind: 'position',
      key: positionKey(app.app),
      app: app.app,
      generation,
      weights,
      ...(next && { next }),
      ...(split && { split }),
      ...(close.length > 0 && { close: [...close] }),
    },
  ]
}

/** Not public yet and not given up: the only time that a preview leads to it. */
export const isCandidate = (release: ReleaseState): boolean => isActive(release) && !release.wasLive

function backendObject(release: ReleaseState, cluster: string): BackendObject {
  const shares = sharedBy(release, cluster)
  return {
    kind: 'backend',
    key: backendKey(release.id),
    app: release.app,
    release: release.id,
    version: release.version,
    platform: release.platform.type,
    ...(shares.length > 0 && { shares: [...shares] }),
    ...(release.preview?.links && isCandidate(release) && { links: true as const }),
  }
}

function workloadObjects(
  state: State,
  app: AppState,
  release: ReleaseState,
  cluster: string,
): WorkloadObject[] {
  const runs = whatRuns(release, serviceOf(state, app, release, cluster))
  if (!runs) return []
  const replaces = release.replaces[cluster]
  const workload: WorkloadObject = {
    kind: 'workload',
    key: workloadKey(release.id),
    app: release.app,
    release: release.id,
    version: release.version,
    ...runs,
    copies: app.intent.copies,
    ...(replaces &&
      release.rolling && {
        rolling: {
          replaces: [...replaces],
          ...release.rolling,
          paused: release.paused !== null,
        },
      }),
  }
  return [workload]
}

/** Null: its platform runs nothing for us. */
function whatRuns(
  { app, platform, image, deployment }: ReleaseState,
  service: string | undefined,
): Pick<WorkloadObject, 'program' | 'kubernetes'> | null {
  if (platform.type === 'static') return null
  if (platform.type === 'local') return { program: platform.program }
  const { namespace, port, template = app, container } = platform
  const made = image !== null && { image, ...(container !== undefined && { container }) }
  const adopted = deployment !== null && { deployment }
  const leads = service !== undefined && { service }
  return { kubernetes: { namespace, port, template, ...made, ...adopted, ...leads } }
}

/** What events about apps mean: their routes, and how they leave a cluster. */
import type { AppIntent } from '#wire/app.ts'
import type { Folding, Handlers } from '../evolve.ts'
import { type AppState, releasesOf, type State } from '../state.ts'
import { drop, get, put } from '../table.ts'
import { appIn, changedApp, changedRelease, without, withoutCluster } from './change.ts'

export const appEvents: Handlers<
  | 'app-created'
  | 'app-changed'
  | 'app-leaving'
  | 'app-left'
  | 'app-deletion-requested'
  | 'app-deleted'
> = {
  'app-created': (state, { app, intent }, folding) => {
    touch(state, app, folding)
    const { position } = folding
    const created: AppState = {
      app,
      intent,
      routeSince: routeSince({}, intent, position),
      positions: positionsFor({}, intent, position),
      leaving: {},
      deleting: false,
      releases: [],
      switch: null,
      createdRevision: position,
      changedRevision: position,
    }
    return { ...state, apps: put(state.apps, app, created) }
  },
  'app-changed': (state, { app, intent }, folding) => {
    touch(state, app, folding)
    const { position } = folding
    return changedApp(state, app, (held) => ({
      ...held,
      intent,
      routeSince: routeSince(held.routeSince, intent, position),
      positions: positionsFor(held.positions, intent, position),
      changedRevision: position,
    }))
  },
  'app-leaving': (state, { app, clusters }, folding) => {
    touch(state, app, folding)
    return changedApp(state, app, (held) => ({
      ...held,
      leaving: {
        ...held.leaving,
        ...Object.fromEntries(clusters.map((c) => [c, folding.position])),
      },
      positions: without(held.positions, ...clusters),
    }))
  },
  'app-left': (state, { app, cluster }, folding) => {
    touch(state, app, folding)
    let next = changedApp(state, app, (held) => ({
      ...held,
      leaving: without(held.leaving, cluster),
    }))
    for (const release of releasesOf(state, appIn(state, app))) {
      if (!release.clusters.includes(cluster)) continue
      const left = withoutCluster(release, cluster)
      const gone = left.clusters.length === 0
      next = changedRelease(next, release.id, folding, (held) => ({
        ...held,
        ...(gone ? { clusters: left.clusters, replaces: left.replaces } : left),
        ...(gone && { gone, phase: 'decommissioned' as const, drainAtMs: null }),
      }))
    }
    return next
  },
  'app-deletion-requested': (state, { app }, folding) => {
    touch(state, app, folding)
    return changedApp(state, app, (held) => ({ ...held, deleting: true }))
  },
  'app-deleted': (state, { app }, folding) => {
    touch(state, app, folding)
    let { releases } = state
    for (const id of appIn(state, app).releases) releases = drop(releases, id)
    return { ...state, apps: drop(state.apps, app), releases }
  },
}

/** Previews stand on the app's hosts and workloads on its copies, so its releases are touched too. */
function touch(state: State, name: string, { touched }: Folding): void {
  touched.routes.add(name)
  touched.positions.add(name)
  touched.apps.add(name)
  for (const id of get(state.apps, name)?.releases ?? []) touched.releases.add(id)
}

/** A route keeps its age while its name stays. */
const routeSince = (before: AppState['routeSince'], intent: AppIntent, position: number) =>
  Object.fromEntries(
    intent.routes.map(({ name }) => [name, Object.hasOwn(before, name) ? before[name]! : position]),
  )

/** A cluster that is new to the app starts with a position that names no release. */
const positionsFor = (before: AppState['positions'], intent: AppIntent, position: number) => ({
  ...before,
  ...Object.fromEntries(
    intent.clusters.map((cluster) => [
      cluster,
      before[cluster] ?? { generation: position, weights: [], close: [] },
    ]),
  ),
})

/** A new release: one attempt to put a version live, beside what is live now. */
import { limits } from '#wire/limits.ts'
import type { RouteObject } from '#wire/object.ts'
import type { ReleaseIntent } from '#wire/release.ts'
import { findConflict } from './conflict.ts'
import type { Ruling } from './decide.ts'
import { routeConflict } from './decide-app.ts'
import type { EventOf } from './event.ts'
import { evolve } from './evolve.ts'
import { inProgress, reject, unknownApp, unknownClusters } from './rejections.ts'
import { isServedIn, releaseObjects, routeObjects } from './snapshot.ts'
import {
  type AppState,
  activeRelease,
  appOf,
  isSwitching,
  publicRelease,
  releaseOf,
  releasesOf,
  type State,
} from './state.ts'
import { get } from './table.ts'
import { releaseView } from './view.ts'

export function createRelease(state: State, asked: ReleaseIntent): Ruling {
  if (asked.strategy !== 'blueGreen' || asked.version === undefined) return notYet
  const { version } = asked
  const app = appOf(state, asked.app)
  if (!app || app.deleting) return unknownApp(asked.app)
  const clusters = asked.clusters ?? app.intent.clusters
  const foreign = clusters.filter((cluster) => !isServedIn(app, cluster))
  if (foreign.length > 0) return unknownClusters(foreign, '/clusters', 'not a cluster of the app')
  const active = activeRelease(state, app)
  if (active) return inProgress(active)
  if (isSwitching(app)) return reject('release-in-progress', `A switch of "${app.app}" is open.`)
  const open = releasesOf(state, app).filter((release) => !release.gone)
  if (open.length >= limits.releasesPerApp) {
    return reject('limit-reached', `${limits.releasesPerApp} releases are not decommissioned.`, {
      fix: 'Decommission the ones that you will not go back to.',
      evidence: { releases: open.map((release) => release.id) },
    })
  }
  const event = created(state, app, { ...asked, version }, clusters)
  return (
    previewConflict(state, app, event) ?? {
      events: [event],
      status: 201,
      body: (after, fleet, now) => releaseView(after, fleet, event.release, now),
    }
  )
}

function created(
  state: State,
  app: AppState,
  asked: ReleaseIntent & { readonly version: string },
  clusters: readonly string[],
): EventOf<'release-created'> {
  const number = (get(state.releaseNumbers, app.app) ?? 0) + 1
  const isFirst = clusters.every((cluster) => publicRelease(app, cluster) === null)
  return {
    type: 'release-created',
    v: 1,
    release: `${app.app}-r${number}`,
    app: app.app,
    version: asked.version,
    clusters: [...clusters],
    preview: asked.preview?.path ? { path: asked.preview.path } : null,
    autoPromote: asked.autoPromote ?? isFirst,
    whenSilent: asked.whenSilent,
    deadlineMs: asked.deadlineMs,
  }
}

const notYet = reject('invalid-request', 'Only blue-green releases are taken so far.')

/** The preview is a route like any other: no other route may say the same. */
function previewConflict(state: State, app: AppState, event: EventOf<'release-created'>) {
  if (!event.preview) return null
  const base = { v: 1, at: 0, position: state.position + 1, actor: '', idempotency: null } as const
  const after = evolve(state, { ...base, input: { kind: 'intent', type: null }, events: [event] })
  const release = releaseOf(after, event.release)!
  for (const cluster of event.clusters) {
    const previews = releaseObjects(app, release, cluster).filter(
      (object): object is RouteObject => object.kind === 'route',
    )
    const matches = state.clusters.get(cluster)!.matches
    const conflict = findConflict(matches, app.app, [...routeObjects(app, cluster), ...previews])
    if (conflict) return routeConflict(cluster, conflict)
  }
  return null
}

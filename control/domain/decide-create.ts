/** A new release: one attempt to put a version live, beside what is live now. */
import { limits } from '#wire/limits.ts'
import type { RouteObject } from '#wire/object.ts'
import { type ReleaseIntent, rolling as rollingIntent } from '#wire/release.ts'
import { findConflict } from './conflict.ts'
import { formatFault } from './content-fault.ts'
import type { Ruling } from './decide.ts'
import { routeConflict } from './decide-app.ts'
import type { EventOf } from './event.ts'
import { evolve } from './evolve.ts'
import type { Fleet } from './fleet.ts'
import { type PlanFault, planOf, rollingOf } from './plan.ts'
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
  type Step,
} from './state.ts'
import { get } from './table.ts'
import { releaseView } from './view.ts'

export function createRelease(state: State, fleet: Fleet, asked: ReleaseIntent): Ruling {
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
  const version = versionOf(state, asked)
  if (typeof version !== 'string') return version
  const planned = planOf(asked, clusters)
  const errors = 'errors' in planned ? planned.errors : strategyFaults(state, app, asked, clusters)
  if (errors.length > 0) return invalid(errors)
  if (asked.strategy !== 'blueGreen' && state.format < 2) {
    return { rejection: formatFault(state, fleet, `The strategy "${asked.strategy}"`) }
  }
  const { steps } = planned as { readonly steps: readonly Step[] }
  const event = created(state, app, asked, { version, clusters, steps })
  return (
    previewConflict(state, app, event) ?? {
      events: [event],
      status: 201,
      body: (after, fleet, now) => releaseView(after, fleet, event.release, now),
    }
  )
}

/** As it was asked, or that of the release to go back to. */
function versionOf(state: State, { app, version, undo }: ReleaseIntent) {
  if (version !== undefined) return version
  const former = releaseOf(state, undo!)
  if (former && former.app === app) return former.version
  return reject('unknown-release', `"${app}" has no release "${undo}" any more that it knows.`, {
    fix: 'Say `version` instead of `undo`; the audit has the versions of all releases.',
    errors: [{ pointer: '/undo', message: 'not a release that the app still shows' }],
  })
}

/** Rolling replaces copies that a platform runs by copies that it runs. */
function strategyFaults(
  state: State,
  app: AppState,
  { strategy }: ReleaseIntent,
  clusters: readonly string[],
): PlanFault[] {
  if (strategy !== 'rolling') return []
  const live = clusters.flatMap((cluster) => {
    const release = publicRelease(app, cluster)
    return (release !== null && releaseOf(state, release)) || []
  })
  const platforms = [app.intent.platform, ...live.map(({ platform }) => platform)]
  const other = platforms.find(({ type }) => type !== 'local')
  if (!other) return []
  const message = `rolling replaces copies, and the platform "${other.type}" runs none`
  return [{ pointer: '/strategy', message }]
}

const invalid = (errors: readonly PlanFault[]) =>
  reject('invalid-request', errors.map((one) => `${one.pointer}: ${one.message}`).join('; '), {
    fix: 'Correct the fields that `errors` names.',
    errors,
  })

interface Settled {
  readonly version: string
  readonly clusters: readonly string[]
  readonly steps: readonly Step[]
}

function created(
  state: State,
  app: AppState,
  asked: ReleaseIntent,
  { version, clusters, steps }: Settled,
): EventOf<'release-created'> {
  const number = (get(state.releaseNumbers, app.app) ?? 0) + 1
  const isFirst = clusters.every((cluster) => publicRelease(app, cluster) === null)
  const { strategy, undo, target, preview, whenSilent, deadlineMs } = asked
  const isRolling = strategy === 'rolling'
  const rolling = rollingOf(asked.rolling ?? rollingIntent.parse({}), app.intent.copies)
  // What is as it was before there were strategies is written as it was.
  const isPlain = strategy === 'blueGreen' && steps.length === 1
  return {
    type: 'release-created',
    v: 1,
    release: `${app.app}-r${number}`,
    app: app.app,
    version,
    clusters: [...clusters],
    preview: preview ?? null,
    autoPromote: asked.autoPromote ?? (isFirst || isRolling),
    whenSilent,
    deadlineMs,
    ...(strategy !== 'blueGreen' && { strategy }),
    ...(undo && { undo }),
    ...(target && { target }),
    ...(!isPlain && { steps: steps.map((step) => ({ ...step, clusters: [...step.clusters] })) }),
    ...(isRolling && { rolling }),
  }
}

/** Ways to a candidate are routes like any other: no other route may say the same. */
function previewConflict(state: State, app: AppState, event: EventOf<'release-created'>) {
  if (!event.preview && !event.target) return null
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

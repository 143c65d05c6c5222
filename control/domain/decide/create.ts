/** A new release: one attempt to put a version live, beside what is live now. */
import { limits } from '#wire/limits.ts'
import type { RouteObject } from '#wire/object.ts'
import { type ReleaseIntent, rolling as rollingIntent } from '#wire/release.ts'
import type { Ruling } from '../decide.ts'
import type { EventOf } from '../event.ts'
import { evolve } from '../evolve.ts'
import { inProgress, reject, unknownApp, unknownClusters } from '../rejections.ts'
import { type PlanFault, planOf, rollingOf } from '../release/plan.ts'
import type { Fleet } from '../reports/fleet.ts'
import { findConflict } from '../snapshot/conflict.ts'
import { isServedIn, releaseObjects, routeObjects } from '../snapshot/snapshot.ts'
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
} from '../state.ts'
import { get } from '../table.ts'
import { releaseView } from '../view/view.ts'
import { routeConflict } from './app.ts'
import { formatFault } from './content-fault.ts'

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
  const made = madeOf(state, asked)
  if ('rejection' in made) return made
  const planned = planOf(asked, clusters)
  const errors =
    'errors' in planned
      ? planned.errors
      : [...platformFaults(app, made), ...strategyFaults(state, app, asked, made, clusters)]
  if (errors.length > 0) return invalid(errors)
  if (asked.strategy !== 'blueGreen' && state.format < 2) {
    return { rejection: formatFault(state, fleet, `The strategy "${asked.strategy}"`) }
  }
  const { steps } = planned as { readonly steps: readonly Step[] }
  const event = created(state, app, asked, { ...made, clusters, steps })
  return (
    previewConflict(state, app, event) ?? {
      events: [event],
      status: 201,
      body: (after, fleet, now) => releaseView(after, fleet, event.release, now),
    }
  )
}

/** What its copies are made of. */
interface Made {
  readonly version: string
  readonly image?: string | undefined
  readonly deployment?: string | undefined
}

/** As it was asked, or as the release to go back to is. */
function madeOf(state: State, { app, version, image, deployment, undo }: ReleaseIntent) {
  if (version !== undefined) return { version, image, deployment }
  const former = releaseOf(state, undo!)
  if (former && former.app === app) {
    const { version, image, deployment } = former
    return { version, image: image ?? undefined, deployment: deployment ?? undefined }
  }
  return reject('unknown-release', `"${app}" has no release "${undo}" any more that it knows.`, {
    fix: 'Say `version` instead of `undo`; the audit has the versions of all releases.',
    errors: [{ pointer: '/undo', message: 'not a release that the app still shows' }],
  })
}

/** In Kubernetes a release is made of an image or is a Deployment; elsewhere it is neither. */
function platformFaults({ intent }: AppState, { image, deployment }: Made): PlanFault[] {
  const { type } = intent.platform
  const pointer = deployment === undefined ? '/image' : '/deployment'
  if (type === 'kubernetes') {
    if (image !== undefined || deployment !== undefined) return []
    const message = 'a release on the platform "kubernetes" needs `image`, or `deployment`'
    return [{ pointer, message }]
  }
  if (image === undefined && deployment === undefined) return []
  return [{ pointer, message: `the platform "${type}" of the app knows no images and Deployments` }]
}

/** Rolling replaces copies that a platform runs by copies that it runs, on the same platform. */
function strategyFaults(
  state: State,
  app: AppState,
  { strategy }: ReleaseIntent,
  { deployment }: Made,
  clusters: readonly string[],
): PlanFault[] {
  if (strategy !== 'rolling') return []
  const live = clusters.flatMap((cluster) => {
    const release = publicRelease(app, cluster)
    return (release !== null && releaseOf(state, release)) || []
  })
  const platforms = [app.intent.platform, ...live.map(({ platform }) => platform)]
  const fault = (message: string): PlanFault[] => [{ pointer: '/strategy', message }]
  if (platforms.some(({ type }) => type === 'static')) {
    return fault('rolling replaces copies, and the platform "static" runs none')
  }
  if (deployment !== undefined) {
    return fault('rolling changes the image of what is live: say `image`, or use "blueGreen"')
  }
  const other = platforms.find((one) => placeOf(one) !== placeOf(app.intent.platform))
  return other
    ? fault(
        `rolling replaces copies in their place, and what is live is in another (${placeOf(other)})`,
      )
    : []
}

/** Copies replace each other within one of these. */
const placeOf = (platform: AppState['intent']['platform']): string =>
  platform.type === 'kubernetes' ? `kubernetes: ${platform.namespace}` : platform.type

const invalid = (errors: readonly PlanFault[]) =>
  reject('invalid-request', errors.map((one) => `${one.pointer}: ${one.message}`).join('; '), {
    fix: 'Correct the fields that `errors` names.',
    errors,
  })

interface Settled extends Made {
  readonly clusters: readonly string[]
  readonly steps: readonly Step[]
}

function created(
  state: State,
  app: AppState,
  asked: ReleaseIntent,
  { version, image, deployment, clusters, steps }: Settled,
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
    ...(image !== undefined && { image }),
    ...(deployment !== undefined && { deployment }),
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
    const previews = releaseObjects(state, app, release, cluster).filter(
      (object): object is RouteObject => object.kind === 'route',
    )
    const matches = state.clusters.get(cluster)!.matches
    const conflict = findConflict(matches, app.app, [...routeObjects(app, cluster), ...previews])
    if (conflict) return routeConflict(cluster, conflict)
  }
  return null
}

/**
 * App intents: put whole, delete. Routes may change at any time; what a release stands on may not while
 * one is active. Leaving a cluster, or all of them, takes the routes first and the copies last.
 */
import { canonicalText } from '#wire/digest.ts'
import { limits } from '#wire/limits.ts'
import type { RouteObject } from '#wire/object.ts'
import type { Ruling } from '../decide.ts'
import type { DomainEvent } from '../event.ts'
import type { Intent } from '../input.ts'
import { mayDo } from '../permission.ts'
import { reject, stateChanged, unknownApp, unknownClusters } from '../rejections.ts'
import { findConflict, type RouteConflict } from '../snapshot/conflict.ts'
import { isServedIn, releaseObjects, routeObjects } from '../snapshot/snapshot.ts'
import {
  type AppState,
  activeRelease,
  appOf,
  isPublicIn,
  isSwitching,
  releasesOf,
  type State,
} from '../state.ts'
import { appEtag } from '../view/etag.ts'
import { appView } from '../view/view.ts'
import type { Asking } from './release.ts'

type AppIntentOf<Type> = Extract<Intent, { type: Type }>

export function decideApp(
  state: State,
  intent: AppIntentOf<'put-app' | 'delete-app'>,
  { ifMatch, scopes }: Pick<Asking, 'ifMatch' | 'scopes'>,
): Ruling {
  const held = appOf(state, intent.app)
  if (held && ifMatch !== null && ifMatch !== appEtag(held)) {
    return stateChanged(`The app "${intent.app}"`, appEtag(held))
  }
  if (intent.type === 'delete-app') return held ? deleteApp(state, held) : unknownApp(intent.app)
  if (!held && ifMatch !== null) return unknownApp(intent.app)
  const fault = approvalsFault(held, intent, scopes) ?? putFault(state, held, intent)
  if (fault) return fault
  const { app, body } = intent
  const left = held?.intent.clusters.filter((cluster) => !body.clusters.includes(cluster)) ?? []
  const events: DomainEvent[] = []
  if (!held) events.push({ type: 'app-created', v: 1, app, intent: body })
  else if (canonicalText(held.intent) !== canonicalText(body)) {
    events.push({ type: 'app-changed', v: 1, app, intent: body })
  }
  if (left.length > 0) events.push({ type: 'app-leaving', v: 1, app, clusters: left })
  return { events, status: held ? 200 : 201, body: (after) => appView(after, app) }
}

function deleteApp(state: State, held: AppState): Ruling {
  const { app, intent } = held
  const fault = leavingFault(state, held, intent.clusters, 'be deleted')
  if (fault) return fault
  const clusters = intent.clusters.filter((cluster) => isServedIn(held, cluster))
  const events: DomainEvent[] = [{ type: 'app-deletion-requested', v: 1, app }]
  if (clusters.length > 0) events.push({ type: 'app-leaving', v: 1, app, clusters })
  return {
    events: held.deleting ? [] : events,
    status: 200,
    body: (after) => ({ app, deleted: appOf(after, app) === undefined }),
  }
}

type Put = AppIntentOf<'put-app'>

/** Whoever may not override missing approvals may not do away with them either. */
function approvalsFault(held: AppState | undefined, { app, body }: Put, scopes: Asking['scopes']) {
  const asked = held?.intent.approvals ?? 0
  if ((body.approvals ?? 0) >= asked || mayDo(scopes, 'override')) return null
  return reject('forbidden', `"${app}" asks for approvals; fewer need the scope "override".`, {
    fix: `Leave approvals at ${asked}, or ask somebody whose token has that scope.`,
    errors: [{ pointer: '/approvals', message: `not less than ${asked} with this token` }],
  })
}

function putFault(state: State, held: AppState | undefined, { app, body }: Put) {
  const unknown = body.clusters.filter((cluster) => !state.clusters.has(cluster))
  if (unknown.length > 0) return unknownClusters(unknown, '/clusters', 'no such cluster')
  if (!held) {
    if (state.apps.size >= limits.apps) {
      return reject('limit-reached', `There are ${limits.apps} apps already.`)
    }
    return conflictFault(state, app, draftOf(app, body, undefined))
  }
  if (held.deleting) return reject('app-in-release', `"${app}" is being deleted.`, waitFix)
  const returning = body.clusters.filter((cluster) => held.leaving[cluster] !== undefined)
  if (returning.length > 0) {
    const where = returning.join(', ')
    return reject('app-in-release', `"${app}" is still leaving ${where}.`, waitFix)
  }
  const frozen = (['clusters', 'platform', 'copies', 'userKey'] as const).filter(
    (field) =>
      canonicalText(sorted(held.intent[field] ?? null)) !==
      canonicalText(sorted(body[field] ?? null)),
  )
  const active = activeRelease(state, held)
  if (active && frozen.length > 0) {
    return reject('app-in-release', `${active.id} is ${active.phase}.`, {
      fix: `Wait for its end, or leave ${frozen.join(', ')} as they are; routes may change.`,
      errors: frozen.map((field) => ({
        pointer: `/${field}`,
        message: 'cannot change during a release',
      })),
      evidence: { release: active.id, phase: active.phase },
    })
  }
  const left = held.intent.clusters.filter((cluster) => !body.clusters.includes(cluster))
  const fault = left.length > 0 ? leavingFault(state, held, left, `leave ${left.join(', ')}`) : null
  return fault ?? conflictFault(state, app, draftOf(app, body, held))
}

/** Leaving takes the live release along, and nothing that was kept on purpose. */
function leavingFault(state: State, held: AppState, clusters: readonly string[], what: string) {
  const active = activeRelease(state, held)
  if (active || isSwitching(held)) {
    return reject('app-in-release', `"${held.app}" cannot ${what}: a release is under way.`, {
      fix: 'Wait for its end, or abort it.',
      evidence: { release: active?.id ?? null, phase: active?.phase ?? null },
    })
  }
  const kept = releasesOf(state, held).filter(
    (release) =>
      !release.gone &&
      release.clusters.some(
        (cluster) =>
          clusters.includes(cluster) &&
          held.leaving[cluster] === undefined &&
          !isPublicIn(held, cluster, release.id),
      ),
  )
  if (kept.length === 0) return null
  const names = kept.map((release) => release.id)
  return reject('app-has-releases', `"${held.app}" cannot ${what}: it has ${names.join(', ')}.`, {
    fix: 'Decommission them first; the live release goes with its routes.',
    evidence: { releases: names },
  })
}

const waitFix = { fix: 'Wait until no agent uses it there any more.' }

const sorted = (value: unknown): unknown => (Array.isArray(value) ? value.toSorted() : value)

/** The app as it would be, to see its routes. */
const draftOf = (app: string, body: Put['body'], held: AppState | undefined): AppState => ({
  ...(held ?? {
    app,
    routeSince: {},
    positions: {},
    leaving: {},
    deleting: false,
    releases: [],
    switch: null,
    createdRevision: 0,
    changedRevision: 0,
  }),
  intent: body,
})

function conflictFault(state: State, app: string, draft: AppState) {
  for (const cluster of draft.intent.clusters) {
    const previews = releasesOf(state, draft).flatMap((release) =>
      releaseObjects(state, draft, release, cluster).filter(
        (object): object is RouteObject => object.kind === 'route',
      ),
    )
    const matches = state.clusters.get(cluster)!.matches
    const routes = [...routeObjects(draft, cluster), ...previews]
    const conflict = findConflict(matches, app, routes)
    if (conflict) return routeConflict(cluster, conflict)
  }
  return null
}

export const routeConflict = (cluster: string, { route, other, host }: RouteConflict) =>
  reject('route-conflict', `${route} and ${other} have the same match on ${host} in ${cluster}.`, {
    fix: 'Change the match or the host of one of them.',
    evidence: { cluster, host, route, other },
  })

/**
 * Intents about Ingress objects: the agents of a cluster put each one whole and take it away. The older route
 * wins: whoever comes second is refused, and what the object had before stays.
 */
import { canonicalText } from '#wire/digest.ts'
import { limits } from '#wire/limits.ts'
import type { Ruling } from '../decide.ts'
import type { DomainEvent } from '../event.ts'
import type { Intent } from '../input.ts'
import { reject, unknownClusters } from '../rejections.ts'
import { findConflict } from '../snapshot/conflict.ts'
import { ingressId, ingressOf, ingressRoutes, ingressView } from '../snapshot/ingress.ts'
import type { State } from '../state.ts'
import { routeConflict } from './app.ts'

type IngressIntents = Extract<Intent, { type: 'put-ingress' | 'delete-ingress' }>

export function decideIngress(state: State, intent: IngressIntents): Ruling {
  const { cluster, namespace, name } = intent
  const id = ingressId(namespace, name)
  const home = state.clusters.get(cluster)
  if (!home) return unknownClusters([cluster], '/cluster', 'no such cluster')
  const held = ingressOf(state, cluster, id)
  if (intent.type === 'delete-ingress') {
    const removed: DomainEvent = { type: 'ingress-removed', v: 1, cluster, namespace, name }
    // Asked again after an answer was lost: it is as asked.
    const body = () => ({ cluster, namespace, name })
    return { events: held ? [removed] : [], status: 200, body }
  }
  const { body } = intent
  const foreign = body.routes.findIndex(({ service }) => !service.startsWith(`${namespace}/`))
  if (foreign >= 0) {
    const pointer = `/routes/${foreign}/service`
    return reject('invalid-request', `${pointer}: not in the namespace ${namespace}.`, {
      fix: 'An Ingress leads to Services of its own namespace.',
      errors: [{ pointer, message: `a Service of ${namespace}` }],
    })
  }
  if (!held && home.ingresses.size >= limits.ingressesPerCluster) {
    return reject(
      'limit-reached',
      `${cluster} has ${limits.ingressesPerCluster} Ingresses already.`,
    )
  }
  const draft = { cluster, id, intent: body, createdRevision: 0, changedRevision: 0 }
  const conflict = findConflict(home.matches, id, ingressRoutes(draft))
  if (conflict) return routeConflict(cluster, conflict)
  const place = { cluster, namespace, name }
  const changed: DomainEvent = held
    ? { type: 'ingress-changed', v: 1, ...place, intent: body }
    : { type: 'ingress-created', v: 1, ...place, intent: body }
  const isSame = held && canonicalText(held.intent) === canonicalText(body)
  return {
    events: isSame ? [] : [changed],
    status: held ? 200 : 201,
    body: (after, fleet, now) => ingressView(after, fleet, ingressOf(after, cluster, id)!, now),
  }
}

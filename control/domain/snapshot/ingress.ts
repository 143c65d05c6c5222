/** Ingress objects of a cluster: the routes that they make, and how the API shows them. Pure. */
import type { Rejection } from '#wire/codes.ts'
import { filtersIn } from '#wire/filter.ts'
import type { IngressIntent } from '#wire/ingress.ts'
import { ingressPlace } from '#wire/ingress.ts'
import { ingressRouteKey, type RouteObject } from '#wire/object.ts'
import { servedIn } from '../reports/active.ts'
import type { Fleet } from '../reports/fleet.ts'
import type { IngressState, State } from '../state.ts'
import { get, valuesOf } from '../table.ts'

export const ingressId = (namespace: string, name: string): string => `${namespace}/${name}`

export const ingressOf = (state: State, cluster: string, id: string): IngressState | undefined => {
  const held = state.clusters.get(cluster)
  return held && get(held.ingresses, id)
}

/** As old as the object: where matches tie, the older route wins. */
export function ingressRoutes({ id, intent, createdRevision }: IngressState): RouteObject[] {
  return intent.routes.map(({ host, path, service, ...filters }) => ({
    kind: 'route',
    key: ingressRouteKey(id, ingressPlace({ host, path })),
    app: id,
    hosts: [host],
    matches: [{ path, headers: [] }],
    ...filtersIn(filters),
    service,
    since: createdRevision,
  }))
}

export interface IngressView extends IngressIntent {
  readonly cluster: string
  readonly namespace: string
  readonly name: string
  /** Of its newest change. */
  readonly revision: number
  /** Every agent of the cluster that is not silent serves it, and there is one. */
  readonly served: boolean
  /** Why its newest form is not taken; what is shown beside it is the former one. */
  readonly refused: Pick<Rejection, 'code' | 'detail'> | null
}

export function ingressView(
  state: State,
  fleet: Fleet,
  { cluster, id, intent, changedRevision }: IngressState,
  now: number,
): Omit<IngressView, 'refused'> {
  const [namespace = '', name = ''] = id.split('/')
  const served = servedIn(state, fleet, [cluster], changedRevision, now)
  return { cluster, namespace, name, ...intent, revision: changedRevision, served }
}

/** By namespace, then name. */
export function ingressesOf(state: State, cluster: string): readonly IngressState[] {
  const held = state.clusters.get(cluster)
  return [...(held ? valuesOf(held.ingresses) : [])].sort((a, b) => (a.id < b.id ? -1 : 1))
}

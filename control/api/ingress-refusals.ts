/**
 * Why Ingress objects were refused. It is not in the log: the newest refusal of each object is kept here, and told
 * again when the agents try again. It is seen beside what is served of the object, and at the release whose route
 * was there first.
 */
import type { Rejection } from '#wire/codes.ts'
import { limits } from '#wire/limits.ts'
import { previewKey, routeKey } from '#wire/object.ts'
import type { ReleaseView } from '#wire/release.ts'
import { type IngressView, ingressId } from '../domain/snapshot/ingress.ts'
import type { KeptIngress } from './ingresses.ts'
import type { IntentTaker } from './intents.ts'
import type { ReleaseReader } from './releases.ts'

interface Refused extends Pick<Rejection, 'code' | 'detail'> {
  /** Of the route that was there first, when that is why. */
  readonly other: string | null
  readonly atMs: number
}

type Shown = IngressView | Pick<IngressView, 'cluster' | 'namespace' | 'name' | 'refused'>

export interface IngressRefusals {
  /** The taker, overheard: what becomes of this object is noted. */
  watching(taker: IntentTaker, cluster: string, id: string): IntentTaker
  beside(cluster: string, kept: readonly KeptIngress[]): readonly Shown[]
  /** The reader, whose releases say which objects are refused because of their routes. */
  telling(reader: ReleaseReader): ReleaseReader
}

/** Agents try again every 30 s: what they do not is gone, or they are. */
const forgottenAfterMs = 120_000

/** As many for each cluster as it may have objects; the oldest goes. */
export function createIngressRefusals(nowMs: () => number): IngressRefusals {
  const byCluster = new Map<string, Map<string, Refused>>()
  const of = (cluster: string) => {
    const held = byCluster.get(cluster) ?? new Map<string, Refused>()
    byCluster.set(cluster, held)
    for (const [id, { atMs }] of held) if (nowMs() - atMs > forgottenAfterMs) held.delete(id)
    return held
  }

  const told = (view: ReleaseView): ReleaseView => {
    const conflicts = view.clusters.flatMap((cluster) =>
      [...of(cluster)].flatMap(([id, { other }]) =>
        other !== null && isRouteOf(view, cluster, other)
          ? `${cluster}: Ingress ${id} says the same as ${other}, which is older, and is refused`
          : [],
      ),
    )
    return conflicts.length === 0 ? view : { ...view, troubles: [...view.troubles, ...conflicts] }
  }

  return {
    watching: (taker, cluster, id) => ({
      ...taker,
      async submit(input) {
        const answer = await taker.submit(input)
        const held = of(cluster)
        held.delete(id)
        if (!answer.ok) {
          const { code, detail, evidence } = answer.rejection
          const other = typeof evidence?.other === 'string' ? evidence.other : null
          held.set(id, { code, detail, other, atMs: nowMs() })
          if (held.size > limits.ingressesPerCluster) held.delete(held.keys().next().value!)
        }
        return answer
      },
    }),
    beside(cluster, kept) {
      const held = of(cluster)
      const refusedOf = (id: string) => {
        const refused = held.get(id)
        return refused ? { code: refused.code, detail: refused.detail } : null
      }
      const ids = new Set(kept.map(({ namespace, name }) => ingressId(namespace, name)))
      const never = [...held.keys()].flatMap((id) => {
        const [namespace = '', name = ''] = id.split('/')
        return ids.has(id) ? [] : [{ cluster, namespace, name, refused: refusedOf(id) }]
      })
      const shown = kept.map((one) => ({
        ...one,
        refused: refusedOf(ingressId(one.namespace, one.name)),
      }))
      return [...shown, ...never].sort((a, b) =>
        ingressId(a.namespace, a.name) < ingressId(b.namespace, b.name) ? -1 : 1,
      )
    },
    telling: (reader) => ({
      releases: (...asked) => reader.releases(...asked).map(told),
      release(id) {
        const view = reader.release(id)
        return view && told(view)
      },
    }),
  }
}

/** Its own preview, or a route of its app while it has public traffic. */
const isRouteOf = ({ id, app, weights }: ReleaseView, cluster: string, key: string): boolean =>
  key === previewKey(app, id) || (key.startsWith(routeKey(app, '')) && (weights[cluster] ?? 0) > 0)

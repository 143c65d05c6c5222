/** What events about Ingress objects mean. */
import type { EventOf } from '../event.ts'
import type { Folding, Handlers } from '../evolve.ts'
import { ingressId } from '../snapshot/ingress.ts'
import type { ClusterState, State } from '../state.ts'
import { drop, get, put } from '../table.ts'

export const ingressEvents: Handlers<'ingress-created' | 'ingress-changed' | 'ingress-removed'> = {
  'ingress-created': putIngress,
  'ingress-changed': putIngress,
  'ingress-removed': (state, { cluster, namespace, name }, folding) => {
    const id = ingressId(namespace, name)
    return changed(state, cluster, id, folding, (held) => drop(held, id))
  },
}

/** Made anew under the same name it is another object, as young as that. */
function putIngress(
  state: State,
  { cluster, namespace, name, intent }: EventOf<'ingress-created' | 'ingress-changed'>,
  folding: Folding,
): State {
  const id = ingressId(namespace, name)
  return changed(state, cluster, id, folding, (held) => {
    const former = get(held, id)
    const isSame = former?.intent.uid === intent.uid
    const createdRevision = isSame ? former!.createdRevision : folding.position
    const next = { cluster, id, intent, createdRevision, changedRevision: folding.position }
    return put(held, id, next)
  })
}

function changed(
  state: State,
  cluster: string,
  id: string,
  { touched }: Folding,
  change: (held: ClusterState['ingresses']) => ClusterState['ingresses'],
): State {
  const held = state.clusters.get(cluster)
  if (!held) throw new Error(`the log names an unknown cluster "${cluster}"`)
  const of = touched.ingresses.get(cluster)
  if (of) of.add(id)
  else touched.ingresses.set(cluster, new Set([id]))
  const ingresses = change(held.ingresses)
  return { ...state, clusters: new Map(state.clusters).set(cluster, { ...held, ingresses }) }
}

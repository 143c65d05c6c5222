/**
 * After a restore of etcd the API server tells of endpoints of the past. Until the controllers have caught up, those
 * that were served before stay beside them: what is dead is ejected by the workers, what lives goes on. But an
 * address that some slice or pod gives to another release or another pod is not kept. So it is with the endpoints
 * of slices and Services that were deleted. Pure.
 */
import { endpointName } from '../../../../link.ts'
import type { KnownEndpoint, KnownSlice } from './endpoint-slice.ts'
import type { PodWord } from './pods-of-releases.ts'

/**
 * Those of former endpoints whose pods do not say otherwise: an older state may call one not ready that is, but
 * whoever goes from then on has gone.
 */
export function stillThere(
  former: readonly KnownEndpoint[],
  pods: {
    readonly wordOf: (uid: string) => PodWord | null
    /** By address, the uid of the pod that has it. */
    readonly holders: ReadonlyMap<string, string>
    readonly isOlderState: boolean
  },
): readonly KnownEndpoint[] {
  return former.filter(({ address, pod }) => {
    const holder = pods.holders.get(address)
    if (holder !== undefined && holder !== pod?.uid) return false
    const word = pod ? pods.wordOf(pod.uid) : null
    return word === null || word === 'ready' || (pods.isOlderState && word !== 'gone')
  })
}

export function withRemembered(
  release: string,
  now: readonly KnownEndpoint[],
  former: readonly KnownEndpoint[],
  slices: Iterable<KnownSlice>,
): readonly KnownEndpoint[] {
  const kept = new Map(former.map((one) => [one.address, one]))
  for (const slice of slices) {
    for (const { address, pod } of slice.endpoints) {
      const one = kept.get(address)
      if (one && (slice.release !== release || pod?.uid !== one.pod?.uid)) kept.delete(address)
    }
  }
  const names = new Set(now.map(endpointName))
  return [...now, ...[...kept.values()].filter((one) => !names.has(endpointName(one)))]
}

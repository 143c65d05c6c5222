/**
 * After a restore of etcd the API server tells of endpoints of the past. Until the controllers have caught up, those
 * that were served before stay beside them: what is dead is ejected by the workers, what lives goes on. But an
 * address that some slice gives to another release or another pod is not kept. Pure.
 */
import { endpointName } from '../../link.ts'
import type { KnownEndpoint, KnownSlice } from './endpoint-slice.ts'

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

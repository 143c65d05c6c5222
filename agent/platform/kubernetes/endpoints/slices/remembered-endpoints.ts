/**
 * After a restore of etcd the API server tells of endpoints of the past. Until the controllers have caught up, those
 * that were served before stay beside them: what is dead is ejected by the workers, what lives goes on. But an
 * address that some slice or pod gives to another release or another pod is not kept. So it is with the endpoints
 * of slices and Services that were deleted. Pure.
 */
import { endpointName } from '../../../../link.ts'
import type { KnownEndpoint, KnownSlice } from './endpoint-slice.ts'
import type { Holders, PodWord } from './pods-of-releases.ts'

/**
 * Those of former endpoints whose pods do not say otherwise: an older state may call one not ready that is, but
 * whoever goes from then on has gone.
 */
export function stillThere(
  former: readonly KnownEndpoint[],
  pods: {
    readonly wordOf: (uid: string) => PodWord | null
    readonly holders: Holders
    readonly isOlderState: boolean
  },
): readonly KnownEndpoint[] {
  return former.filter(({ address, pod }) => {
    if (pods.holders.has(address) && !isHeld({ address, pod }, pods.holders)) return false
    const word = pod ? pods.wordOf(pod.uid) : null
    return word === null || word === 'ready' || (pods.isOlderState && word !== 'gone')
  })
}

/** Whose an address is, by the slices: the release and the pod's uid of each that names it. */
export type Claims = ReadonlyMap<string, readonly (readonly [string, string | undefined])[]>

export function claimsOf(slices: Iterable<KnownSlice>): Claims {
  const claims = new Map<string, (readonly [string, string | undefined])[]>()
  for (const { release, endpoints } of slices) {
    for (const { address, pod } of endpoints) {
      const claim = [release, pod?.uid] as const
      const others = claims.get(address)
      if (others) others.push(claim)
      else claims.set(address, [claim])
    }
  }
  return claims
}

/** `release` null: the same pod may be behind several, and only another pod takes its address away. */
export function withRemembered(
  release: string | null,
  now: readonly KnownEndpoint[],
  former: readonly KnownEndpoint[],
  { claims, holders }: { readonly claims: Claims; readonly holders: Holders },
): readonly KnownEndpoint[] {
  const names = new Set(now.map(endpointName))
  const kept = former.filter((one) => {
    const isTheirs = claims
      .get(one.address)
      ?.some(([other, uid]) =>
        uid === one.pod?.uid ? (release ?? other) !== other : !isHeld(one, holders),
      )
    return !isTheirs && !names.has(endpointName(one))
  })
  return [...now, ...kept]
}

/** Its own pod has the address, whoever else is on the same host. */
const isHeld = ({ address, pod }: Pick<KnownEndpoint, 'address' | 'pod'>, holders: Holders) =>
  pod !== null && holders.get(address)?.has(pod.uid) === true

/**
 * What workers have as endpoints of a release: its own, and those of the releases that it shares while
 * copies are replaced (a backend's `shares`). So the position may move first, and traffic follows the
 * copies. Pure.
 */
import type { BackendObject } from '#wire/object.ts'
import { copyOf, type Endpoints } from '../../link.ts'

/** By release, the releases whose endpoints count as its own. */
export type Shares = Readonly<Record<string, readonly string[]>>

export function sharesOf(backends: Iterable<BackendObject>): Shares {
  const shares: Record<string, readonly string[]> = {}
  for (const { release, shares: shared } of backends) if (shared) shares[release] = shared
  return shares
}

/** Both: on the way from one snapshot to another nothing is taken away that a position still needs. */
export function bothShares(one: Shares, other: Shares): Shares {
  const both: Record<string, readonly string[]> = { ...one }
  for (const [release, shared] of Object.entries(other)) {
    both[release] = [...new Set([...(one[release] ?? []), ...shared])]
  }
  return both
}

export const sameShares = (one: Shares, other: Shares): boolean => {
  const text = (shares: Shares) => JSON.stringify(Object.entries(shares).sort())
  return text(one) === text(other)
}

/** Each address once. The same object when nothing is shared. */
export function withShared(own: Endpoints, shares: Shares): Endpoints {
  const shared = Object.entries(shares)
  if (shared.length === 0) return own
  const served = copyOf(own)
  for (const [release, others] of shared) {
    const lists = [release, ...others].flatMap((id) => own[id] ?? [])
    const byAddress = new Map(lists.map((one) => [`${one.address} ${one.port}`, one]))
    served[release] = [...byAddress.values()]
  }
  return served
}

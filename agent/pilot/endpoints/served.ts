/**
 * The endpoints that this agent knows and those that its workers shall have. The platform tells each
 * release's own; the held snapshot says which releases share those of others. A share that a snapshot
 * drops ends only once every worker serves that snapshot: until then a position may still need it.
 */
import { limits } from '#wire/limits.ts'
import type { Say } from '#wire/log-line.ts'
import type { Endpoints } from '../../link.ts'
import { bothShares, type Shares, sameShares, withShared } from './shared.ts'

/** What the disk holds of them. */
export interface EndpointsRecord {
  /** What workers start from: with the endpoints that releases share. */
  readonly endpoints: Endpoints
  /** Each release's own. */
  readonly own: Endpoints
  readonly shares: Shares
}

export interface ServedEndpoints {
  /** By the platform's word; of a former life until `known`. */
  own(): Endpoints
  known(): boolean
  /** What every worker shall have. Another object whenever it changes. */
  served(): Endpoints
  /** False: it is what was set last. */
  set(own: Endpoints): boolean
  /** The snapshot that is held from now on. */
  share(shares: Shares): void
  /** Every worker serves the held snapshot. True when something has changed by it. */
  arrived(): boolean
  record(): EndpointsRecord
}

export function createServedEndpoints(stored: EndpointsRecord, log: Say): ServedEndpoints {
  let own = stored.own
  let known = false
  let inForce = stored.shares
  let wanted = stored.shares
  let served = stored.endpoints

  function serve(shares: Shares): void {
    inForce = shares
    served = bounded(withShared(own, inForce), log)
  }

  return {
    own: () => own,
    known: () => known,
    served: () => served,
    set(next) {
      if (known && next === own) return false
      known = true
      own = bounded(next, log)
      serve(inForce)
      return true
    },
    share(shares) {
      wanted = shares
      const both = bothShares(inForce, wanted)
      if (!sameShares(both, inForce)) serve(both)
    },
    arrived() {
      if (sameShares(wanted, inForce)) return false
      serve(wanted)
      return true
    },
    record: () => ({ endpoints: served, own, shares: inForce }),
  }
}

/** Releases in order of name, until the limit: a platform that lists more has a fault. */
function bounded(endpoints: Endpoints, log: Say): Endpoints {
  let left: number = limits.endpointsPerAgent
  let count = 0
  for (const release in endpoints) count += endpoints[release]!.length
  if (count <= left) return endpoints
  log('endpoints-cut', `there are more than ${left} endpoints: the rest is left out`)
  const kept: Record<string, Endpoints[string]> = {}
  for (const [release, list] of Object.entries(endpoints).sort(([a], [b]) => (a < b ? -1 : 1))) {
    kept[release] = list.slice(0, left)
    left -= kept[release].length
  }
  return kept
}

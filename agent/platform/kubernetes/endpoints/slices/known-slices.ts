/**
 * All slices that are known, and from them the endpoints of the releases that this agent serves: those in the
 * namespace that the release's workload names, so that nobody else in the cluster can attract its traffic by
 * a label. Bounded; only what has changed is worked out anew.
 */
import { copyOf, type Endpoint, type Endpoints, endpointName } from '../../../../link.ts'
import type { Pod } from '../../../platform.ts'
import type { KnownEndpoint, KnownSlice } from './endpoint-slice.ts'
import type { Holders, PodsOfReleases } from './pods-of-releases.ts'
import { type Claims, claimsOf, stillThere, withRemembered } from './remembered-endpoints.ts'
import { isReady, servedOf } from './rules.ts'

export interface KnownSlicesLimits {
  readonly sliceCount: number
  readonly endpointCount: number
  /**
   * A slice that is deleted says nothing of its pods: it goes with its Service, or by somebody's hand. When it
   * was the last one with ready endpoints these are told on, until others come or `giveUp`.
   */
  readonly keepsDeleted?: boolean
  /** Left out: the slices alone count. */
  readonly pods?: PodsOfReleases
  /** The same pod may be behind several, as with Services. */
  readonly sharesPods?: boolean
}

export interface KnownSlices {
  replace(slices: readonly KnownSlice[]): void
  /** What is told now stays beside what comes, until `forget`: see `remembered-endpoints.ts`. */
  remember(): void
  forget(): void
  set(slice: KnownSlice): void
  /** Nothing of it may be served. */
  remove(key: string): void
  deleted(key: string): void
  /** What the pods say of these may be something else. */
  touch(releases: Iterable<string>): void
  /** Their Services are gone with `lose`: as when their slices are deleted. */
  losing(releases: readonly string[], lose: () => void): void
  /** The pods behind all slices. */
  named(): ReadonlySet<string>
  /** Releases whose endpoints are those of deleted slices. */
  orphaned(): ReadonlySet<string>
  giveUp(release: string): void
  /**
   * Namespace by release; all others are left out. While copies are replaced, those of the siblings take a
   * release's traffic: then nothing that leaves is served as long as one of these is ready.
   */
  setReleases(
    namespaces: ReadonlyMap<string, string>,
    siblings?: ReadonlyMap<string, readonly string[]>,
  ): void
  /** The same object as long as nothing has changed. */
  endpoints(): Endpoints
  /** Slices that there was no room for, since the last list. */
  leftOut(): number
  /** Behind the endpoints that are told, by `endpointName`. */
  pods(): ReadonlyMap<string, Pod>
}

export function createKnownSlices(cluster: string, limits: KnownSlicesLimits): KnownSlices {
  const slices = new Map<string, KnownSlice>()
  const byRelease = new Map<string, Map<string, KnownSlice>>()
  const served = new Map<string, readonly KnownEndpoint[]>()
  const dirty = new Set<string>()
  const refused = new Set<string>()
  let namespaces: ReadonlyMap<string, string> = new Map()
  let siblings: ReadonlyMap<string, readonly string[]> = new Map()
  let remembered: ReadonlyMap<string, readonly KnownEndpoint[]> = new Map()
  const orphans = new Map<string, readonly KnownEndpoint[]>()
  /** By address, while it is settled what is told. */
  let holders: Holders | null = null
  let claims: Claims | null = null
  let endpointCount = 0
  let told: Endpoints = {}

  function drop(key: string): void {
    const known = slices.get(key)
    if (!known) return
    slices.delete(key)
    endpointCount -= known.endpoints.length
    const own = byRelease.get(known.release)
    own?.delete(key)
    if (own?.size === 0) byRelease.delete(known.release)
    touch(known.release)
  }

  function touch(release: string): void {
    dirty.add(release)
    for (const sibling of siblings.get(release) ?? []) dirty.add(sibling)
  }

  function set(slice: KnownSlice): void {
    drop(slice.key)
    if (slice.cluster !== null && slice.cluster !== cluster) return
    const tooMany =
      slices.size >= limits.sliceCount ||
      endpointCount + slice.endpoints.length > limits.endpointCount
    if (tooMany) {
      refused.add(slice.key)
      return
    }
    refused.delete(slice.key)
    slices.set(slice.key, slice)
    endpointCount += slice.endpoints.length
    let own = byRelease.get(slice.release)
    if (!own) {
      own = new Map()
      byRelease.set(slice.release, own)
    }
    own.set(slice.key, slice)
    touch(slice.release)
  }

  function dropDeleted(key: string): void {
    const release = slices.get(key)?.release
    if (release !== undefined) losing([release], () => drop(key))
  }

  function losing(releases: readonly string[], lose: () => void): void {
    const ready = limits.keepsDeleted
      ? releases.map((release) => servedOf(slicesOf(release)).filter(isReady))
      : []
    lose()
    for (const [n, before] of ready.entries()) {
      const isLast = servedOf(slicesOf(releases[n]!)).length === 0
      if (isLast && before.length > 0) orphans.set(releases[n]!, before)
    }
  }

  function slicesOf(release: string): readonly KnownSlice[] {
    const inside = namespaces.get(release)
    if (inside === undefined) return []
    const own = [...(byRelease.get(release)?.values() ?? [])].filter(
      ({ namespace }) => namespace === inside,
    )
    return limits.pods?.over(release, inside, own) ?? own
  }

  function formerOf(release: string): readonly KnownEndpoint[] | undefined {
    const inside = namespaces.get(release)
    const former = remembered.get(release) ?? orphans.get(release)
    const { pods } = limits
    if (inside === undefined || !former || !pods) return former
    holders ??= pods.holders()
    const wordOf = (uid: string) => pods.wordOf(inside, uid)
    return stillThere(former, { wordOf, holders, isOlderState: remembered.has(release) })
  }

  function servedBeside(release: string, own: readonly KnownEndpoint[]): readonly KnownEndpoint[] {
    const isLeaving = own.length > 0 && !own.some(isReady)
    const others = isLeaving ? (siblings.get(release) ?? []) : []
    return others.some((other) => servedOf(slicesOf(other)).some(isReady)) ? [] : own
  }

  /** Null: it has no slices, or is not ours to serve. */
  function servedNow(release: string): readonly KnownEndpoint[] | null {
    const own = slicesOf(release)
    const now = own.length === 0 ? null : servedBeside(release, servedOf(own))
    const isOurs = namespaces.has(release)
    if (!isOurs || (now && now.length > 0)) orphans.delete(release)
    const kept = isOurs ? formerOf(release) : undefined
    if (!kept) return now
    claims ??= claimsOf(slices.values())
    const theirs = { claims, holders: holders ?? new Map() }
    return withRemembered(limits.sharesPods ? null : release, now ?? [], kept, theirs)
  }

  function settle(): void {
    let next: Record<string, readonly Endpoint[]> | null = null
    holders = null
    claims = null
    // Whatever changes may give one of their addresses to another.
    for (const release of [...remembered.keys(), ...orphans.keys()]) dirty.add(release)
    for (const release of dirty) {
      const now = servedNow(release)
      const before = served.get(release)
      if (now === null) served.delete(release)
      else served.set(release, now)
      if (now === null ? before === undefined : before && sameAddresses(before, now)) continue
      next ??= copyOf(told)
      if (now === null) delete next[release]
      else next[release] = now.map(({ address, port }) => ({ address, port }))
    }
    dirty.clear()
    if (next) told = next
  }

  return {
    replace(listed) {
      const keys = new Set(listed.map(({ key }) => key))
      refused.clear()
      for (const key of [...slices.keys()]) if (!keys.has(key)) dropDeleted(key)
      for (const slice of listed) set(slice)
    },
    remember() {
      remembered = new Map(served)
      for (const release of remembered.keys()) dirty.add(release)
    },
    forget() {
      for (const release of remembered.keys()) dirty.add(release)
      remembered = new Map()
    },
    set,
    remove(key) {
      refused.delete(key)
      drop(key)
    },
    deleted(key) {
      refused.delete(key)
      dropDeleted(key)
    },
    touch(releases) {
      for (const release of releases) touch(release)
    },
    losing,
    named: () =>
      new Set(
        [...slices.values()].flatMap(({ endpoints }) =>
          endpoints.flatMap(({ pod }) => (pod ? [pod.uid] : [])),
        ),
      ),
    orphaned: () => new Set(orphans.keys()),
    giveUp(release) {
      if (orphans.delete(release)) dirty.add(release)
    },
    setReleases(next, nextSiblings = new Map()) {
      const same = (release: string) =>
        namespaces.get(release) === next.get(release) &&
        siblings.get(release)?.join() === nextSiblings.get(release)?.join()
      for (const release of new Set([...namespaces.keys(), ...next.keys()])) {
        if (!same(release)) dirty.add(release)
      }
      namespaces = next
      siblings = nextSiblings
    },
    endpoints() {
      if (dirty.size > 0) settle()
      return told
    },
    leftOut: () => refused.size,
    pods() {
      const pods = new Map<string, Pod>()
      for (const endpoint of [...served.values()].flat()) {
        if (endpoint.pod) pods.set(endpointName(endpoint), endpoint.pod)
      }
      return pods
    },
  }
}

const sameAddresses = (one: readonly Endpoint[], other: readonly Endpoint[]): boolean =>
  one.length === other.length &&
  one.every(({ address, port }, n) => other[n]!.address === address && other[n]!.port === port)

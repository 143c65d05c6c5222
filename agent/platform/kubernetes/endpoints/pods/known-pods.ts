/**
 * The Services of releases in one namespace and the Pods that they may select, as far as they have been read.
 * Bounded: only pods that some Service may mean are kept, and of pods that are gone no more than that they are.
 */

import type { SeenVersion } from '../../api/list-watch.ts'
import { releaseLabel } from '../slices/endpoint-slice.ts'
import { createGonePods } from './gone-pods.ts'
import { createGroups } from './groups.ts'
import type { PodLookup, Selected } from './pods-word.ts'
import type { KnownPod } from './release-pod.ts'
import { type KnownService, type Labels, selects } from './release-service.ts'

export interface KnownPods {
  /** Up to which version pods have been read; kept by who reads them. */
  readonly version: SeenVersion
  services(): readonly KnownService[]
  replaceServices(services: readonly KnownService[]): void
  setService(service: KnownService): void
  removeService(key: string): void
  /**
   * All that there are by this selection. `wentBack`: those that are missing may live, and those that were seen
   * to go are gone until somebody writes of them again.
   */
  replacePods(pods: readonly KnownPod[], by: PodSelection, wentBack: boolean): void
  setPod(pod: KnownPod): void
  /** Gone, or not meant any more. */
  removePod(uid: string): void
  /** Nobody knows: the slices alone count. */
  ignorePod(uid: string): void
  /** Which pods have to be read for the Services there are. */
  selection(): PodSelection
  /** Null: not everything is known, and the slices alone count. */
  selected(release: string): readonly Selected[] | null
  readonly pod: PodLookup
  /** Of those that are gone. */
  sweep(isNamed: (uid: string) => boolean): void
  isKnown(): boolean
  forget(): void
  podCount(): number
  /** By address, whose it is. */
  holders(): readonly (readonly [string, string])[]
  /** Pods and Services that there was no room for. */
  leftOut(): number
}

/** Selectors, as texts, that do not go by our label; empty: its pods are enough. */
export type PodSelection = ReadonlySet<string>

export interface KnownPodsOptions {
  readonly hasRoom: () => boolean
  /** What is to be told of these releases may be something else now. */
  readonly touch: (releases: Iterable<string>) => void
  readonly now: () => number
}

const servicesMax = 4_096

export function createKnownPods({ hasRoom, touch, now }: KnownPodsOptions): KnownPods {
  const services = new Map<string, KnownService>()
  const byRelease = createGroups<KnownService>(({ release }) => release)
  /** By our label in their selector, and of pods by that label: most Services select by it alone. */
  const selecting = createGroups<KnownService>(({ selector }) => selector[releaseLabel] ?? '')
  const pods = new Map<string, KnownPod>()
  const labelled = createGroups<KnownPod>(({ labels }) => labels[releaseLabel] ?? '')
  const gone = createGonePods(now)
  const noRoom = new Set<string>()
  const ignored = new Set<string>()
  const version: SeenVersion = { newest: '0' }
  const noRoomForServices = new Set<string>()
  let servicesListed = false
  let read: Set<string> | null = null

  const isKnown = () => servicesListed && read !== null

  function touchPod(...ones: readonly (KnownPod | undefined)[]): void {
    const touched = new Set<string>()
    for (const one of ones) {
      if (!one) continue
      const own = one.labels[releaseLabel]
      if (own !== undefined) touched.add(own)
      for (const { release } of servicesFor(one)) touched.add(release)
    }
    touch(touched)
  }

  function servicesFor({ labels }: KnownPod): readonly KnownService[] {
    const own = labels[releaseLabel]
    const candidates = [...selecting.of(''), ...(own === undefined ? [] : selecting.of(own))]
    return candidates.filter(({ selector }) => selects(selector, labels))
  }

  function drop(uid: string): KnownPod | undefined {
    const known = pods.get(uid)
    if (!known) return undefined
    pods.delete(uid)
    labelled.remove(known)
    return known
  }

  const isMeant = (pod: KnownPod): boolean =>
    pod.labels[releaseLabel] !== undefined || servicesFor(pod).length > 0

  /** There is room for it, and it can be read. */
  function admit(uid: string): void {
    noRoom.delete(uid)
    ignored.delete(uid)
  }

  function setPod(pod: KnownPod): void {
    const before = drop(pod.uid)
    admit(pod.uid)
    if (!isMeant(pod)) {
      // Unless it is its Service that has gone.
      if (before && isMeant(before)) gone.add(pod.uid)
      touchPod(before)
      return
    }
    gone.delete(pod.uid)
    if (hasRoom()) {
      pods.set(pod.uid, pod)
      labelled.add(pod)
    } else noRoom.add(pod.uid)
    touchPod(before, pod)
  }

  function removePod(uid: string): void {
    admit(uid)
    const before = drop(uid)
    if (before) gone.add(uid)
    touchPod(before)
  }

  function ignorePod(uid: string): void {
    admit(uid)
    ignored.add(uid)
    gone.delete(uid)
    touchPod(drop(uid))
  }

  const isOver = (uid: string, namedAt: number): boolean =>
    Number(version.newest) >= namedAt && !noRoom.has(uid) && !ignored.has(uid)

  function dropService(key: string): void {
    const before = services.get(key)
    noRoomForServices.delete(key)
    if (!before) return
    services.delete(key)
    byRelease.remove(before)
    selecting.remove(before)
    touch([before.release])
  }

  function setService(service: KnownService): void {
    dropService(service.key)
    if (services.size < servicesMax) {
      services.set(service.key, service)
      byRelease.add(service)
      selecting.add(service)
      touch([service.release])
    } else noRoomForServices.add(service.key)
    unread()
  }

  function removeService(key: string): void {
    dropService(key)
    unread()
  }

  /** Pods of selectors that nobody has any more are not kept, and have to be read again for the next. */
  function unread(): void {
    if (!read || read.size === 0) return
    const now = selection()
    for (const one of read) if (!now.has(one)) read.delete(one)
  }

  const selection = (): PodSelection =>
    new Set(
      [...services.values()]
        .filter(({ selector }) => !goesByLabel(selector))
        .map(({ selector }) => textOf(selector)),
    )

  const isRead = (selector: Labels): boolean =>
    goesByLabel(selector) || read?.has(textOf(selector)) === true

  function podsOf({ selector }: KnownService): readonly KnownPod[] {
    const label = selector[releaseLabel]
    const candidates = label === undefined ? pods.values() : labelled.of(label)
    return [...candidates].filter(({ labels }) => selects(selector, labels))
  }

  const touchAll = () => touch([...services.values()].map(({ release }) => release))

  return {
    version,
    services: () => [...services.values()],
    replaceServices(listed) {
      const keys = new Set(listed.map(({ key }) => key))
      noRoomForServices.clear()
      for (const key of [...services.keys()]) if (!keys.has(key)) removeService(key)
      for (const service of listed) setService(service)
      servicesListed = true
    },
    setService,
    removeService,
    replacePods(listed, by, wentBack) {
      const uids = new Set(listed.map(({ uid }) => uid))
      noRoom.clear()
      ignored.clear()
      for (const { uid, labels } of [...pods.values()]) {
        if (uids.has(uid)) continue
        const wouldBeListed = by.size > 0 || labels[releaseLabel] !== undefined
        if (wouldBeListed && !wentBack) removePod(uid)
        else ignorePod(uid)
      }
      for (const pod of listed) {
        if (wentBack && gone.has(pod.uid)) continue
        const isSame = !wentBack && pods.get(pod.uid)?.version === pod.version
        if (!isSame) setPod(pod)
      }
      read = new Set(by)
      unread()
      touchAll()
    },
    setPod,
    removePod,
    ignorePod,
    selection,
    selected(release) {
      if (!isKnown()) return null
      const own = [...byRelease.of(release)]
      if (!own.every(({ selector }) => isRead(selector))) return []
      return own.map((service) => ({ service, pods: podsOf(service) }))
    },
    pod: (uid, namedAt = Number.POSITIVE_INFINITY) =>
      pods.get(uid) ?? (gone.has(uid) || isOver(uid, namedAt) ? 'gone' : undefined),
    sweep: gone.sweep,
    isKnown,
    forget() {
      touchAll()
      touchPod(...pods.values())
      servicesListed = false
      read = null
      version.newest = '0'
      for (const all of [
        services,
        byRelease,
        selecting,
        pods,
        labelled,
        gone,
        noRoom,
        ignored,
        noRoomForServices,
      ]) {
        all.clear()
      }
    },
    podCount: () => pods.size,
    holders: () =>
      [...pods.values()].flatMap(({ uid, addresses }) =>
        Object.values(addresses).map((address) => [address, uid] as const),
      ),
    leftOut: () => noRoom.size + noRoomForServices.size,
  }
}

const goesByLabel = (selector: Labels): boolean => selector[releaseLabel] !== undefined

const textOf = (selector: Labels): string =>
  JSON.stringify(Object.entries(selector).sort(([a], [b]) => (a < b ? -1 : 1)))

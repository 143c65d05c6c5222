/**
 * The endpoints half of the platform `kubernetes`: from the slices that carry a release's label and those of the
 * Services that Ingress objects lead to (`slices/`), and what its pods say themselves (`pods/`, which knows the
 * slices, not the other way round), to what the workers get. Changes are told at once when it was quiet, together
 * when they come in bursts, and nothing is told before the slices, the releases and their pods are known, so that
 * a pilot that starts takes nothing away (P6).
 */
import { limits } from '#wire/limits.ts'
import type { LogCode } from '#wire/log-codes.ts'
import type { Say } from '#wire/log-line.ts'
import { copyOf, type Endpoints } from '../../../link.ts'
import type { Backend, PlatformListener, Pod, Workload } from '../../platform.ts'
import type { KubernetesClient } from '../api/client.ts'
import { followObjects, type ListWatchTiming } from '../api/list-watch.ts'
import { createPace } from './pace.ts'
import { type FollowedPodsTiming, followedPods } from './pods/followed-pods.ts'
import { releaseNamespaces, releaseSiblings, type Siblings } from './release-namespaces.ts'
import {
  endpointSlicesPath,
  type ReadSlice,
  readSlice,
  releaseLabel,
} from './slices/endpoint-slice.ts'
import { createKnownSlices } from './slices/known-slices.ts'
import { followedServices } from './slices/service-endpoints.ts'

export interface FollowedEndpoints {
  setBackends(
    backends: readonly Backend[],
    workloads: readonly Workload[],
    services?: readonly string[],
  ): void
  /** Ends with `signal`. */
  follow(client: KubernetesClient, signal: AbortSignal): Promise<void>
  pods(): ReadonlyMap<string, Pod>
}

/** Endpoints that terminate are kept too, and slices in between are in two forms. */
const kept = {
  sliceCount: 8_192,
  endpointCount: 2 * limits.endpointsPerAgent,
  keepsDeleted: true,
}
/** Workers are told at most this often. */
const gapMs = 1
const saidMax = 1_024

export interface EndpointsTiming {
  readonly watch?: ListWatchTiming
  readonly pods?: FollowedPodsTiming
  /** Kubelets and controllers need about this long to make an older state true again. */
  readonly rememberMs?: number
  /** Nobody waits longer for the first words of pods. */
  readonly firstPodsMs?: number
}

export function followedEndpoints(
  cluster: string,
  { onEndpoints, onTrouble }: Pick<PlatformListener, 'onEndpoints' | 'onTrouble'>,
  log: Say,
  {
    watch: timing,
    pods: podsTiming,
    rememberMs = 60_000,
    firstPodsMs = 5_000,
  }: EndpointsTiming = {},
): FollowedEndpoints {
  const pods = followedPods(
    cluster,
    {
      onChange: () => pace.soon(),
      onTouched: (releases) => known.touch(releases),
      onWentBack: remember,
      onLost: (releases, lose) => known.losing(releases, lose),
      onProblem: (problem) => say('pods-unread', problem),
      onLeftOut: (text) => say('endpoints-cut', text),
      slicesFollowedSinceMs: () => followedSinceMs,
      named: () => known.named(),
    },
    timing,
    podsTiming,
  )
  const known = createKnownSlices(cluster, { ...kept, pods })
  const pace = createPace(tell, gapMs)
  const services = followedServices(
    cluster,
    {
      onChange: () => pace.soon(),
      onTrouble,
      onProblem: (problem) => say('slice-refused', problem),
      onWentBack: remember,
    },
    timing,
  )
  const said = new Set<string>()
  const both = createBoth()
  let told: Endpoints | null = null
  let followedSinceMs: number | null = null
  let listed = false
  let forgetting: NodeJS.Timeout | null = null
  let waiting: NodeJS.Timeout | null = null
  /** Of the first words of pods. */
  let waited = false
  /** By release whose slices were deleted: until then its endpoints stay. */
  const givingUp = new Map<string, NodeJS.Timeout>()
  let namespaces: ReadonlyMap<string, string> | null = null
  let siblings: Siblings = new Map()

  function tell(): boolean {
    if (!listed || namespaces === null || !services.known() || !isPodsTime()) return false
    const before = told
    told = both(known.endpoints(), services.endpoints())
    onEndpoints(told)
    boundOrphans()
    return told !== before
  }

  function isPodsTime(): boolean {
    waited ||= pods.known()
    if (waited) return true
    waiting ??= setTimeout(() => {
      waited = true
      pace.soon()
    }, firstPodsMs)
    return false
  }

  function boundOrphans(): void {
    const orphaned = known.orphaned()
    for (const [release, timer] of givingUp) {
      if (orphaned.has(release)) continue
      clearTimeout(timer)
      givingUp.delete(release)
    }
    for (const release of orphaned) {
      if (givingUp.has(release)) continue
      const seconds = rememberMs / 1_000
      log('slices-deleted', `${release} has no EndpointSlice left; its endpoints stay ${seconds} s`)
      const giveUp = () => {
        known.giveUp(release)
        pace.soon()
      }
      givingUp.set(release, setTimeout(giveUp, rememberMs))
    }
  }

  /** Once for each thing that is wrong. */
  function say(code: LogCode, problem: string): void {
    if (said.has(problem)) return
    if (said.size >= saidMax) said.clear()
    said.add(problem)
    log(code, problem)
  }

  function usable({ slice, problem }: ReadSlice) {
    if (problem !== null) say('slice-refused', problem)
    return slice
  }

  /** The API server has an older state: what was served stays beside it, until the controllers caught up. */
  function remember(): void {
    log(
      'slices-went-back',
      'the API server has an older state; the endpoints of before stay a while',
    )
    known.remember()
    services.remember()
    if (forgetting) clearTimeout(forgetting)
    forgetting = setTimeout(() => {
      forgetting = null
      known.forget()
      services.forget()
      pace.soon()
    }, rememberMs)
  }

  function sayLeftOut(): void {
    const count = known.leftOut()
    if (count === 0) return
    const { sliceCount, endpointCount } = kept
    log(
      'endpoints-cut',
      `there are more than ${sliceCount} EndpointSlices or ${endpointCount} endpoints: ${count} slices are left out`,
    )
  }

  return {
    setBackends(backends, workloads, ids = []) {
      services.setServices(ids)
      namespaces = releaseNamespaces(backends, workloads, namespaces ?? new Map())
      siblings = releaseSiblings(workloads, namespaces, siblings)
      known.setReleases(namespaces, siblings)
      pods.setNamespaces(namespaces.values())
      pace.soon()
    },
    async follow(client, signal) {
      const followed = {
        path: endpointSlicesPath,
        labelSelector: releaseLabel,
        read: readSlice,
        onListed(objects: readonly ReadSlice[], wentBack: boolean) {
          if (wentBack) remember()
          known.replace(objects.flatMap((object) => usable(object) ?? []))
          sayLeftOut()
          followedSinceMs ??= performance.now()
          listed = true
          pace.soon()
        },
        onChanged(object: ReadSlice) {
          const slice = usable(object)
          if (slice) known.set(slice)
          else if (object.key !== null) known.remove(object.key)
          pace.soon()
        },
        onRemoved({ key }: ReadSlice) {
          if (key !== null) known.deleted(key)
          pace.soon()
        },
        onTrouble,
        goesOn() {
          followedSinceMs = null
          return true
        },
      }
      try {
        await Promise.all([
          followObjects(client, followed, signal, timing),
          services.follow(client, signal),
          pods.follow(client, signal),
        ])
      } finally {
        pace.stop()
        for (const timer of [forgetting, waiting, ...givingUp.values()]) {
          if (timer) clearTimeout(timer)
        }
      }
    },
    pods: () => new Map([...services.pods(), ...known.pods()]),
  }
}

/** A new object only when one of them is new: whoever is told compares. */
function createBoth() {
  let kept: readonly [Endpoints, Endpoints, Endpoints] = [{}, {}, {}]
  return (releases: Endpoints, services: Endpoints): Endpoints => {
    const [one, other] = kept
    if (one !== releases || other !== services) {
      const isAlone = Object.keys(services).length === 0
      kept = [releases, services, isAlone ? releases : Object.assign(copyOf(releases), services)]
    }
    return kept[2]
  }
}

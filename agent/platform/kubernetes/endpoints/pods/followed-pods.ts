/**
 * The pods of managed apps and the Services that select them, in each namespace that releases are in: what they
 * say of a release, beside its slices. Bounded in namespaces, pods and in how long anybody waits for them.
 */
import { limits } from '#wire/limits.ts'
import { aborted } from '../../../../aborted.ts'
import { reasonOf } from '../../../../reason.ts'
import type { KubernetesClient } from '../../api/client.ts'
import { type ListWatchTiming, listWatchTiming } from '../../api/list-watch.ts'
import type { PodsOfReleases } from '../slices/pods-of-releases.ts'
import { createKnownPods, type KnownPods } from './known-pods.ts'
import { followNamespacePods } from './namespace-pods.ts'
import { podMeaning, withPods } from './pods-word.ts'

export interface FollowedPods extends PodsOfReleases {
  setNamespaces(names: Iterable<string>): void
  /** Ends with `signal`. */
  follow(client: KubernetesClient, signal: AbortSignal): Promise<void>
  /** All namespaces have said what they have, or that they say nothing. */
  known(): boolean
}

export interface FollowedPodsListener {
  onChange(): void
  onTouched(releases: Iterable<string>): void
  onWentBack(): void
  onLost(releases: readonly string[], lose: () => void): void
  /** Worth a line in the log, once. */
  onProblem(text: string): void
  onLeftOut(text: string): void
  /** Since when the slices are followed without a failure; null while they are not. */
  slicesFollowedSinceMs(): number | null
  /** The pods that slices name. */
  named(): ReadonlySet<string>
}

export interface FollowedPodsTiming {
  readonly askAgainMs: number
  /** Pods that cannot be followed for so long while slices can are not believed any more. */
  readonly staleMs: number
  readonly sweepMs: number
}

export const followedPodsTiming: FollowedPodsTiming = {
  askAgainMs: 10_000,
  staleMs: 30_000,
  sweepMs: 60_000,
}

/** Each has two watches. */
const namespacesMax = 64
const podsMax = limits.endpointsPerAgent

interface Followed {
  readonly known: KnownPods
  readonly ending: AbortController
  isNew: boolean
  stale: NodeJS.Timeout | null
}

export function followedPods(
  cluster: string,
  listener: FollowedPodsListener,
  watchTiming: ListWatchTiming = listWatchTiming,
  timing: FollowedPodsTiming = followedPodsTiming,
): FollowedPods {
  const followed = new Map<string, Followed>()
  const running = new Set<Promise<void>>()
  let started: { readonly client: KubernetesClient; readonly signal: AbortSignal } | null = null

  function hasRoom(): boolean {
    let count = 0
    for (const { known } of followed.values()) count += known.podCount()
    return count < podsMax
  }

  function begin(namespace: string): void {
    const known = createKnownPods({
      hasRoom,
      touch: listener.onTouched,
      now: () => performance.now(),
    })
    const one: Followed = { known, ending: new AbortController(), isNew: true, stale: null }
    followed.set(namespace, one)
    run(namespace, one)
  }

  function end(namespace: string): void {
    const one = followed.get(namespace)
    if (!one) return
    followed.delete(namespace)
    one.ending.abort()
    if (one.stale) clearTimeout(one.stale)
    one.known.forget()
  }

  function run(namespace: string, one: Followed): void {
    if (!started) return
    const { client, signal } = started
    const { known, ending } = one
    const ended = followNamespacePods(
      {
        client,
        namespace,
        cluster,
        known,
        timing: watchTiming,
        askAgainMs: timing.askAgainMs,
        refusedMs: timing.staleMs,
        listener: {
          onChange() {
            sayLeftOut(namespace, known)
            listener.onChange()
          },
          onWentBack: listener.onWentBack,
          onLost: listener.onLost,
          onProblem: listener.onProblem,
          onState() {
            one.isNew = false
            if (one.stale) clearTimeout(one.stale)
            one.stale = null
            listener.onChange()
          },
          onFailed: (why) => failed(namespace, one, why),
        },
      },
      AbortSignal.any([signal, ending.signal]),
    ).finally(() => running.delete(ended))
    running.add(ended)
  }

  function failed(namespace: string, one: Followed, why: unknown): void {
    if (one.ending.signal.aborted || one.stale) return
    one.stale = setTimeout(() => {
      one.stale = null
      const sinceMs = listener.slicesFollowedSinceMs()
      // Nobody knows more while the server is away from all.
      if (sinceMs === null || performance.now() - sinceMs < timing.staleMs) {
        failed(namespace, one, why)
        return
      }
      listener.onProblem(
        `namespace ${namespace}: its Pods or Services cannot be followed, and its EndpointSlices count alone: ${reasonOf(why)}`,
      )
      end(namespace)
      begin(namespace)
      listener.onChange()
    }, timing.staleMs)
  }

  function sayLeftOut(namespace: string, known: KnownPods): void {
    const count = known.leftOut()
    if (count === 0) return
    listener.onLeftOut(
      `there are more than ${podsMax} pods of releases: ${count} in namespace ${namespace} are left out, and their EndpointSlices count`,
    )
  }

  return {
    setNamespaces(names) {
      const all = [...new Set(names)].sort()
      const next = new Set(all.slice(0, namespacesMax))
      if (all.length > namespacesMax) {
        listener.onLeftOut(
          `releases are in more than ${namespacesMax} namespaces: in the others EndpointSlices count alone`,
        )
      }
      for (const namespace of [...followed.keys()]) if (!next.has(namespace)) end(namespace)
      for (const namespace of next) if (!followed.has(namespace)) begin(namespace)
    },
    async follow(client, signal) {
      started = { client, signal }
      for (const [namespace, one] of followed) run(namespace, one)
      const sweeping = setInterval(sweep, timing.sweepMs)
      await aborted(signal)
      clearInterval(sweeping)
      for (const { stale } of followed.values()) if (stale) clearTimeout(stale)
      await Promise.all(running)
    },
    known: () => [...followed.values()].every(({ isNew }) => !isNew),
    over(release, namespace, slices) {
      const known = followed.get(namespace)?.known
      const selected = known?.selected(release) ?? null
      return selected === null ? slices : withPods(release, slices, selected, known!.pod)
    },
    wordOf(namespace, uid) {
      const known = followed.get(namespace)?.known
      const pod = known?.isKnown() ? known.pod(uid) : undefined
      if (pod === undefined || pod === 'gone') return pod ?? null
      return podMeaning(pod, false)
    },
    holders() {
      const all = new Map<string, Set<string>>()
      for (const { known } of followed.values()) {
        for (const [address, uid] of known.holders()) {
          const uids = all.get(address)
          if (uids) uids.add(uid)
          else all.set(address, new Set([uid]))
        }
      }
      return all
    },
  }

  function sweep(): void {
    const named = listener.named()
    for (const { known } of followed.values()) known.sweep((uid) => named.has(uid))
  }
}

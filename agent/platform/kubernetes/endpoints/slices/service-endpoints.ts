/**
 * The endpoints of Services: followed by every agent for the Services that routes of Ingress objects name, in
 * one watch over all namespaces, which begins anew when these are others. Until its list has come what was
 * told before stays.
 */
import { limits } from '#wire/limits.ts'
import { aborted } from '../../../../aborted.ts'
import type { Endpoints } from '../../../../link.ts'
import type { Pod } from '../../../platform.ts'
import type { KubernetesClient } from '../../api/client.ts'
import { followObjects, type ListWatchTiming } from '../../api/list-watch.ts'
import { endpointSlicesPath, type ReadSlice, serviceNameLabel } from './endpoint-slice.ts'
import { createKnownSlices } from './known-slices.ts'
import { partsOf, readServiceSlice, sliceKey } from './service-slice.ts'

export interface FollowedServices {
  setServices(ids: readonly string[]): void
  /** Ends with `signal`. */
  follow(client: KubernetesClient, signal: AbortSignal): Promise<void>
  endpoints(): Endpoints
  /** What is told now stays beside what comes, until `forget`. */
  remember(): void
  forget(): void
  /** False: Services are asked for, and nothing is known of any yet. */
  known(): boolean
  pods(): ReadonlyMap<string, Pod>
  leftOut(): number
}

export interface ServicesListener {
  onChange(): void
  onTrouble(text: string): void
  /** What is wrong with a slice. */
  onProblem(text: string): void
  /** The API server has an older state. */
  onWentBack(): void
}

const kept = {
  sliceCount: 8_192,
  endpointCount: 2 * limits.endpointsPerAgent,
  sharesPods: true,
}
/** More names than this make a selector too long: then the slices of all Services come by. */
const namesPerSelector = 64

export function followedServices(
  cluster: string,
  { onChange, onTrouble, onProblem, onWentBack }: ServicesListener,
  timing?: ListWatchTiming,
): FollowedServices {
  const slices = createKnownSlices(cluster, kept)
  let ids: readonly string[] = []
  let byService = new Map<string, readonly string[]>()
  const version = { newest: '0' }
  let listed = false
  let others = new AbortController()

  const idsOf = (namespace: string, name: string) => byService.get(`${namespace}/${name}`) ?? []

  function usable(read: readonly ReadSlice[]) {
    return read.flatMap(({ slice, problem }) => {
      if (problem !== null) onProblem(problem)
      return slice ?? []
    })
  }

  /** Whichever Services it was of. */
  function drop(key: string | null): void {
    if (key !== null) for (const id of ids) slices.remove(sliceKey(key, id))
  }

  const followed = (names: readonly string[]) => ({
    path: endpointSlicesPath,
    version,
    labelSelector:
      names.length > namesPerSelector ? serviceNameLabel : `${serviceNameLabel} in (${names})`,
    read: (object: unknown) => readServiceSlice(object, idsOf),
    onListed(objects: readonly ReturnType<typeof readServiceSlice>[], wentBack: boolean) {
      if (wentBack) onWentBack()
      slices.replace(objects.flatMap(({ read }) => usable(read)))
      listed = true
      onChange()
    },
    onChanged({ key, read }: ReturnType<typeof readServiceSlice>) {
      drop(key)
      for (const slice of usable(read)) slices.set(slice)
      onChange()
    },
    onRemoved({ key }: ReturnType<typeof readServiceSlice>) {
      drop(key)
      onChange()
    },
    onTrouble,
  })

  return {
    setServices(next) {
      const sorted = [...new Set(next)].sort()
      if (sorted.join() === ids.join()) return
      ids = sorted
      byService = Map.groupBy(ids, (id) => {
        const { namespace, name } = partsOf(id)
        return `${namespace}/${name}`
      })
      slices.setReleases(new Map(ids.map((id) => [id, partsOf(id).namespace])))
      others.abort()
      others = new AbortController()
    },
    async follow(client, signal) {
      while (!signal.aborted) {
        const until = AbortSignal.any([signal, others.signal])
        const names = [...new Set(ids.map((id) => partsOf(id).name))]
        if (names.length > 0) await followObjects(client, followed(names), until, timing)
        else await aborted(until)
      }
    },
    endpoints: () => (ids.length === 0 ? {} : slices.endpoints()),
    remember: slices.remember,
    forget: slices.forget,
    known: () => listed || ids.length === 0,
    pods: slices.pods,
    leftOut: slices.leftOut,
  }
}

/**
 * Follows the Services of releases and the Pods that they select in one namespace, where it has opted in and
 * its RoleBinding lets us. Where not it is asked for again in a while, and the slices alone count.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { type KubernetesClient, pathOf } from '../../api/client.ts'
import { KubernetesError } from '../../api/kubernetes-error.ts'
import { followObjects, type ListWatchTiming } from '../../api/list-watch.ts'
import { label } from '../../workloads/labels.ts'
import { releaseLabel } from '../slices/endpoint-slice.ts'
import type { KnownPods } from './known-pods.ts'
import { podsPath, type ReadPod, readPod } from './release-pod.ts'
import {
  type KnownService,
  type ReadService,
  readService,
  servicesPath,
} from './release-service.ts'

export interface NamespacePodsOptions {
  readonly client: KubernetesClient
  readonly namespace: string
  /** Switchyard's name of the cluster. */
  readonly cluster: string
  readonly known: KnownPods
  readonly listener: NamespacePodsListener
  readonly timing: ListWatchTiming
  /** Between one and two times this lies between two questions whether it may be read now. */
  readonly askAgainMs: number
  /** An API server that starts refuses what it grants a moment later: a refusal is believed after this. */
  readonly refusedMs: number
}

export interface NamespacePodsListener {
  onChange(): void
  /** The API server has an older state. */
  onWentBack(): void
  /** These Services are not there any more, and `lose` makes it so. */
  onLost(releases: readonly string[], lose: () => void): void
  /** Everything is known, or it is known that nothing will be. */
  onState(state: 'followed' | 'closed'): void
  /** Something is read anew, or cannot be; `onState` says when everything is known again. */
  onFailed(why: unknown): void
  /** What cannot be read, in words. */
  onProblem(text: string): void
}

const awayMs = 1_000

const namespaceObject = z.object({
  metadata: z.object({ labels: z.record(z.string(), z.string()).nullish() }),
})

/** Ends with `signal`. */
export async function followNamespacePods(
  options: NamespacePodsOptions,
  signal: AbortSignal,
): Promise<void> {
  const { known, listener, askAgainMs, refusedMs } = options
  const refusals = createRefusals(refusedMs)
  while (!signal.aborted) {
    const isOpen = await hasOptedIn(options, refusals, signal)
    if (signal.aborted) return
    if (isOpen === 'yes') {
      await followOpened(options, refusals, signal)
      if (signal.aborted) return
      listener.onProblem(
        `namespace ${options.namespace}: its Pods or Services may not be read, and its EndpointSlices count alone: kubectl apply -n ${options.namespace} -k deploy/namespace`,
      )
    }
    if (isOpen !== 'away') {
      known.forget()
      listener.onState('closed')
    }
    const askAgain = isOpen === 'away' ? awayMs : askAgainMs
    await delay(askAgain * (1 + Math.random()), undefined, { signal }).catch(() => {})
  }
}

/** Who has not said that it opts in is not read, whatever may be read there. */
async function hasOptedIn(
  { client, namespace, listener }: NamespacePodsOptions,
  refusals: Refusals,
  signal: AbortSignal,
): Promise<'yes' | 'no' | 'away'> {
  const path = pathOf('api', 'v1', 'namespaces', namespace)
  try {
    const { metadata } = namespaceObject.parse(await client.call({ method: 'GET', path, signal }))
    refusals.granted(path)
    return metadata.labels?.[label.managed] === 'true' ? 'yes' : 'no'
  } catch (error) {
    if (error instanceof KubernetesError && error.status === 404) return 'no'
    if (isForbidden(error)) return refusals.isBelieved(path) ? 'no' : 'away'
    listener.onFailed(error)
    return 'away'
  }
}

interface Refusals {
  isBelieved(path: string): boolean
  granted(path: string): void
}

function createRefusals(lastsMs: number): Refusals {
  const sinceMs = new Map<string, number>()
  return {
    isBelieved(path) {
      const nowMs = performance.now()
      const firstMs = sinceMs.get(path) ?? nowMs
      sinceMs.set(path, firstMs)
      return nowMs - firstMs >= lastsMs
    },
    granted: (path) => sinceMs.delete(path),
  }
}

const isForbidden = (error: unknown): boolean =>
  error instanceof KubernetesError && error.status === 403

/** Ends when something may not be read, or with `signal`. */
async function followOpened(
  options: NamespacePodsOptions,
  refusals: Refusals,
  signal: AbortSignal,
): Promise<void> {
  const { client, namespace, known, listener, timing } = options
  const ending = new AbortController()
  const either = AbortSignal.any([signal, ending.signal])
  const servicesKnown = Promise.withResolvers<void>()
  let reading = new Set<string>()
  let anew = new AbortController()
  /** Paths of watches that have not opened since. */
  const failing = new Set<string>()

  const proof = (path: string) => ({
    path,
    onOpened() {
      refusals.granted(path)
      if (failing.delete(path)) told()
    },
    goesOn(error: unknown): boolean {
      if (isForbidden(error)) {
        if (refusals.isBelieved(path)) ending.abort()
      } else {
        failing.add(path)
        listener.onFailed(error)
      }
      return !ending.signal.aborted
    },
  })

  function told(): void {
    if (known.isKnown() && failing.size === 0) listener.onState('followed')
    listener.onChange()
  }

  /** Others than are read have to be known, or fewer. */
  function selectAnew(): void {
    const next = known.selection()
    const isEnough = [...next].every((one) => reading.has(one))
    const isTooMuch = next.size === 0 && reading.size > 0
    // Of a selector that nobody has any more no pods are kept: it is another one when it comes back.
    for (const one of reading) if (!next.has(one)) reading.delete(one)
    if (!isEnough || isTooMuch) anew.abort()
  }

  const services = {
    ...proof(servicesPath(namespace)),
    labelSelector: releaseLabel,
    read: readService,
    onListed(objects: readonly ReadService[], wentBack: boolean) {
      if (wentBack) listener.onWentBack()
      const usable = objects.flatMap((one) => usableService(options, one) ?? [])
      const there = new Set(usable.map(({ key }) => key))
      const lost = known.services().filter(({ key }) => !there.has(key))
      listener.onLost(lost.map(releaseOf), () => known.replaceServices(usable))
      servicesKnown.resolve()
      selectAnew()
      told()
    },
    onChanged(read: ReadService) {
      const service = usableService(options, read)
      if (service) known.setService(service)
      else if (read.key !== null) known.removeService(read.key)
      selectAnew()
      listener.onChange()
    },
    onRemoved({ key }: ReadService) {
      if (key === null) return
      const lost = known.services().filter((one) => one.key === key)
      listener.onLost(lost.map(releaseOf), () => known.removeService(key))
      selectAnew()
      listener.onChange()
    },
    // The slices' watch tells when the server is away.
    onTrouble() {},
  }

  const pods = () => ({
    ...proof(podsPath(namespace)),
    version: known.version,
    ...(reading.size === 0 && { labelSelector: releaseLabel }),
    read: readPod,
    onListed(objects: readonly ReadPod[], wentBack: boolean) {
      if (wentBack) listener.onWentBack()
      const read = objects.flatMap((one) => usablePod(options, one) ?? [])
      known.replacePods(read, reading, wentBack)
      for (const { uid, pod } of objects) if (!pod && uid !== null) known.ignorePod(uid)
      told()
    },
    onChanged(one: ReadPod) {
      const pod = usablePod(options, one)
      if (pod) known.setPod(pod)
      else if (one.uid !== null) known.ignorePod(one.uid)
      listener.onChange()
    },
    onRemoved({ uid }: ReadPod) {
      if (uid !== null) known.removePod(uid)
      listener.onChange()
    },
    // The slices' watch tells when the server is away.
    onTrouble() {},
  })

  async function followPods(): Promise<void> {
    either.addEventListener('abort', () => servicesKnown.resolve(), { once: true })
    await servicesKnown.promise
    while (!either.aborted) {
      anew = new AbortController()
      reading = new Set(known.selection())
      await followObjects(client, pods(), AbortSignal.any([either, anew.signal]), timing)
    }
  }

  await Promise.all([followObjects(client, services, either, timing), followPods()])
}

const releaseOf = ({ release }: KnownService): string => release

function usableService(
  { cluster, listener }: NamespacePodsOptions,
  { service, problem, cluster: owner }: ReadService,
): KnownService | null {
  if (problem !== null) listener.onProblem(problem)
  return owner !== null && owner !== cluster ? null : service
}

function usablePod({ listener }: NamespacePodsOptions, { pod, problem }: ReadPod) {
  if (problem !== null) listener.onProblem(problem)
  return pod
}

/**
 * What the pods themselves say of a release beside what its slices say. Slices are made of pods by a controller
 * that may be late, or pause for minutes after its API server was away; so a pod that is known speaks for
 * itself, and one that is gone is not brought back by a slice. Only for pods that nobody has seen does the
 * slice speak: of those that may not be read, or that have been written by hand. Pure.
 */
import type { Family, KnownEndpoint, KnownSlice } from '../slices/endpoint-slice.ts'
import { meaningOf } from '../slices/rules.ts'
import type { KnownPod } from './release-pod.ts'
import type { KnownService } from './release-service.ts'

/**
 * Undefined: nobody has seen it. `namedAt`: the version at which a slice named it that was made of pods like those
 * that are read: what has been read up to then, and is not there, is gone.
 */
export type PodLookup = (uid: string, namedAt?: number) => KnownPod | 'gone' | undefined

/** A Service of the release, with the pods that it selects. */
export interface Selected {
  readonly service: KnownService
  readonly pods: readonly KnownPod[]
}

/** `selected` empty: no Service is known, and the slices say which pods are meant and at which port. */
export function withPods(
  release: string,
  slices: readonly KnownSlice[],
  selected: readonly Selected[],
  pod: PodLookup,
): readonly KnownSlice[] {
  const services = new Set(selected.map(({ service }) => service.key))
  const left = slices.map((slice) => asPodsSay(slice, services, pod))
  if (selected.length === 0) return left
  const zones = zonesOf(slices)
  const derived = selected.flatMap((one) =>
    one.service.families.map((family) => ofPods(release, one, family, zones)),
  )
  return [...left, ...derived]
}

function asPodsSay(slice: KnownSlice, services: ReadonlySet<string>, pod: PodLookup): KnownSlice {
  const isMadeOfThem = slice.madeOf !== null && services.has(slice.madeOf)
  const namedAt = isMadeOfThem ? slice.version : undefined
  const endpoints = slice.endpoints.flatMap((endpoint): readonly KnownEndpoint[] => {
    const known = endpoint.pod ? pod(endpoint.pod.uid, namedAt) : undefined
    if (known === undefined) return [endpoint]
    if (known === 'gone' || services.size > 0) return []
    const isThere = known.addresses[slice.family] === endpoint.address
    return [{ ...endpoint, meaning: isThere ? podMeaning(known, false) : 'out' }]
  })
  return { ...slice, endpoints }
}

/** Of the newest word there is: no slice is newer. */
const newest = Number.MAX_SAFE_INTEGER

function ofPods(
  release: string,
  { service, pods }: Selected,
  family: Family,
  zones: ReadonlyMap<string, string | null>,
): KnownSlice {
  const { key, namespace, publishesNotReady } = service
  const endpoints = pods.flatMap((pod): readonly KnownEndpoint[] => {
    const address = pod.addresses[family]
    const port = portAt(pod, service)
    if (address === undefined || port === null) return []
    const { name, uid, node } = pod
    return [
      {
        address,
        port,
        meaning: podMeaning(pod, publishesNotReady),
        pod: { name, uid, node, zone: zones.get(uid) ?? null },
      },
    ]
  })
  return {
    key: `${key} ${family}`,
    namespace,
    release,
    cluster: null,
    madeOf: null,
    version: newest,
    family,
    endpoints,
  }
}

/** As Kubernetes' EndpointSlice controller writes the conditions. */
export const podMeaning = (
  { isReady, isLeaving }: Pick<KnownPod, 'isReady' | 'isLeaving'>,
  publishesNotReady: boolean,
): KnownEndpoint['meaning'] =>
  meaningOf({
    ready: publishesNotReady || (isReady && !isLeaving),
    serving: isReady,
    terminating: isLeaving,
  })

function portAt({ ports }: KnownPod, { targetPort }: KnownService): number | null {
  if (typeof targetPort === 'number') return targetPort
  return ports.find(({ name }) => name === targetPort)?.port ?? null
}

/** Nodes know their zone, and only the slices tell it. */
function zonesOf(slices: readonly KnownSlice[]): ReadonlyMap<string, string | null> {
  const zones = new Map<string, string | null>()
  for (const { endpoints } of slices) {
    for (const { pod } of endpoints) if (pod?.zone != null) zones.set(pod.uid, pod.zone)
  }
  return zones
}

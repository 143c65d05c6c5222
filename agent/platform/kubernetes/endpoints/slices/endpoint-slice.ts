/**
 * An EndpointSlice as the API server has it, and the little that is kept of it: which release, which port, and
 * of each endpoint that may ever be served its address, its conditions' meaning and the pod behind it.
 */
import { z } from 'zod'
import { limits } from '#wire/limits.ts'
import { releaseId } from '#wire/names.ts'
import type { Pod } from '../../../platform.ts'
import { meaningOf, portOf } from './rules.ts'

export const endpointSlicesPath = '/apis/discovery.k8s.io/v1/endpointslices'
/** Of a Service; Kubernetes writes a Service's labels onto its slices. */
export const releaseLabel = 'switchyard.dev/release'
/** Switchyard's name of the cluster: several may share one Kubernetes. */
export const clusterLabel = 'switchyard.dev/cluster'
/** Written by Kubernetes' controllers, or by whoever makes slices by hand (discovery.k8s.io/v1). */
export const serviceNameLabel = 'kubernetes.io/service-name'
const managedByLabel = 'endpointslice.kubernetes.io/managed-by'
const controller = 'endpointslice-controller.k8s.io'

/** The API server allows no more in one slice. */
const endpointsPerSlice = 1_000
const portsPerSlice = 20_000
const reasonCharsMax = 300

const condition = z.boolean().nullish()
const text = z.string().max(limits.hostnameChars)

const metadata = z.object({
  name: text,
  namespace: text,
  resourceVersion: z.string().max(64),
  labels: z.record(z.string(), z.string()).optional(),
})

const port = z.object({
  name: z.string().nullish(),
  protocol: z.string().nullish(),
  port: z.int().min(1).max(65_535).nullish(),
})

const endpoint = z.object({
  addresses: z.array(z.string()).min(1),
  conditions: z.object({ ready: condition, serving: condition, terminating: condition }).nullish(),
  targetRef: z
    .object({ kind: text.nullish(), name: text.nullish(), uid: text.nullish() })
    .nullish(),
  zone: text.nullish(),
  nodeName: text.nullish(),
})

const endpointSlice = z.object({
  metadata,
  addressType: z.string(),
  ports: z.array(port).max(portsPerSlice).nullish(),
  endpoints: z.array(endpoint).max(endpointsPerSlice).nullish(),
})

export const address = { IPv4: z.ipv4(), IPv6: z.ipv6() } as const

export type Family = keyof typeof address

export interface KnownSlice {
  /** `<namespace>/<name>` */
  readonly key: string
  readonly namespace: string
  /** A release's or, of an Ingress, a Service's id. */
  readonly release: string
  /** Null: of whichever Switchyard cluster. */
  readonly cluster: string | null
  /** The Service of whose pods Kubernetes' controller made it, `<namespace>/<name>`; null: somebody else did. */
  readonly madeOf: string | null
  /** Newer slices have a greater one (KEP-5504). */
  readonly version: number
  readonly family: Family
  readonly endpoints: readonly KnownEndpoint[]
}

export interface KnownEndpoint {
  readonly address: string
  readonly port: number
  /** `leaving`: goes, and may still be served while no other is ready. */
  readonly meaning: 'ready' | 'leaving' | 'out'
  readonly pod: Pod | null
}

/** `slice` null: nothing of it may be served; `key` null: it is not even known which one it is. */
export interface ReadSlice {
  readonly key: string | null
  readonly slice: KnownSlice | null
  /** In words, why not. */
  readonly problem: string | null
}

/** A slice as it is, whomever it is of; `count`: its endpoints before any is left out. */
export interface ParsedSlice extends Pick<KnownSlice, 'key' | 'namespace' | 'version' | 'family'> {
  readonly labels: Readonly<Record<string, string>>
  readonly ports: readonly z.infer<typeof port>[]
  readonly count: number
  endpointsAt(port: number | null): readonly KnownEndpoint[]
}

interface Unusable extends ReadSlice {
  readonly slice: null
  readonly problem: string
}

export function parseSlice(object: unknown): ParsedSlice | Unusable {
  const parsed = endpointSlice.safeParse(object)
  if (!parsed.success) {
    const named = metadata.safeParse((object as { metadata?: unknown } | null)?.metadata).data
    const key = named ? keyOf(named) : null
    const problem = `EndpointSlice ${key ?? 'without a name'}: ${parseWords(parsed.error)}`
    return { key, slice: null, problem }
  }
  const { addressType, ports, endpoints } = parsed.data
  const { labels = {}, ...named } = parsed.data.metadata
  const key = keyOf(named)
  if (addressType !== 'IPv4' && addressType !== 'IPv6') {
    const why = `its addresses are of type ${addressType}; IPv4 and IPv6 can be followed`
    return { key, slice: null, problem: `EndpointSlice ${key}: ${why}` }
  }
  return {
    key,
    namespace: named.namespace,
    version: Number(named.resourceVersion),
    family: addressType,
    labels,
    ports: ports ?? [],
    count: endpoints?.length ?? 0,
    endpointsAt: (port) => (endpoints ?? []).flatMap((one) => known(one, addressType, port) ?? []),
  }
}

export function readSlice(object: unknown): ReadSlice {
  const parsed = parseSlice(object)
  if ('problem' in parsed) return parsed
  const { key, namespace, version, family, labels } = parsed
  const unusable = (why: string) => ({ key, slice: null, problem: `EndpointSlice ${key}: ${why}` })
  const release = releaseId.safeParse(labels[releaseLabel])
  if (!release.success) return unusable(`its label ${releaseLabel} names no release`)
  const port = portOf(parsed.ports)
  // A slice without endpoints often has no ports either: nothing is wrong with it.
  if (port === null && parsed.count > 0) {
    return unusable('name one of its TCP ports http, or leave it only one')
  }
  const cluster = labels[clusterLabel] ?? null
  const endpoints = parsed.endpointsAt(port)
  const madeOf =
    labels[managedByLabel] === controller ? `${namespace}/${labels[serviceNameLabel]}` : null
  const about = { key, namespace, release: release.data, cluster, madeOf }
  return { key, slice: { ...about, version, family, endpoints }, problem: null }
}

function known(
  { addresses, conditions, targetRef, zone, nodeName }: z.infer<typeof endpoint>,
  family: KnownSlice['family'],
  port: number | null,
): KnownEndpoint | null {
  // No meaning is defined for the addresses beyond the first.
  const first = address[family].safeParse(addresses[0])
  if (!first.success || port === null) return null
  const { kind, name, uid } = targetRef ?? {}
  const place = { node: nodeName ?? null, zone: zone ?? null }
  return {
    address: first.data,
    port,
    meaning: meaningOf(conditions ?? {}),
    pod: kind === 'Pod' && name && uid ? { name, uid, ...place } : null,
  }
}

export const parseWords = (error: z.ZodError): string =>
  z.prettifyError(error).replaceAll('\n', ' ').slice(0, reasonCharsMax)

const keyOf = ({ namespace, name }: { namespace: string; name: string }) => `${namespace}/${name}`

/**
 * A Pod as the API server has it, and the little that is kept of it: where it is, by which labels it is
 * selected, and whether it is ready and whether it goes.
 */
import { z } from 'zod'
import { limits } from '#wire/limits.ts'
import { pathOf } from '../../api/client.ts'
import { address, type Family, parseWords } from '../slices/endpoint-slice.ts'
import type { Labels } from './release-service.ts'

export const podsPath = (namespace: string): string =>
  pathOf('api', 'v1', 'namespaces', namespace, 'pods')

export interface KnownPod {
  readonly uid: string
  readonly name: string
  /** Another one when something has changed. */
  readonly version: string
  readonly labels: Labels
  readonly node: string | null
  /** None of one that has ended, or has none yet. */
  readonly addresses: Readonly<Partial<Record<Family, string>>>
  /** Of TCP, those that have a name. */
  readonly ports: readonly NamedPort[]
  readonly isReady: boolean
  readonly isLeaving: boolean
}

export interface NamedPort {
  readonly name: string
  readonly port: number
}

/** `uid` null: it is not even known which one it is. */
export interface ReadPod {
  readonly uid: string | null
  readonly pod: KnownPod | null
  /** In words, why nothing is known of it. */
  readonly problem: string | null
}

const text = z.string().max(limits.hostnameChars)
const labelsMax = 64
const portsMax = 1_000

const metadata = z.object({
  name: text,
  namespace: text,
  uid: z.string().min(1).max(64),
  resourceVersion: z.string().max(64),
  labels: z.record(z.string(), z.string()).nullish(),
  deletionTimestamp: z.string().nullish(),
})

const container = z.object({
  restartPolicy: z.string().nullish(),
  ports: z
    .array(
      z.object({
        name: z.string().nullish(),
        protocol: z.string().nullish(),
        containerPort: z.int().min(1).max(65_535),
      }),
    )
    .max(portsMax)
    .nullish(),
})

const pod = z.object({
  metadata,
  spec: z.object({
    nodeName: text.nullish(),
    containers: z.array(container),
    initContainers: z.array(container).nullish(),
  }),
  status: z
    .object({
      phase: z.string().nullish(),
      podIP: z.string().nullish(),
      podIPs: z.array(z.object({ ip: z.string() })).nullish(),
      conditions: z.array(z.object({ type: z.string(), status: z.string() })).nullish(),
    })
    .nullish(),
})

type Parsed = z.infer<typeof pod>

export function readPod(object: unknown): ReadPod {
  const parsed = pod.safeParse(object)
  if (!parsed.success) {
    const named = metadata.safeParse((object as { metadata?: unknown } | null)?.metadata).data
    const which = named ? `${named.namespace}/${named.name}` : 'without a name'
    const problem = `Pod ${which}: ${parseWords(parsed.error)}`
    return { uid: named?.uid ?? null, pod: null, problem }
  }
  const { name, namespace, uid, resourceVersion, labels, deletionTimestamp } = parsed.data.metadata
  if (Object.keys(labels ?? {}).length > labelsMax) {
    const problem = `Pod ${namespace}/${name}: it has more than ${labelsMax} labels`
    return { uid, pod: null, problem }
  }
  const { spec, status } = parsed.data
  const known: KnownPod = {
    uid,
    name,
    version: resourceVersion,
    labels: labels ?? {},
    node: spec.nodeName ?? null,
    addresses: addressesOf(status),
    ports: namedPorts(spec),
    isReady: status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True',
    isLeaving: deletionTimestamp != null,
  }
  return { uid, pod: known, problem: null }
}

function addressesOf(status: Parsed['status']): KnownPod['addresses'] {
  const { phase, podIP, podIPs } = status ?? {}
  if (phase === 'Failed' || phase === 'Succeeded') return {}
  const all = podIPs?.length ? podIPs.map(({ ip }) => ip) : podIP ? [podIP] : []
  const first = (family: Family) => all.find((one) => address[family].safeParse(one).success)
  const [four, six] = [first('IPv4'), first('IPv6')]
  return { ...(four !== undefined && { IPv4: four }), ...(six !== undefined && { IPv6: six }) }
}

/** Of init containers those that go on beside the others. */
function namedPorts({ containers, initContainers }: Parsed['spec']): readonly NamedPort[] {
  const sidecars = initContainers?.filter(({ restartPolicy }) => restartPolicy === 'Always') ?? []
  return [...containers, ...sidecars].flatMap(({ ports }) =>
    (ports ?? []).flatMap(({ name, protocol, containerPort }) =>
      name && (protocol ?? 'TCP') === 'TCP' ? [{ name, port: containerPort }] : [],
    ),
  )
}

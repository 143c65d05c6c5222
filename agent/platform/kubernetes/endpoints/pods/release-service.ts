/**
 * The Service of a release, and the little that is kept of it: which pods it selects, and at which of their
 * ports. Whoever wrote it last, that is what Kubernetes makes its slices by, and what agents go by too.
 */
import { z } from 'zod'
import { limits } from '#wire/limits.ts'
import { releaseId } from '#wire/names.ts'
import { pathOf } from '../../api/client.ts'
import { clusterLabel, type Family, parseWords, releaseLabel } from '../slices/endpoint-slice.ts'
import { httpPort } from '../slices/rules.ts'

export const servicesPath = (namespace: string): string =>
  pathOf('api', 'v1', 'namespaces', namespace, 'services')

export type Labels = Readonly<Record<string, string>>

export interface KnownService {
  /** `<namespace>/<name>` */
  readonly key: string
  readonly namespace: string
  readonly release: string
  readonly selector: Labels
  /** A name is that of a port of each pod. */
  readonly targetPort: number | string
  readonly publishesNotReady: boolean
  readonly families: readonly Family[]
}

/** `service` null: it selects no pods that we could follow, and its slices count alone. */
export interface ReadService {
  readonly key: string | null
  readonly service: KnownService | null
  /** Null: of whichever Switchyard cluster. */
  readonly cluster: string | null
  /** In words, why not. */
  readonly problem: string | null
}

const text = z.string().max(limits.hostnameChars)
const labels = z.record(z.string(), z.string())
const portsMax = 1_000

const metadata = z.object({ name: text, namespace: text, labels: labels.optional() })

const port = z.object({
  name: z.string().nullish(),
  protocol: z.string().nullish(),
  port: z.int(),
  targetPort: z.union([z.int(), z.string()]).nullish(),
})

const service = z.object({
  metadata,
  spec: z.object({
    type: z.string().nullish(),
    selector: labels.nullish(),
    ports: z.array(port).max(portsMax).nullish(),
    publishNotReadyAddresses: z.boolean().nullish(),
    ipFamilies: z.array(z.enum(['IPv4', 'IPv6'])).nullish(),
  }),
})

export function readService(object: unknown): ReadService {
  const parsed = service.safeParse(object)
  if (!parsed.success) {
    const named = metadata.safeParse((object as { metadata?: unknown } | null)?.metadata).data
    const key = named ? `${named.namespace}/${named.name}` : null
    const problem = `Service ${key ?? 'without a name'}: ${parseWords(parsed.error)}`
    return { key, service: null, cluster: null, problem }
  }
  const { name, namespace, labels = {} } = parsed.data.metadata
  const key = `${namespace}/${name}`
  const { type, selector, ports, publishNotReadyAddresses, ipFamilies } = parsed.data.spec
  const cluster = labels[clusterLabel] ?? null
  const release = releaseId.safeParse(labels[releaseLabel])
  const http = httpPort(ports ?? [])
  // What is wrong with the label or the ports is told of its slices.
  const isFollowed =
    release.success && http && type !== 'ExternalName' && Object.keys(selector ?? {}).length > 0
  if (!isFollowed) return { key, service: null, cluster, problem: null }
  const known: KnownService = {
    key,
    namespace,
    release: release.data,
    selector: selector!,
    targetPort: http.targetPort || http.port,
    publishesNotReady: publishNotReadyAddresses ?? false,
    families: ipFamilies?.length ? ipFamilies : ['IPv4'],
  }
  return { key, service: known, cluster, problem: null }
}

/** As Kubernetes does it: every pair of the selector is among the labels. */
export function selects(selector: Labels, labels: Labels): boolean {
  for (const key in selector) if (labels[key] !== selector[key]) return false
  return true
}

/**
 * What NetworkPolicies let through, as Kubernetes defines it (networking.k8s.io/v1): a pod that no policy selects for
 * a direction is open in it; of those that select it any rule suffices; a connection needs both of its ends. Pure,
 * over rendered manifests; every network plugin that keeps to them decides the same.
 */
import { z } from 'zod'

type Labels = Readonly<Record<string, string>>

/** A pod, by its labels and those of its namespace, with the ports that it names. */
export interface PodEnd {
  readonly namespace: string
  readonly namespaceLabels: Labels
  readonly labels: Labels
  readonly ports: Readonly<Record<string, number>>
}
/** Or what is no pod: a client outside, the API server, a hub elsewhere. */
export type End = PodEnd | 'outside'

const selector = z.strictObject({
  matchLabels: z.record(z.string(), z.string()).default({}),
  matchExpressions: z
    .array(
      z.strictObject({
        key: z.string(),
        operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
        values: z.array(z.string()).default([]),
      }),
    )
    .default([]),
})
type Selector = z.infer<typeof selector>
/** `ipBlock` is not used: one that is fails to parse here, and has to be thought of. */
const peer = z.strictObject({
  podSelector: selector.optional(),
  namespaceSelector: selector.optional(),
})
const ports = z.array(
  z.strictObject({
    port: z.union([z.string(), z.number()]),
    protocol: z.literal('TCP').optional(),
  }),
)
const rules = (peers: 'from' | 'to') =>
  z.array(z.strictObject({ [peers]: z.array(peer).optional(), ports: ports.optional() }))
const policy = z.object({
  kind: z.literal('NetworkPolicy'),
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  spec: z.strictObject({
    podSelector: selector,
    policyTypes: z.array(z.enum(['Ingress', 'Egress'])),
    ingress: rules('from').default([]),
    egress: rules('to').default([]),
  }),
})
type Policy = z.infer<typeof policy>

export const policiesOf = (manifests: readonly { readonly kind: string }[]): readonly Policy[] =>
  manifests.filter(({ kind }) => kind === 'NetworkPolicy').map((one) => policy.parse(one))

/** Whether `from` may open a connection to `port` of `to`. */
export function isAllowed(policies: readonly Policy[], from: End, to: End, port: number): boolean {
  const passes = (end: End, type: 'Ingress' | 'Egress', other: End) => {
    if (end === 'outside') return true
    const own = policies.filter(
      ({ metadata, spec }) =>
        metadata.namespace === end.namespace &&
        spec.policyTypes.includes(type) &&
        selects(spec.podSelector, end.labels),
    )
    if (own.length === 0) return true
    return own.some(({ metadata, spec }) =>
      (type === 'Ingress' ? spec.ingress : spec.egress).some((rule) => {
        const peers = (type === 'Ingress' ? rule.from : rule.to) as
          | z.infer<typeof peer>[]
          | undefined
        return isPeer(peers, other, metadata.namespace) && isPort(rule.ports as Ports, to, port)
      }),
    )
  }
  return passes(from, 'Egress', to) && passes(to, 'Ingress', from)
}

type Ports = z.infer<typeof ports> | undefined

function isPeer(
  peers: readonly z.infer<typeof peer>[] | undefined,
  other: End,
  namespace: string,
): boolean {
  if (!peers || peers.length === 0) return true
  if (other === 'outside') return false
  return peers.some(
    ({ podSelector, namespaceSelector }) =>
      (namespaceSelector
        ? selects(namespaceSelector, other.namespaceLabels)
        : other.namespace === namespace) &&
      (!podSelector || selects(podSelector, other.labels)),
  )
}

function isPort(wanted: Ports, to: End, port: number): boolean {
  if (!wanted || wanted.length === 0) return true
  return wanted.some((one) =>
    typeof one.port === 'number'
      ? one.port === port
      : to !== 'outside' && to.ports[one.port] === port,
  )
}

function selects({ matchLabels, matchExpressions }: Selector, labels: Labels): boolean {
  const holds = ({ key, operator, values }: Selector['matchExpressions'][number]) => {
    const value = labels[key]
    if (operator === 'Exists') return value !== undefined
    if (operator === 'DoesNotExist') return value === undefined
    return (value !== undefined && values.includes(value)) === (operator === 'In')
  }
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(holds)
  )
}

/** EndpointSlices for tests, as Kubernetes' controller writes them. */
import type { Slice } from '../../api/api-server.fixture.ts'
import type { Conditions } from './rules.ts'

export interface EndpointLike {
  readonly address: string
  readonly conditions?: Conditions | null
  /** Its uid is `uid-<pod>`. */
  readonly pod?: string
}

export interface SliceLike {
  readonly name?: string
  readonly namespace?: string
  readonly release?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly version?: number
  readonly addressType?: string
  readonly ports?: readonly unknown[] | null
  /** Addresses alone are ready. */
  readonly endpoints?: readonly (string | EndpointLike)[] | null
}

const standard = {
  name: 'shop-r1-abcde',
  namespace: 'shop',
  release: 'shop-r1',
  labels: {},
  version: undefined,
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  endpoints: [],
}

export function sliceOf(like: SliceLike = {}): Slice {
  const { name, namespace, release, labels, version, addressType, ports, endpoints } = {
    ...standard,
    ...like,
  }
  return {
    metadata: {
      name,
      namespace,
      labels: { 'switchyard.dev/release': release, ...labels },
      ...(version === undefined ? {} : { resourceVersion: String(version) }),
    },
    addressType,
    ports,
    endpoints:
      endpoints?.map((one) => {
        const { address, conditions, pod } = typeof one === 'string' ? { address: one } : one
        return {
          addresses: [address],
          conditions: conditions === undefined ? { ready: true } : conditions,
          ...(pod && {
            targetRef: { kind: 'Pod', name: pod, uid: `uid-${pod}` },
            nodeName: 'node-1',
            zone: 'zone-a',
          }),
        }
      }) ?? null,
  }
}

export const leaving: Conditions = { ready: false, serving: true, terminating: true }
export const notReady: Conditions = { ready: false, serving: false, terminating: false }

/** Pods and Services of releases for tests, as kubelets and the leader write them. */
import type { Slice } from '../../api/api-server.fixture.ts'
import type { Labels } from './release-service.ts'

export interface PodLike {
  readonly name?: string
  readonly namespace?: string
  readonly version?: number
  readonly labels?: Labels
  /** Empty: it has none yet. */
  readonly ips?: readonly string[]
  readonly phase?: string
  readonly ready?: boolean
  readonly leaving?: boolean
  readonly ports?: readonly unknown[]
}

export const releaseLabels = (release: string): Labels => ({ 'switchyard.dev/release': release })

const standardPod = {
  name: 'one',
  namespace: 'shop',
  version: 1,
  labels: releaseLabels('shop-r1'),
  ips: ['10.0.0.1'],
  phase: 'Running',
  ready: true,
  leaving: false,
  ports: [],
}

/** Its uid is `uid-<name>`. */
export function podOf(like: PodLike = {}): Slice {
  const { name, namespace, version, labels, ips, phase, ready, leaving, ports } = {
    ...standardPod,
    ...like,
  }
  return {
    metadata: {
      name,
      namespace,
      uid: `uid-${name}`,
      resourceVersion: String(version),
      labels,
      ...(leaving && { deletionTimestamp: '2026-11-26T10:00:00Z' }),
    },
    spec: { nodeName: 'node-1', containers: [{ name: 'shop', ports }] },
    status: {
      phase,
      ...(ips.length > 0 && { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  }
}

export interface ServiceLike {
  readonly release?: string
  readonly name?: string
  readonly namespace?: string
  readonly labels?: Labels
  readonly selector?: Labels
  readonly targetPort?: number | string
  readonly spec?: Readonly<Record<string, unknown>>
}

export function serviceOf(like: ServiceLike = {}): Slice {
  const { release = 'shop-r1', namespace = 'shop', targetPort = 8080, labels, spec } = like
  return {
    metadata: {
      name: like.name ?? release,
      namespace,
      labels: { ...releaseLabels(release), ...labels },
    },
    spec: {
      type: 'ClusterIP',
      selector: like.selector ?? releaseLabels(release),
      ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort }],
      ...spec,
    },
  }
}

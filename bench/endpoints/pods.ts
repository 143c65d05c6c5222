/**
 * Services of many releases in a real API server, and pods as a ReplicaSet would make them: nobody runs them, and
 * their status is what we say. Kubernetes' own controllers make slices of them meanwhile.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { KubernetesClient } from '../../agent/platform/kubernetes/api/client.ts'
import {
  releaseLabels,
  serviceOf,
} from '../../agent/platform/kubernetes/endpoints/pods/pods.fixture.ts'
import { openBareWatch } from './bare-watch.ts'
import { type Changes, inTens, namespace, numberOf, releaseOf } from './changes.ts'

export interface Pods extends Changes {
  /** Every Service has so many pods from now on, all of them ready. */
  fill(count: number): Promise<void>
  remove(): Promise<void>
}

const core = `/api/v1/namespaces/${namespace}`

export async function createPods(client: KubernetesClient, releases: number): Promise<Pods> {
  const post = (path: string, body: object) => client.call({ method: 'POST', path, body })
  const labels = { 'switchyard.dev/managed': 'true' }
  await post('/api/v1/namespaces', { metadata: { name: namespace, labels } }).catch(() => {})
  await untilAccount()
  const watch = openBareWatch(client, `${core}/pods`, /"podIP":"([^"]+)"/)
  await inTens(releases, (n) =>
    post(`${core}/services`, serviceOf({ release: releaseOf(n), namespace })),
  )
  let filled = 0
  let turn = 0

  /** No pod is taken before there is one. */
  async function untilAccount(): Promise<void> {
    const path = `${core}/serviceaccounts/default`
    while (!(await client.call({ method: 'GET', path }).catch(() => null))) await delay(100)
  }

  const nameOf = (n: number, k: number) => `app${n}-6b7c9d4f8-${k}`
  const setStatus = (name: string, ip: string) =>
    client.call({
      method: 'PATCH',
      path: `${core}/pods/${name}/status`,
      contentType: 'application/merge-patch+json',
      body: { status: statusOf(ip) },
    })

  return {
    async fill(count) {
      for (; filled < count; filled++) {
        const k = filled
        await inTens(releases, async (n) => {
          await post(`${core}/pods`, podOf(nameOf(n, k), n))
          await setStatus(nameOf(n, k), `10.${101 + k}.${n >> 8}.${n & 255}`)
        })
      }
    },
    next() {
      turn++
      const address = `10.${51 + (turn >> 16)}.${(turn >> 8) & 255}.${turn & 255}`
      return { release: releaseOf(turn % releases), address }
    },
    change: (release, address) => setStatus(nameOf(numberOf(release), 0), address),
    seen: watch.seen,
    stop: watch.stop,
    async remove() {
      await client
        .call({ method: 'DELETE', path: `/api/v1/namespaces/${namespace}` })
        .catch(() => {})
      await delay(100)
    },
  }
}

const statusOf = (ip: string) => ({
  phase: 'Running',
  podIP: ip,
  podIPs: [{ ip }],
  conditions: [
    'PodReadyToStartContainers',
    'Initialized',
    'Ready',
    'ContainersReady',
    'PodScheduled',
  ].map((type) => ({ type, status: 'True', lastTransitionTime: '2026-11-26T10:00:00Z' })),
})

/** About as long as they are: 5 kB. */
const podOf = (name: string, n: number) => ({
  metadata: {
    name,
    namespace,
    labels: {
      ...releaseLabels(releaseOf(n)),
      'switchyard.dev/app': `app${n}`,
      'switchyard.dev/cluster': 'eu-1',
      'switchyard.dev/deployment': releaseOf(n),
      'pod-template-hash': '6b7c9d4f8',
      tier: 'web',
    },
    annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '9090' },
  },
  spec: {
    schedulerName: 'nobody',
    containers: ['app', 'metrics'].map((container) => ({
      name: container,
      image: `registry.example/shop/${container}:1.2.3`,
      ports: [{ name: container, containerPort: container === 'app' ? 8080 : 9090 }],
      env: Array.from({ length: 10 }, (_, k) => ({ name: `VARIABLE_${k}`, value: `value ${k}` })),
      resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
      readinessProbe: { httpGet: { path: '/readyz', port: container }, periodSeconds: 5 },
      livenessProbe: { httpGet: { path: '/livez', port: container }, periodSeconds: 10 },
    })),
  },
})

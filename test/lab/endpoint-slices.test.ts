/** The endpoints half of the platform `kubernetes` against a real API server, healthy and not. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Endpoints } from '../../agent/link.ts'
import {
  createKubernetesClient,
  type KubernetesClient,
} from '../../agent/platform/kubernetes/client.ts'
import { createKubernetesPlatform } from '../../agent/platform/kubernetes/kubernetes.ts'
import {
  followObjects,
  type ListWatchTiming,
  listWatchTiming,
} from '../../agent/platform/kubernetes/list-watch.ts'
import { leaving, type SliceLike, sliceOf } from '../../agent/platform/kubernetes/slices.fixture.ts'
import type { Platform } from '../../agent/platform/platform.ts'
import { until } from '../../deploy/local/until.ts'
import { whyNoLab } from './availability.ts'
import { type Cluster, startCluster } from './start-cluster.ts'

const slices = '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices'
/** Watches of 3 to 6 s, so that silence is found in a test's time. */
const timing: ListWatchTiming = { ...listWatchTiming, watchSeconds: 3, graceMs: 1_000 }

describe.skipIf(whyNoLab({ nodes: false }))('EndpointSlices', { timeout: 120_000 }, () => {
  let cluster: Cluster
  let client: KubernetesClient
  let platform: Platform
  let told: Endpoints
  let troubles: string[]

  beforeAll(async () => {
    cluster = await startCluster({ name: 'slices', nodes: false })
    client = await createKubernetesClient(cluster.kubeconfig)
    await cluster.kubectl(['create', 'namespace', 'shop'])
    await until(
      'its service account',
      () => cluster.kubectl(['-n', 'shop', 'get', 'serviceaccount', 'default']),
      Boolean,
    )
  }, 300_000)
  afterAll(async () => {
    client?.close()
    await cluster?.stop()
  }, 180_000)

  beforeEach(() => {
    told = {}
    troubles = []
    const { kubeconfig } = cluster
    platform = createKubernetesPlatform({
      kubeconfig,
      cluster: 'eu-1',
      log() {},
      timing,
      rememberMs: 5_000,
    })
    platform.follow({
      onEndpoints(endpoints) {
        told = endpoints
      },
      onReplacements() {},
      onTroubles() {},
      onTrouble: (text) => troubles.push(text),
    })
    const release = { app: 'shop', release: 'shop-r1', version: '1' }
    const kubernetes = { namespace: 'shop', port: 8080, template: 'shop', image: 'shop:1' }
    platform.setBackends(
      [{ ...release, platform: 'kubernetes' }],
      [{ ...release, kubernetes, copies: 1 }],
    )
  })
  afterEach(async () => {
    await platform.close()
    await cluster.kubectl(['-n', 'shop', 'delete', 'endpointslices,services,pods', '--all'])
  })

  const object = (name: string, endpoints: SliceLike['endpoints']) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    ...sliceOf({ name, endpoints: endpoints ?? [] }),
  })
  const create = (...of: Parameters<typeof object>) =>
    client.call({ method: 'POST', path: slices, body: object(...of) })
  const change = (...of: Parameters<typeof object>) =>
    client.call({
      method: 'PATCH',
      path: `${slices}/${of[0]}`,
      contentType: 'application/merge-patch+json',
      body: object(...of),
    })
  const remove = (name: string) => client.call({ method: 'DELETE', path: `${slices}/${name}` })
  const addresses = () => (told['shop-r1'] ?? []).map(({ address }) => address).join(' ')
  const untilAddresses = (wanted: string, withinMs = 60_000) =>
    until(
      `the addresses ${wanted}`,
      async () => addresses(),
      (are) => are === wanted,
      withinMs,
    )
  const inLab = (script: string) =>
    new Promise((resolve) => cluster.run('sh', ['-c', script]).once('close', resolve))

  test('arrive, change and go, by their conditions', async () => {
    await create('a', ['10.244.0.1'])
    await untilAddresses('10.244.0.1')
    await create('b', ['10.244.0.2', { address: '10.244.0.3', conditions: {} }])
    await untilAddresses('10.244.0.1 10.244.0.2 10.244.0.3')
    await change('b', [{ address: '10.244.0.2', conditions: leaving }])
    await untilAddresses('10.244.0.1')
    await remove('a')
    await untilAddresses('10.244.0.2')
    await remove('b')
    await untilAddresses('')
    expect(troubles).toEqual([])
  })

  test('are watched on without a new list: a real watch ends with a bookmark before it', async () => {
    const long = { ...timing, watchSeconds: 10 }
    const stopping = new AbortController()
    let lists = 0
    const changed: string[] = []
    const followed = {
      path: '/apis/discovery.k8s.io/v1/endpointslices',
      labelSelector: 'switchyard.dev/release',
      read: (slice: unknown) => (slice as ReturnType<typeof sliceOf>).metadata.name,
      onListed: () => lists++,
      onChanged: (name: string) => changed.push(name),
      onRemoved() {},
      onTrouble: (text: string) => troubles.push(text),
    }
    const following = followObjects(client, followed, stopping.signal, long)
    await delay(30_000)
    await create('late', ['10.244.0.1'])
    await until(
      'the change',
      async () => changed,
      (names) => names.includes('late'),
    )
    stopping.abort()
    await following
    expect(lists).toBe(1)
    expect(troubles).toEqual([])
  })

  test('stay while the API server is killed, and are followed when it is back', async () => {
    await create('a', ['10.244.0.1'])
    await untilAddresses('10.244.0.1')
    const server = cluster.part('kube-apiserver')
    await server.kill()
    await until(
      'trouble',
      async () => troubles.length,
      (count) => count > 0,
    )
    expect(addresses()).toBe('10.244.0.1')
    server.start()
    await until(
      'its return',
      () => change('a', ['10.244.0.2']).catch(() => null),
      (it) => it !== null,
      60_000,
    )
    await untilAddresses('10.244.0.2')
    expect(troubles).toHaveLength(1)
  })

  test('stay while the API server hangs, which is noticed, and are followed when it goes on', async () => {
    await create('a', ['10.244.0.1'])
    await untilAddresses('10.244.0.1')
    await inLab('kill -STOP $(pidof kube-apiserver)')
    try {
      await until(
        'trouble',
        async () => troubles.length,
        (count) => count > 0,
        15_000,
      )
      expect(troubles[0]).toMatch(/silent|did not answer/)
      expect(addresses()).toBe('10.244.0.1')
    } finally {
      await inLab('kill -CONT $(pidof kube-apiserver)')
    }
    await until(
      'its return',
      () => change('a', ['10.244.0.2']).catch(() => null),
      (it) => it !== null,
      60_000,
    )
    await untilAddresses('10.244.0.2')
  })
})

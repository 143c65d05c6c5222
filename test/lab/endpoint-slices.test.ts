/** The endpoints half of the platform `kubernetes` against a real API server, healthy and not. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Endpoints, endpointName } from '../../agent/link.ts'
import {
  createKubernetesClient,
  type KubernetesClient,
} from '../../agent/platform/kubernetes/api/client.ts'
import {
  followObjects,
  type ListWatchTiming,
  listWatchTiming,
} from '../../agent/platform/kubernetes/api/list-watch.ts'
import {
  leaving,
  type SliceLike,
  sliceOf,
} from '../../agent/platform/kubernetes/endpoints/slices/slices.fixture.ts'
import { createKubernetesPlatform } from '../../agent/platform/kubernetes/kubernetes.ts'
import type { Platform } from '../../agent/platform/platform.ts'
import { until } from '../../deploy/local/until.ts'
import { isLong } from '../kubernetes/long-form.ts'
import { whyNoLab } from './availability.ts'
import { keptEtcd } from './etcd.ts'
import { openRoughWay } from './rough-way.ts'
import { type Cluster, startCluster } from './start-cluster.ts'

const slices = '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices'
const roughMs = isLong() ? 600_000 : 10_000
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
    follow(cluster.kubeconfig)
  })
  function follow(kubeconfig: string): void {
    platform = createKubernetesPlatform({
      kubeconfig,
      cluster: 'eu-1',
      log() {},
      timing,
      endpointsTiming: { rememberMs: 5_000 },
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
  }
  afterEach(async () => {
    await platform.close()
    const all = ['delete', 'endpointslices,services,pods', '--all']
    // No kubelet has the pods, to say that they have ended.
    await cluster.kubectl(['-n', 'shop', ...all, '--force', '--grace-period=0'])
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

  const apply = (object: object) => cluster.kubectl(['apply', '-f', '-'], JSON.stringify(object))
  /** By the label of an adopted Deployment's pods. */
  async function applyService(): Promise<void> {
    const labels = { 'switchyard.dev/release': 'shop-r1', 'switchyard.dev/cluster': 'eu-1' }
    const ports = [{ name: 'http', port: 80, targetPort: 8080 }]
    const zone = { 'topology.kubernetes.io/zone': 'eu-1a' }
    await apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'nowhere', labels: zone } })
    await apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'shop-r1', namespace: 'shop', labels },
      spec: { selector: { app: 'shop' }, ports },
    })
  }
  /** No kubelet has it: its status is what we say. */
  const applyPod = (name: string) =>
    apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'shop', labels: { app: 'shop' } },
      spec: { nodeName: 'nowhere', containers: [{ name: 'shop', image: 'shop:1' }] },
    })
  const setPod = (name: string, ip: string, ready: 'True' | 'False') =>
    client.call({
      method: 'PATCH',
      path: `/api/v1/namespaces/shop/pods/${name}/status`,
      contentType: 'application/merge-patch+json',
      body: {
        status: {
          phase: 'Running',
          podIP: ip,
          podIPs: [{ ip }],
          conditions: [{ type: 'Ready', status: ready }],
        },
      },
    })

  test("have the labels of their Service: a pod's way to a release", async () => {
    await applyService()
    await applyPod('one')
    await setPod('one', '10.244.0.9', 'True')
    await untilAddresses('10.244.0.9')
    const endpoint = told['shop-r1']![0]!
    expect(endpoint.port).toBe(8080)
    expect(platform.pods?.().get(endpointName(endpoint))).toMatchObject({
      name: 'one',
      node: 'nowhere',
      zone: 'eu-1a',
    })
    await cluster.kubectl(['-n', 'shop', 'delete', 'pod', 'one', '--force', '--grace-period=0'])
    await untilAddresses('')
  })

  test('are not waited for where a namespace has opted in: its pods say themselves how they are', async () => {
    const manager = cluster.part('kube-controller-manager')
    const slicesSay = async () => {
      const { items } = (await client.call({ method: 'GET', path: slices })) as SliceList
      const all = items.flatMap(({ endpoints }) => endpoints ?? [])
      return all.map(({ addresses, conditions }) => `${addresses[0]} ${conditions.ready}`).join()
    }
    await platform.close()
    await cluster.kubectl(['label', 'namespace', 'shop', 'switchyard.dev/managed=true'])
    try {
      follow(cluster.kubeconfig)
      await applyService()
      await applyPod('one')
      await setPod('one', '10.244.0.9', 'False')
      await until('the slice', slicesSay, (said) => said === '10.244.0.9 false')
      await manager.kill()
      await setPod('one', '10.244.0.9', 'True')
      await untilAddresses('10.244.0.9')
      await applyPod('two')
      await setPod('two', '10.244.0.10', 'True')
      await untilAddresses('10.244.0.10 10.244.0.9')
      await cluster.kubectl(['-n', 'shop', 'delete', 'pod', 'one', '--wait=false'])
      await untilAddresses('10.244.0.10')
      await cluster.kubectl(['-n', 'shop', 'delete', 'pod', 'one', '--force', '--grace-period=0'])
      await setPod('two', '10.244.0.10', 'False')
      await untilAddresses('')
      expect(await slicesSay()).toBe('10.244.0.9 false')
      await setPod('two', '10.244.0.10', 'True')
      manager.start()
      await until('the slice', slicesSay, (said) => said === '10.244.0.10 true', 60_000)
      expect(addresses()).toBe('10.244.0.10')
    } finally {
      manager.start()
      await cluster.kubectl(['label', 'namespace', 'shop', 'switchyard.dev/managed-'])
    }
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
      goOnOutside('kube-apiserver')
    }
    await until(
      'its return',
      () => change('a', ['10.244.0.2']).catch(() => null),
      (it) => it !== null,
      60_000,
    )
    await untilAddresses('10.244.0.2')
  })

  test(`are never lost on a rough way: 429, 500, cut lists and watches, for ${roughMs / 1_000} s`, {
    timeout: roughMs + 120_000,
  }, async () => {
    await platform.close()
    const way = await openRoughWay(cluster.kubeconfig, join(cluster.folder, 'rough.kubeconfig'))
    try {
      follow(way.kubeconfig)
      await create('a', ['10.244.0.1'])
      await untilAddresses('10.244.0.1')
      way.turn('rough')
      let last = ''
      let changes = 0
      for (const endMs = performance.now() + roughMs; performance.now() < endMs; changes++) {
        last = `10.244.0.${1 + (changes % 250)}`
        await change('a', [last])
        await delay(50)
        expect(addresses(), 'something is served all along').not.toBe('')
      }
      console.log(`${changes} changes, ${JSON.stringify(way.happened)}`)
      way.turn('smooth')
      await untilAddresses(last)
      for (const count of Object.values(way.happened)) expect(count).toBeGreaterThan(0)
    } finally {
      await platform.close()
      await way.close()
    }
  })

  test('are those of an older etcd, when the cluster was restored from it', async () => {
    const etcd = keptEtcd(cluster)
    await create('a', ['10.244.0.1'])
    await untilAddresses('10.244.0.1')
    await etcd.keep()
    for (let n = 2; n < 20; n++) await change('a', [`10.244.0.${n}`])
    await untilAddresses('10.244.0.19')
    await etcd.restore()
    // What was served stays beside it for a while.
    await untilAddresses('10.244.0.1 10.244.0.19')
    await untilAddresses('10.244.0.1')
    await create('b', ['10.244.0.30'])
    await untilAddresses('10.244.0.1 10.244.0.30')
  })
})

interface SliceList {
  readonly items: readonly {
    readonly endpoints?: readonly {
      readonly addresses: readonly string[]
      readonly conditions: { readonly ready?: boolean }
    }[]
  }[]
}

/** `nsenter` stops itself with what it runs, and must go on too: it is what the lab ends. */
function goOnOutside(name: string): void {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
  for (const pid of children.trim().split(' ').map(Number)) {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    if (command.includes('nsenter') && command.includes(name)) process.kill(pid, 'SIGCONT')
  }
}

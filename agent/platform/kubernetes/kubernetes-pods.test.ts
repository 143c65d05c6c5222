import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Endpoints } from '../../link.ts'
import { until } from '../../pilot/fleet.fixture.ts'
import type { Platform } from '../platform.ts'
import { type FakeApiServer, startFakeApiServer } from './api/api-server.fixture.ts'
import { type ListWatchTiming, listWatchTiming } from './api/list-watch.ts'
import { followedPodsTiming } from './endpoints/pods/followed-pods.ts'
import {
  type PodLike,
  podOf,
  releaseLabels,
  type ServiceLike,
  serviceOf,
} from './endpoints/pods/pods.fixture.ts'
import { notReady, type SliceLike, sliceOf } from './endpoints/slices/slices.fixture.ts'
import { createKubernetesPlatform } from './kubernetes.ts'

const timing: ListWatchTiming = { ...listWatchTiming, backoff: { firstMs: 5, mostMs: 40 } }
const podsTiming = { ...followedPodsTiming, askAgainMs: 50, staleMs: 100 }

let server: FakeApiServer
let platform: Platform
let told: Endpoints[]
let troubles: string[]
let said: string[]

beforeEach(async () => {
  server = await startFakeApiServer()
  server.optIn()
  told = []
  troubles = []
  said = []
  patience = {}
})
afterEach(async () => {
  await platform.close()
  await server.stop()
})

let patience: { staleMs?: number } = {}

function follow(...releases: readonly string[]): void {
  platform = createKubernetesPlatform({
    kubeconfig: server.kubeconfig,
    cluster: 'eu-1',
    log: (code, text) => said.push(`${code}: ${text}`),
    timing,
    endpointsTiming: { rememberMs: 1_000, pods: { ...podsTiming, ...patience }, firstPodsMs: 300 },
  })
  platform.follow({
    onEndpoints: (endpoints) => told.push(endpoints),
    onReplacements() {},
    onTroubles() {},
    onTrouble: (text) => troubles.push(text),
  })
  const about = (release: string) => ({ app: 'shop', release, version: '1' })
  const kubernetes = { namespace: 'shop', port: 8080, template: 'shop', image: 'shop:1' }
  const all = releases.length > 0 ? releases : ['shop-r1']
  platform.setBackends(
    all.map((release) => ({ ...about(release), platform: 'kubernetes' })),
    all.map((release) => ({ ...about(release), kubernetes, copies: 1 })),
  )
}
const watchingPods = () => until('a watch of pods', () => server.watcherCount('pods') === 1)
const watching = async () => {
  await watchingPods()
  await until(
    'the other watches',
    () => server.watcherCount() + server.watcherCount('services') === 2,
  )
}
const pod = (like: PodLike = {}) => server.put(podOf(like), 'pods')
const service = (like: ServiceLike = {}) => server.put(serviceOf(like), 'services')
const slice = (like: SliceLike) => server.put(sliceOf(like))
const two = { name: 'two', ips: ['10.0.0.2'] }
const addresses = (release = 'shop-r1') =>
  told
    .at(-1)
    ?.[release]?.map(({ address }) => address)
    .join()
const untilAddresses = (wanted: string, release?: string) =>
  until(`the addresses ${wanted}`, () => (addresses(release) ?? '') === wanted)

describe('the endpoints of a release, by its pods', () => {
  it('are served before any slice names them', async () => {
    service()
    slice({ endpoints: [] })
    follow()
    await watching()
    pod({ ready: false })
    pod({ ...two, ready: false })
    pod({})
    await untilAddresses('10.0.0.1')
    pod(two)
    await untilAddresses('10.0.0.1,10.0.0.2')
    expect(told.at(-1)?.['shop-r1']?.[0]).toEqual({ address: '10.0.0.1', port: 8080 })
    expect(platform.pods?.().get('10.0.0.2 8080')).toEqual({
      name: 'two',
      uid: 'uid-two',
      node: 'node-1',
      zone: null,
    })
    expect(troubles).toEqual([])
  })

  it('go when they go, whatever a slice still says, and do not come back with one', async () => {
    service()
    const named = [
      { address: '10.0.0.1', pod: 'one' },
      { address: '10.0.0.2', pod: 'two' },
    ]
    slice({ endpoints: named })
    pod({})
    pod(two)
    follow()
    await watching()
    await untilAddresses('10.0.0.1,10.0.0.2')
    expect(platform.pods?.().get('10.0.0.2 8080')?.zone).toBe('zone-a')
    pod({ leaving: true })
    await untilAddresses('10.0.0.2')
    server.remove('one', 'shop', 'pods')
    pod({ ...two, ready: false })
    await untilAddresses('')
    slice({ endpoints: named })
    pod({ name: 'three', ips: ['10.0.0.3'] })
    await untilAddresses('10.0.0.3')
    pod(two)
    await untilAddresses('10.0.0.2,10.0.0.3')
  })

  it('are those that the Service selects, at its port, also when others change it', async () => {
    service()
    pod({})
    pod({ ...two, labels: { app: 'shop' }, ports: [{ name: 'web', containerPort: 9_000 }] })
    follow()
    await untilAddresses('10.0.0.1')
    service({ selector: { app: 'shop' }, targetPort: 'web' })
    await untilAddresses('10.0.0.2')
    expect(told.at(-1)?.['shop-r1']).toEqual([{ address: '10.0.0.2', port: 9_000 }])
    expect(server.seenOfPods.map(({ query }) => query.get('labelSelector'))).toContain(null)
    pod({ ...two, labels: {} })
    await untilAddresses('')
    service()
    await untilAddresses('10.0.0.1')
    await until('fewer', () => server.seenOfPods.at(-1)?.query.get('labelSelector') !== null)
  })

  it('are beside those of a slice that was written by hand', async () => {
    service()
    pod({})
    slice({ endpoints: ['10.0.0.9', { address: '10.0.0.8', pod: 'unseen' }] })
    follow()
    await untilAddresses('10.0.0.1,10.0.0.8,10.0.0.9')
  })

  it('are none of a pod that had ended before the agent started, whatever a late slice says', async () => {
    service()
    pod({})
    const madeOf = (name: string) => ({
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      'kubernetes.io/service-name': name,
    })
    const ended = { address: '10.0.0.8', pod: 'ended' }
    slice({ labels: madeOf('shop-r1'), endpoints: [{ address: '10.0.0.1', pod: 'one' }, ended] })
    server.put({ metadata: podOf({ name: 'odd' }).metadata }, 'pods')
    const odd = { address: '10.0.0.6', pod: 'odd' }
    slice({ name: 'odd', labels: madeOf('shop-r1'), endpoints: [odd] })
    const other = { address: '10.0.0.7', pod: 'other' }
    slice({ name: 'other', labels: madeOf('not-followed'), endpoints: [other] })
    follow()
    await watching()
    await untilAddresses('10.0.0.1,10.0.0.6,10.0.0.7')
    // Newer than what has been read of pods: it may be ahead of them.
    slice({ labels: madeOf('shop-r1'), endpoints: [{ address: '10.0.0.9', pod: 'newer' }] })
    await untilAddresses('10.0.0.1,10.0.0.6,10.0.0.7,10.0.0.9')
  })

  it('are right at once when the API server was away and its slices are late', async () => {
    service()
    pod({})
    slice({ endpoints: [{ address: '10.0.0.1', pod: 'one' }] })
    follow()
    await watching()
    await untilAddresses('10.0.0.1')
    await server.away()
    await until('trouble', () => troubles.length > 0)
    server.remove('one', 'shop', 'pods')
    pod(two)
    await server.back()
    await untilAddresses('10.0.0.2')
    expect(told.map((one) => one['shop-r1']?.length)).not.toContain(0)
    expect(troubles).toHaveLength(1)
  })

  it('are told first when the pods are known too', async () => {
    service()
    pod({})
    slice({ endpoints: [] })
    server.answer('list', { status: 503 }, 'pods')
    server.answer('list', { status: 503 }, 'services')
    follow()
    await until('the first', () => told.length > 0)
    expect(told[0]).toEqual({ 'shop-r1': [{ address: '10.0.0.1', port: 8080 }] })
  })

  it('stay for a while when the Service and its slices are deleted, but for pods that go', async () => {
    service()
    pod({})
    pod(two)
    slice({ endpoints: [] })
    follow()
    await watching()
    await untilAddresses('10.0.0.1,10.0.0.2')
    server.remove('shop-r1', 'shop', 'services')
    server.remove('shop-r1-abcde')
    await until('it is noticed', () => said.join().includes('slices-deleted'))
    expect(addresses()).toBe('10.0.0.1,10.0.0.2')
    server.remove('one', 'shop', 'pods')
    await untilAddresses('10.0.0.2')
    service()
    pod({ name: 'three', ips: ['10.0.0.3'] })
    await untilAddresses('10.0.0.2,10.0.0.3')
  })

  it('stay beside those of an older state that the API server was restored to, for a while', async () => {
    service()
    pod({})
    const former = server.copy()
    pod(two)
    pod({ name: 'three', ips: ['10.0.0.3'] })
    follow('shop-r1', 'shop-r2')
    await watching()
    await untilAddresses('10.0.0.1,10.0.0.2,10.0.0.3')
    server.restore(former)
    await until('it is noticed', () => said.join().includes('slices-went-back'))
    await watching()
    pod({ name: 'four', ips: ['10.0.0.4'] })
    // Its address is another's now.
    service({ release: 'shop-r2' })
    pod({ name: 'other', ips: ['10.0.0.3'], labels: releaseLabels('shop-r2') })
    await untilAddresses('10.0.0.3', 'shop-r2')
    await untilAddresses('10.0.0.1,10.0.0.4,10.0.0.2')
    await untilAddresses('10.0.0.1,10.0.0.4')
  })

  it('of an older state go as soon as another release has their address', async () => {
    service()
    const former = server.copy()
    pod({})
    follow('shop-r1', 'shop-r2')
    await watching()
    await untilAddresses('10.0.0.1')
    server.restore(former)
    await until('it is noticed', () => said.join().includes('slices-went-back'))
    await watching()
    expect(addresses()).toBe('10.0.0.1')
    service({ release: 'shop-r2' })
    pod({ name: 'other', labels: releaseLabels('shop-r2') })
    await untilAddresses('10.0.0.1', 'shop-r2')
    expect(addresses()).toBe('')
  })

  it('stay beside an older state in which the Service selected otherwise', async () => {
    service()
    const former = server.copy()
    pod({ labels: { app: 'shop', ...releaseLabels('shop-r1') } })
    service({ selector: { app: 'shop' } })
    follow()
    await watching()
    await untilAddresses('10.0.0.1')
    for (let n = 0; n < 3; n++) server.answer('list', { status: 503 }, 'pods')
    const before = told.length
    server.restore(former)
    await until('it is noticed', () => said.join().includes('slices-went-back'))
    await until('fewer', () => server.seenOfPods.at(-1)?.query.get('labelSelector') !== null)
    await watching()
    expect(told.slice(before).map((one) => one['shop-r1']?.length ?? 0)).not.toContain(0)
    expect(addresses()).toBe('10.0.0.1')
  })

  it.each(['pods', 'services'] as const)(
    'are the same when %s are refused for a moment, as by an API server that starts',
    async (plural) => {
      service()
      pod({})
      pod(two)
      pod({ name: 'gone', ips: ['10.0.0.9'] })
      const late = [
        { address: '10.0.0.1', pod: 'one' },
        { address: '10.0.0.9', pod: 'gone' },
      ]
      slice({ endpoints: late })
      follow()
      await watching()
      server.remove('gone', 'shop', 'pods')
      await untilAddresses('10.0.0.1,10.0.0.2')
      told = []
      server.answer('list', { status: 403 }, plural)
      server.cut(plural)
      await until('it is refused', () => server.unasked() === 0)
      await watching()
      pod({ name: 'three', ips: ['10.0.0.3'] })
      await untilAddresses('10.0.0.1,10.0.0.2,10.0.0.3')
      const lists = told.map((one) => one['shop-r1']!.map(({ address }) => address))
      expect(lists.filter((list) => list.length < 2 || list.includes('10.0.0.9'))).toEqual([])
      expect(said).toEqual([])
    },
  )

  it('share an address on a host’s network, and the one that is ready counts', async () => {
    service()
    pod({ ready: false })
    pod({ ...two, ips: ['10.0.0.1'] })
    follow()
    await watching()
    await untilAddresses('10.0.0.1')
    pod({ ready: false, leaving: true })
    pod({ name: 'three', ips: ['10.0.0.3'] })
    await untilAddresses('10.0.0.1,10.0.0.3')
  })
})

describe('the slices alone count', () => {
  const asSlicesSay = async () => {
    service()
    pod({})
    slice({ endpoints: [{ address: '10.0.0.1', pod: 'one', conditions: notReady }, '10.0.0.2'] })
    follow()
    await untilAddresses('10.0.0.2')
  }

  it('in a namespace that has not opted in, whose pods nobody asks for, until it does', async () => {
    await server.stop()
    server = await startFakeApiServer()
    await asSlicesSay()
    expect(server.seenOfPods).toEqual([])
    server.optIn()
    await untilAddresses('10.0.0.1,10.0.0.2')
    expect(said).toEqual([])
  })

  it.each(['pods', 'services'] as const)(
    'where %s may not be read, which is said once, until they may',
    async (plural) => {
      server.forbid(plural)
      await asSlicesSay()
      const before = server.seenOfPods.length
      await until(
        'another question',
        () => server.seenOfPods.length >= before + 2 || plural === 'services',
      )
      expect(said).toEqual([expect.stringMatching(/^pods-unread: namespace shop: .*kubectl apply/)])
      server.forbid(plural, false)
      await untilAddresses('10.0.0.1,10.0.0.2')
      expect(said).toHaveLength(1)
      expect(troubles).toEqual([])
    },
  )

  it('where pods may be listed and not watched', async () => {
    for (let n = 0; n < 1_000; n++) server.answer('watch', { status: 403 }, 'pods')
    await asSlicesSay()
    expect(said).toEqual([expect.stringContaining('may not be read')])
  })

  it('when pods cannot be followed for some time, while slices can', async () => {
    service()
    pod({})
    const named = { address: '10.0.0.1', pod: 'one' }
    slice({ endpoints: [{ ...named, conditions: notReady }] })
    follow()
    await watching()
    await untilAddresses('10.0.0.1')
    for (let n = 0; n < 1_000; n++) server.answer('list', { status: 500 }, 'pods')
    server.cut('pods')
    await untilAddresses('')
    expect(said.join()).toContain('pods-unread: namespace shop: its Pods or Services cannot be')
    expect(troubles).toEqual([])
  })

  it('when pods cannot be followed for some time, while Services are read anew', async () => {
    patience = { staleMs: 300 }
    service()
    pod({})
    slice({ endpoints: [{ address: '10.0.0.1', pod: 'one', conditions: notReady }] })
    follow()
    await watching()
    await untilAddresses('10.0.0.1')
    for (let n = 0; n < 1_000; n++) server.answer('list', { status: 500 }, 'pods')
    server.cut('pods')
    const anew = setInterval(() => server.cut('services'), 30)
    await untilAddresses('').finally(() => clearInterval(anew))
  })

  it('of the first words, when those of pods do not come', async () => {
    for (let n = 0; n < 1_000; n++) server.answer('list', { status: 500 }, 'pods')
    await asSlicesSay()
  })
})

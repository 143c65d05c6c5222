/** Endpoints of Services that Ingress objects lead to, beside those of releases, from one API server. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Endpoints } from '../../../../link.ts'
import { until } from '../../../../pilot/fleet.fixture.ts'
import type { Platform } from '../../../platform.ts'
import { type FakeApiServer, startFakeApiServer } from '../../api/api-server.fixture.ts'
import { listWatchTiming } from '../../api/list-watch.ts'
import { createKubernetesPlatform } from '../../kubernetes.ts'
import { sliceOf } from './slices.fixture.ts'

const timing = { ...listWatchTiming, backoff: { firstMs: 5, mostMs: 40 } }
let server: FakeApiServer
let platform: Platform
let told: Endpoints[]

beforeEach(async () => {
  server = await startFakeApiServer()
  told = []
  const { kubeconfig } = server
  platform = createKubernetesPlatform({ kubeconfig, cluster: 'eu-1', log() {}, timing })
  platform.follow({
    onEndpoints: (endpoints) => told.push(endpoints),
    onReplacements() {},
    onTroubles() {},
    onTrouble() {},
  })
})
afterEach(async () => {
  await platform.close()
  await server.stop()
})

const put = (service: string, ...endpoints: string[]) =>
  server.put(
    sliceOf({
      name: `${service}-x`,
      labels: { 'kubernetes.io/service-name': service, 'switchyard.dev/release': 'shop-r1' },
      endpoints,
    }),
  )
const lead = (...services: string[]) => platform.setBackends([], [], services)
const addresses = (id: string) => (told.at(-1)?.[id] ?? []).map(({ address }) => address).join()
const selectors = () => server.seen.map(({ query }) => query.get('labelSelector'))

describe('the endpoints of Services', () => {
  it('are told under their ids, and follow a flip of the selector in one change', async () => {
    put('app', '10.0.0.1')
    put('app-bg', '10.0.1.1')
    lead('shop/app:http', 'shop/app-bg:http')
    await until('blue', () => addresses('shop/app:http') === '10.0.0.1')
    expect(addresses('shop/app-bg:http')).toBe('10.0.1.1')
    await until('both watches', () => server.watcherCount() === 2)
    const before = told.length
    put('app', '10.0.1.1')
    await until('green', () => addresses('shop/app:http') === '10.0.1.1')
    expect(told.slice(before).map((one) => one['shop/app:http']?.length)).toEqual([1])
  })

  it('are asked for by name, and asked anew when other Services are led to', async () => {
    put('app', '10.0.0.1')
    put('other', '10.0.2.1')
    lead('shop/app:http')
    await until('the first', () => addresses('shop/app:http') === '10.0.0.1')
    expect(told.at(-1)).not.toHaveProperty('shop/other:http')
    lead('shop/app:http', 'shop/other:http')
    await until('the other', () => addresses('shop/other:http') === '10.0.2.1')
    lead('shop/other:http')
    await until('the first is gone', () => addresses('shop/app:http') === '')
    expect(addresses('shop/other:http')).toBe('10.0.2.1')
    expect(new Set(selectors())).toContain('kubernetes.io/service-name in (app,other)')
  })

  it('are those of the Service that a slice is of now', async () => {
    const of = (service: string) =>
      server.put(
        sliceOf({
          name: 'by-hand',
          labels: { 'kubernetes.io/service-name': service },
          endpoints: ['10.0.0.1'],
        }),
      )
    of('app')
    lead('shop/app:http', 'shop/other:http')
    await until('the first', () => addresses('shop/app:http') === '10.0.0.1')
    await until('both watches', () => server.watcherCount() === 2)
    of('other')
    await until('the other', () => addresses('shop/other:http') === '10.0.0.1')
    expect(addresses('shop/app:http')).toBe('')
  })

  it('are not told before they are known: what was served stays', async () => {
    server.answer('list', { status: 503 })
    server.answer('list', { status: 503 })
    put('app', '10.0.0.1')
    lead('shop/app:http')
    await until('the first', () => told.length > 0)
    expect(Object.keys(told[0]!)).toEqual(['shop/app:http'])
  })

  it('stay beside those of an older state that the API server was restored to', async () => {
    put('app', '10.0.0.1')
    put('app-bg', '10.0.0.2')
    const former = server.copy()
    put('app', '10.0.0.2')
    lead('shop/app:http', 'shop/app-bg:http')
    await until('the new one', () => addresses('shop/app:http') === '10.0.0.2')
    await until('both watches', () => server.watcherCount() === 2)
    server.restore(former)
    // The same pod may be behind several Services.
    await until('both', () => addresses('shop/app:http') === '10.0.0.1,10.0.0.2')
  })

  it('of very many Services come from one watch over all of them', async () => {
    put('app-7', '10.0.0.7')
    lead(...Array.from({ length: 100 }, (_, n) => `shop/app-${n}:http`))
    await until('one of them', () => addresses('shop/app-7:http') === '10.0.0.7')
    expect(new Set(selectors())).toEqual(
      new Set(['switchyard.dev/release', 'kubernetes.io/service-name']),
    )
  })
})

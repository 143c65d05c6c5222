import { execFile } from 'node:child_process'
import { copyFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Endpoints } from '../../link.ts'
import { until } from '../../pilot/fleet.fixture.ts'
import type { Backend, Platform, Workload } from '../platform.ts'
import { type FakeApiServer, startFakeApiServer } from './api/api-server.fixture.ts'
import { type ListWatchTiming, listWatchTiming } from './api/list-watch.ts'
import { type SliceLike, sliceOf } from './endpoints/slices/slices.fixture.ts'
import { createKubernetesPlatform } from './kubernetes.ts'

const timing: ListWatchTiming = { ...listWatchTiming, backoff: { firstMs: 5, mostMs: 40 } }

let server: FakeApiServer
let platform: Platform
let told: Endpoints[]
let troubles: string[]
let said: string[]

beforeEach(async () => {
  server = await startFakeApiServer()
  told = []
  troubles = []
  said = []
})
afterEach(async () => {
  await platform.close()
  await server.stop()
})

function follow(kubeconfig = server.kubeconfig): void {
  platform = createKubernetesPlatform({
    kubeconfig,
    cluster: 'eu-1',
    log: (code, text) => said.push(`${code}: ${text}`),
    timing,
    endpointsTiming: { rememberMs: 1_000 },
  })
  platform.follow({
    onEndpoints: (endpoints) => told.push(endpoints),
    onReplacements() {},
    onTroubles() {},
    onTrouble: (text) => troubles.push(text),
  })
}

const backend = (release: string): Backend => ({
  app: 'shop',
  release,
  version: '1',
  platform: 'kubernetes',
})
const workload = (release: string): Workload => ({
  app: 'shop',
  release,
  version: '1',
  copies: 1,
  kubernetes: { namespace: 'shop', port: 8080, template: 'shop', image: 'shop:1' },
})
const serve = (...releases: string[]) =>
  platform.setBackends(releases.map(backend), releases.map(workload))
const put = (like: SliceLike) => server.put(sliceOf(like))
const addresses = (release = 'shop-r1') => told.at(-1)?.[release]?.map(({ address }) => address)
const watching = () => until('a watch', () => server.watcherCount() === 1)

describe('the endpoints of releases in Kubernetes', () => {
  it('come and go with the slices', async () => {
    put({ endpoints: ['10.0.0.1'] })
    follow()
    serve('shop-r1')
    await until('the first', () => addresses()?.join() === '10.0.0.1')
    await watching()
    put({ endpoints: ['10.0.0.1', { address: '10.0.0.2', pod: 'two' }] })
    await until('another', () => addresses()?.join() === '10.0.0.1,10.0.0.2')
    const pod = platform.pods?.().get('10.0.0.2 8080')
    expect(pod).toEqual({ name: 'two', uid: 'uid-two', node: 'node-1', zone: 'zone-a' })
    put({ endpoints: [] })
    await until('none', () => addresses()?.length === 0)
    server.remove('shop-r1-abcde')
    await until('no slice', () => addresses() === undefined)
    expect(troubles).toEqual([])
  })

  it('of a slice that is deleted stay for a while: the pods may live', async () => {
    put({ endpoints: ['10.0.0.1'] })
    follow()
    serve('shop-r1')
    await watching()
    await until('the first', () => addresses()?.join() === '10.0.0.1')
    server.remove('shop-r1-abcde')
    await until('it is noticed', () => said.join().includes('slices-deleted: shop-r1 has no'))
    expect(addresses()).toEqual(['10.0.0.1'])
    put({ name: 'new', endpoints: ['10.0.0.1', '10.0.0.2'] })
    await until('the new slice', () => addresses()?.join() === '10.0.0.1,10.0.0.2')
    server.remove('new')
    await until('the end of it', () => addresses() === undefined)
  })

  it('are not told before the releases are known: what workers have from before stays', async () => {
    put({ endpoints: ['10.0.0.1'] })
    follow()
    await watching()
    expect(told).toEqual([])
    serve('shop-r1')
    await until('the first', () => told.length > 0)
    expect(addresses()).toEqual(['10.0.0.1'])
  })

  it('are not told before all slices are known', async () => {
    server.answer('list', { status: 503 })
    put({ endpoints: ['10.0.0.1'] })
    follow()
    serve('shop-r1')
    await watching()
    await until('the first', () => told.length > 0)
    expect(told[0]).toEqual({ 'shop-r1': [{ address: '10.0.0.1', port: 8080 }] })
  })

  it('are told together when they change in bursts, the last state always', async () => {
    follow()
    serve('shop-r1')
    await watching()
    await until('the first', () => told.length > 0)
    const before = told.length
    for (let n = 1; n <= 200; n++) put({ endpoints: [`10.0.1.${n}`] })
    await until('the last', () => addresses()?.join() === '10.0.1.200')
    expect(told.length - before).toBeLessThan(50)
  })

  it('of a slice that becomes unusable are taken out, and the log says why, once', async () => {
    put({ endpoints: ['10.0.0.1'] })
    follow()
    serve('shop-r1')
    await until('the first', () => addresses()?.join() === '10.0.0.1')
    await watching()
    for (let n = 0; n < 3; n++) {
      put({ ports: [{ port: 1 }, { port: 2 }], endpoints: ['10.0.0.1'] })
      put({ name: 'good', endpoints: [`10.0.0.${n + 2}`] })
    }
    await until('the good ones', () => addresses()?.join() === '10.0.0.4')
    expect(said).toEqual([
      'slice-refused: EndpointSlice shop/shop-r1-abcde: name one of its TCP ports http, or leave it only one',
    ])
  })

  it('stay as they were while the API server is away, and it is said when it is back', async () => {
    put({ endpoints: ['10.0.0.1'] })
    follow()
    serve('shop-r1')
    await until('the first', () => addresses()?.join() === '10.0.0.1')
    await watching()
    await server.away()
    await until('trouble', () => troubles.length === 1)
    serve('shop-r1', 'shop-r2')
    expect(addresses()).toEqual(['10.0.0.1'])
    const before = told.length
    await server.back()
    await until('its return', () => told.length > before)
    expect(addresses()).toEqual(['10.0.0.1'])
    expect(troubles).toHaveLength(1)
  })

  it('stay beside those of an older state that the API server was restored to, for a while', async () => {
    put({ endpoints: ['10.0.0.1'] })
    const former = server.copy()
    put({ endpoints: ['10.0.0.2', { address: '10.0.0.3', pod: 'three' }] })
    follow()
    serve('shop-r1', 'shop-r2')
    await until('the newer', () => addresses()?.join() === '10.0.0.2,10.0.0.3')
    await watching()
    server.restore(former)
    await until('both', () => addresses()?.join() === '10.0.0.1,10.0.0.2,10.0.0.3')
    expect(said.join()).toContain('slices-went-back')
    // Its address is another's now.
    put({ name: 'other', release: 'shop-r2', endpoints: ['10.0.0.3'] })
    put({ endpoints: ['10.0.0.4'] })
    await until('no foreign one', () => addresses()?.join() === '10.0.0.4,10.0.0.2')
    await until('the end of it', () => addresses()?.join() === '10.0.0.4')
  })
})

describe('a kubeconfig', () => {
  it('may come later than the agent', async () => {
    const file = `${server.kubeconfig}.late`
    put({ endpoints: ['10.0.0.1'] })
    follow(file)
    serve('shop-r1')
    await until('trouble', () => troubles.length === 1)
    expect(troubles[0]).toContain('the way to Kubernetes is not known: ENOENT')
    copyFileSync(server.kubeconfig, file)
    await until('the endpoints', () => addresses()?.join() === '10.0.0.1')
    expect(troubles).toHaveLength(1)
  })

  it('that never comes does not hold up the end', async () => {
    follow('/nowhere/kubeconfig')
    await until('trouble', () => troubles.length === 1)
    await platform.close()
  })
})

/** Prints how many files of the library `module` loads. */
const loadedBy = (module: string) => `
  import { registerHooks } from 'node:module'
  let count = 0
  registerHooks({
    load(url, context, next) {
      if (url.includes('@kubernetes/client-node')) count++
      return next(url, context)
    },
  })
  ${module}
  console.log(count)
  process.exit()
`
const load = async (module: string) => {
  const args = ['--input-type=module', '--eval', loadedBy(module)]
  const cwd = new URL('../../..', import.meta.url)
  return Number((await promisify(execFile)(process.execPath, args, { cwd })).stdout)
}

const patient = { timeout: 60_000 }

it(
  'the library, which takes 70 MB, is loaded for a kubeconfig alone, and never in a pod',
  patient,
  async () => {
    follow()
    expect(await load("await import('./agent/worker/served.ts')")).toBe(0)
    expect(await load("await import('./agent/pilot/outside.ts')")).toBe(0)
    expect(await load("await import('./agent/platform/kubernetes/kubernetes.ts')")).toBe(0)
    const opened = (...args: readonly unknown[]) =>
      `const { openAccess } = await import('./agent/platform/kubernetes/api/access.ts')
     await openAccess(${args.map((one) => JSON.stringify(one)).join()})`
    const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' }
    const account = dirname(server.kubeconfig)
    for (const name of ['token', 'namespace', 'ca.crt']) writeFileSync(join(account, name), name)
    expect(await load(opened(null, { folder: account, env }))).toBe(0)
    expect(await load(opened(server.kubeconfig))).toBeGreaterThan(100)
  },
)

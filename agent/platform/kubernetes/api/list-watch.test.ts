import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../../../pilot/fleet.fixture.ts'
import { sliceOf } from '../endpoints/slices/slices.fixture.ts'
import { type FakeApiServer, type Slice, startFakeApiServer } from './api-server.fixture.ts'
import { createKubernetesClient, type KubernetesClient } from './client.ts'
import type { KubernetesError } from './kubernetes-error.ts'
import { followObjects, type ListWatchTiming } from './list-watch.ts'

/** A second lasts 40 ms at the server. */
const quick: ListWatchTiming = {
  watchSeconds: 5,
  graceMs: 0,
  relistMs: 60_000,
  backoff: { firstMs: 5, mostMs: 40 },
  steadyMs: 1_000,
}
const patient: ListWatchTiming = { ...quick, watchSeconds: 500 }

let server: FakeApiServer
let client: KubernetesClient
let stopping: AbortController
let following: Promise<void>
let troubles: string[]
let lists: number
let backwards: number
/** Version of each object that is known. */
let known: Map<string, string>

beforeEach(async () => {
  server = await startFakeApiServer(40)
  client = await createKubernetesClient(server.kubeconfig)
  stopping = new AbortController()
  following = Promise.resolve()
  troubles = []
  lists = 0
  backwards = 0
  known = new Map()
})
afterEach(async () => {
  stopping.abort()
  await following
  client.close()
  await server.stop()
})

function follow(
  timing: ListWatchTiming,
  goesOn = (_error: unknown) => true,
  countMax?: number,
): void {
  const set = ({ metadata: { name, resourceVersion = '' } }: Slice) =>
    known.set(name, resourceVersion)
  const followed = {
    path: '/apis/discovery.k8s.io/v1/endpointslices',
    labelSelector: 'switchyard.dev/release',
    ...(countMax !== undefined && { countMax }),
    read: (object: unknown) => object as Slice,
    onListed(objects: readonly Slice[], wentBack: boolean) {
      lists++
      if (wentBack) backwards++
      known.clear()
      objects.forEach(set)
    },
    onChanged: set,
    onRemoved: ({ metadata }: Slice) => known.delete(metadata.name),
    onTrouble: (text: string) => troubles.push(text),
    goesOn,
  }
  following = followObjects(client, followed, stopping.signal, timing)
}
const gone = { kind: 'Status', reason: 'Expired', message: 'too old', code: 410 }
const put = (name: string) => server.put(sliceOf({ name }))
const names = () => [...known.keys()].sort().join(' ')
const watching = () => until('a watch', () => server.watcherCount() === 1)
const watches = () => server.seen.filter(({ what }) => what === 'watch')

describe('a collection that is followed', () => {
  it('is what is listed, then every change', async () => {
    put('a')
    put('b')
    follow(patient)
    await watching()
    expect(names()).toBe('a b')
    put('c')
    server.remove('a')
    put('b')
    await until('the changes', () => names() === 'b c' && known.get('b') === `${server.version()}`)
    expect(lists).toBe(1)
    expect(server.seen[0]!.query.get('labelSelector')).toBe('switchyard.dev/release')
    expect(watches()[0]!.query.get('allowWatchBookmarks')).toBe('true')
    expect(troubles).toEqual([])
  })

  it('is listed in pages', async () => {
    for (let n = 0; n < 65; n++) put(`s${n}`)
    follow(patient)
    await watching()
    expect(known.size).toBe(65)
    const pages = server.seen.filter(({ what }) => what === 'list')
    expect(pages.map(({ query }) => query.get('limit'))).toEqual(['25', '25', '25'])
    expect(lists).toBe(1)
  })

  it('is listed from the beginning when a page is too old', async () => {
    for (let n = 0; n < 40; n++) put(`s${n}`)
    server.answer('next-page', { status: 410, body: gone })
    follow(patient)
    await watching()
    expect(known.size).toBe(40)
    expect(troubles).toEqual([])
    const pages = server.seen.filter(({ what }) => what === 'list')
    expect(pages.map(({ query }) => query.has('continue'))).toEqual([false, true, false, true])
    expect(lists).toBe(1)
  })

  it('of more objects than an agent takes is a trouble, and what was known stays', async () => {
    for (let n = 0; n < 120; n++) put(`s${n}`)
    follow({ ...quick, relistMs: 100 }, undefined, 120)
    await until('it is known', () => known.size === 120)
    put('one-too-many')
    await until('a word', () => troubles.length > 0)
    expect(troubles[0]).toContain('has more than 120 objects')
    expect(known.has('s0')).toBe(true)
    server.remove('s1')
    server.remove('s2')
    const before = lists
    await until('it fits again', () => lists > before && known.size === 119)
  })

  it('that is forgotten again and again is told', async () => {
    for (let n = 0; n < 7; n++) server.answer('watch', { status: 410, body: gone })
    follow(patient)
    await watching()
    expect(troubles).toHaveLength(1)
    expect(troubles[0]).toContain('410 Expired: too old')
  })

  it('is watched on from where a watch ended, without a new list', async () => {
    follow(quick)
    await until('three watches', () => watches().length >= 3)
    put('a')
    await until('the change', () => names() === 'a')
    await until('another watch', () => watches().length >= 5)
    expect(lists).toBe(1)
    expect(troubles).toEqual([])
    expect(watches().at(-1)!.query.get('resourceVersion')).toBe(`${server.version()}`)
  })
})

describe('a watch is not believed', () => {
  it('when it breaks', async () => {
    follow(patient)
    await watching()
    put('a')
    server.cut()
    await until('another list', () => lists === 2)
    await watching()
    expect(names()).toBe('a')
    expect(troubles).toEqual([])
  })

  it('when it falls silent: that is found in bounded time, and said', async () => {
    follow({ ...quick, watchSeconds: 0.1, graceMs: 0 })
    await watching()
    server.silence(true)
    put('a')
    await until('what happened meanwhile', () => names() === 'a')
    expect(troubles[0]).toContain('a watch was silent: it did not end within')
  })

  it('when it ends without a bookmark, as one from a version that there has never been', async () => {
    const former = server.copy()
    for (let n = 0; n < 10; n++) put(`s${n}`)
    follow(quick)
    await watching()
    // The connection survives, and the server has gone back: whatever comes is older than what was seen.
    server.restore(former, 'watches-live')
    put('a')
    await until('the older state', () => names() === 'a')
  })

  it('when a version goes back', async () => {
    const former = server.copy()
    for (let n = 0; n < 10; n++) put(`s${n}`)
    follow(patient)
    await watching()
    server.restore(former, 'watches-live')
    const object = { metadata: { name: '', namespace: '', resourceVersion: '3' } }
    server.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`)
    await until('the older state', () => names() === '')
  })

  it('for longer than the time of a list, although it lives', async () => {
    follow({ ...quick, relistMs: 300 })
    await watching()
    server.blindness(true)
    put('a')
    await until('what was missed', () => names() === 'a')
    expect(troubles).toEqual([])
  })

  it.each([
    ['an answer', { status: 410, body: gone }],
    ['an event', { status: 200, body: `${JSON.stringify({ type: 'ERROR', object: gone })}\n` }],
  ])('when what it was to go on from is forgotten, said as %s', async (_what, answer) => {
    put('a')
    server.answer('watch', answer)
    follow(patient)
    await watching()
    expect(lists).toBe(2)
    put('b')
    await until('the change', () => names() === 'a b')
    expect(troubles).toEqual([])
  })

  it.each([
    ['not JSON', 'oops\n'],
    ['not an event', '{"kind":"Status"}\n'],
    ['too long', `${' '.repeat(4_194_305)}\n`],
  ])('when it says what is %s', async (_what, text) => {
    follow(patient)
    await watching()
    server.write(text)
    await until('another list', () => lists === 2)
    expect(troubles).toHaveLength(1)
  })
})

describe('a server that is away', () => {
  it('is waited for, is told once, and what was known stays', async () => {
    put('a')
    follow(patient)
    await watching()
    await server.away()
    await until('trouble', () => troubles.length > 0)
    await delay(200)
    expect(troubles).toHaveLength(1)
    expect(troubles[0]).toContain('cannot be reached')
    expect(names()).toBe('a')
    put('b')
    await server.back()
    await until('what happened meanwhile', () => names() === 'a b')
    expect(backwards).toBe(0)
    await watching()
    await server.away()
    await until('trouble again', () => troubles.length === 2)
    await server.back()
  })

  it('that refuses with 500 is asked again, and its words are told', async () => {
    const body = { kind: 'Status', reason: 'InternalError', message: 'etcdserver: leader changed' }
    for (let n = 0; n < 3; n++) server.answer('list', { status: 500, body })
    follow(patient)
    await watching()
    expect(troubles).toHaveLength(1)
    expect(troubles[0]).toContain('500 InternalError: etcdserver: leader changed')
  })

  it('that is asked too often is left alone for as long as it says', async () => {
    server.answer('list', { status: 429, headers: { 'retry-after': '1' } })
    const startMs = performance.now()
    follow(patient)
    await watching()
    expect(performance.now() - startMs).toBeGreaterThan(1_000)
    expect(server.seen).toHaveLength(3)
  })

  it('that refuses the watch alone is not asked in a loop', async () => {
    for (let n = 0; n < 100; n++) server.answer('watch', { status: 403 })
    put('a')
    follow({ ...patient, backoff: { firstMs: 20, mostMs: 200 } })
    await delay(500)
    expect(names()).toBe('a')
    expect(troubles).toHaveLength(1)
    expect(watches().length).toBeGreaterThan(2)
    expect(watches().length).toBeLessThan(12)
  })

  it('that refuses for good is given up where its asker says so, without a word', async () => {
    server.answer('list', { status: 500 })
    server.answer('watch', { status: 403 })
    follow(patient, (error) => (error as KubernetesError).status !== 403)
    await following
    expect(troubles).toHaveLength(1)
    expect(troubles[0]).toContain('500')
    expect(server.seen.map(({ what }) => what)).toEqual(['list', 'list', 'watch'])
  })

  it('that restarts from an older state is followed', async () => {
    put('a')
    const former = server.copy()
    put('b')
    server.remove('a')
    follow(patient)
    await watching()
    expect(names()).toBe('b')
    server.restore(former)
    await until('the older state', () => names() === 'a')
    put('c')
    await until('what comes after it', () => names() === 'a c')
    expect(backwards).toBe(1)
  })
})

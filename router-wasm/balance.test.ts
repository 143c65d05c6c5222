/** Which endpoint gets a request, in each of the ways that a route may ask for. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { LoadBalance } from '#wire/filter.ts'
import { compileTable } from './compile.ts'
import * as at from './layout.ts'
import { live, position, prefix, route } from './objects.cases.ts'
import { createRouter, type EndpointInput } from './router.ts'
import { endpointKey } from './slots.ts'
import { finish, hashText } from './table-hash.ts'

const wasm = readFileSync(new URL('./build/router.wasm', import.meta.url))
const endpoints = (count: number): EndpointInput[] =>
  Array.from({ length: count }, (_, n) => ({ address: `10.0.${n >> 8}.${n & 255}`, port: 8080 }))

interface Asked {
  readonly path?: string
  readonly fields?: string
  readonly address?: string
}

function serve(loadBalance: LoadBalance | undefined, list: readonly EndpointInput[]) {
  const object = route('a', [prefix('/')], loadBalance ? { loadBalance } : {})
  const compiled = compileTable([...live, object])
  if (!compiled.ok) throw new Error(compiled.reason)
  const router = createRouter({ wasm, zones: 2, tableBytes: 0x10000 })
  expect(router.loadTable(compiled.bytes)).toBe(null)
  router.setPositions([position('shop', 1, { 'shop-r1': 1 })])
  router.setEndpoints('shop-r1', list)
  /** The slot that a request gets; it stays in progress. */
  const ask = ({ path = '/', fields = '', address = '192.0.2.1' }: Asked = {}): number => {
    router.setClient({ address, port: 1, localPort: 80, tls: false })
    const head = `GET ${path} HTTP/1.1\r\nHost: shop.example\r\n${fields}\r\n`
    const start = router.zone(0)
    router.memory.set(Buffer.from(head), start)
    expect(router.request(start, start + head.length, router.zone(1))).toBe(head.length)
    return router.words[(at.VERDICT + at.VERDICT_SLOT) >> 2]!
  }
  const endpointOf = (asked?: Asked): string => {
    const slot = ask(asked)
    router.release(slot)
    return endpointKey(router.endpointOf(slot))
  }
  return { router, ask, endpointOf }
}

/** Rendezvous by its definition. */
function highest(list: readonly EndpointInput[], key: string): string {
  const scored = list.map((endpoint) => {
    const name = endpointKey(endpoint)
    return { name, score: finish(hashText(0, key), hashText(0, name)) }
  })
  return scored.reduce((best, one) => (one.score > best.score ? one : best)).name
}

describe('in turn', () => {
  test('each endpoint gets every n-th request, however many it has in progress', () => {
    const { ask } = serve({ type: 'round-robin' }, endpoints(3))
    const slots = Array.from({ length: 9 }, () => ask())
    expect(new Set(slots.slice(0, 3)).size).toBe(3)
    expect(slots.slice(3)).toEqual([...slots.slice(0, 3), ...slots.slice(0, 3)])
  })

  test('where nothing is asked for, who has the fewest in progress gets the next', () => {
    const { ask, router } = serve(undefined, endpoints(3))
    const [first, second, third] = [ask(), ask(), ask()]
    expect(new Set([first, second, third]).size).toBe(3)
    router.release(second)
    expect([ask(), ask()][0]).toBe(second)
  })
})

test('at random every endpoint is drawn, and none gets far more than its share', () => {
  const count = 16
  const { endpointOf } = serve({ type: 'random' }, endpoints(count))
  const drawn = new Map<string, number>()
  const requests = 16_000
  for (let n = 0; n < requests; n++) {
    const endpoint = endpointOf()
    drawn.set(endpoint, (drawn.get(endpoint) ?? 0) + 1)
  }
  expect(drawn.size).toBe(count)
  const share = requests / count
  expect(Math.max(...drawn.values())).toBeLessThan(share * 1.25)
  expect(Math.min(...drawn.values())).toBeGreaterThan(share * 0.75)
})

test('at random the busier of two is not taken', () => {
  const { ask, router } = serve({ type: 'random' }, endpoints(8))
  const inFlight = new Map<number, number>()
  for (let n = 0; n < 800; n++) {
    const slot = ask()
    inFlight.set(slot, (inFlight.get(slot) ?? 0) + 1)
  }
  // One choice would spread by about 10 (the root of 100); two stay within a few (Mitzenmacher).
  expect(Math.max(...inFlight.values()) - Math.min(...inFlight.values())).toBeLessThan(10)
  expect(router.endpointCounts()).toEqual({ 'shop-r1': 8 })
})

describe('by a key', () => {
  const list = endpoints(50)
  const ways: [name: string, loadBalance: LoadBalance, asked: (key: string) => Asked][] = [
    ['path', { type: 'path' }, (key) => ({ path: `/${key}?n=${Math.random()}` })],
    ['header', { type: 'header', header: 'x-user' }, (key) => ({ fields: `X-User: ${key}\r\n` })],
    ['client-address', { type: 'client-address' }, (key) => ({ address: key })],
  ]
  const keyOf = (name: string, n: number) =>
    name === 'client-address' ? `198.51.${n >> 8}.${n & 255}` : `user-${n}`
  const hashed = (name: string, key: string) => (name === 'path' ? `/${key}` : key)

  for (const [name, loadBalance, asked] of ways) {
    test(`${name}: the endpoint is the one of the definition, at every agent`, () => {
      const here = serve(loadBalance, list)
      const there = serve(loadBalance, [...list].reverse())
      for (let n = 0; n < 300; n++) {
        const key = keyOf(name, n)
        const endpoint = here.endpointOf(asked(key))
        expect(endpoint).toBe(highest(list, hashed(name, key)))
        expect(there.endpointOf(asked(key))).toBe(endpoint)
      }
    })
  }

  test('when an endpoint goes, only its own keys move, and they come back with it', () => {
    const { endpointOf, router } = serve({ type: 'path' }, list)
    const keys = Array.from({ length: 500 }, (_, n) => ({ path: `/${n}` }))
    const before = keys.map((key) => endpointOf(key))
    const gone = endpointKey(list[7]!)
    router.setEndpoints(
      'shop-r1',
      list.filter((_, n) => n !== 7),
    )
    keys.forEach((key, n) => {
      if (before[n] === gone) expect(endpointOf(key)).not.toBe(gone)
      else expect(endpointOf(key)).toBe(before[n])
    })
    router.setEndpoints('shop-r1', list)
    expect(keys.map((key) => endpointOf(key))).toEqual(before)
    expect(before).toContain(gone)
  })

  test('keys are spread over all endpoints', () => {
    const { endpointOf } = serve({ type: 'path' }, endpoints(10))
    const counts = new Map<string, number>()
    for (let n = 0; n < 10_000; n++) {
      const endpoint = endpointOf({ path: `/item/${n}` })
      counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1)
    }
    expect(counts.size).toBe(10)
    expect(Math.max(...counts.values())).toBeLessThan(1_200)
    expect(Math.min(...counts.values())).toBeGreaterThan(800)
  })

  test('who has no such header goes where the fewest requests are in progress', () => {
    const { ask } = serve({ type: 'header', header: 'x-user' }, endpoints(3))
    expect(new Set([ask(), ask(), ask()]).size).toBe(3)
  })
})

test('without endpoints it is a 503, in every way', () => {
  for (const type of ['round-robin', 'random', 'path', 'client-address'] as const) {
    const { router } = serve({ type }, [])
    const head = 'GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n'
    const start = router.zone(0)
    router.memory.set(Buffer.from(head), start)
    expect(router.request(start, start + head.length, router.zone(1))).toBe(-503)
  }
})

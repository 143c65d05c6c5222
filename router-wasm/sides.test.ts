/** Tables, positions and endpoints come in any order and by name; requests in flight survive all of it. */
import { readFileSync } from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import { limits } from '#wire/limits.ts'
import type { SnapshotObject } from '#wire/object.ts'
import { compileTable } from './compile.ts'
import * as at from './layout.ts'
import { backend, route } from './objects.cases.ts'
import { createRouter, type EndpointInput, type Router } from './router.ts'

const wasm = new WebAssembly.Module(readFileSync(new URL('./build/router.wasm', import.meta.url)))
let router: Router
beforeEach(() => {
  router = createRouter({ wasm, zones: 3, tableBytes: 0x100000 })
})

const tableOf = (...objects: SnapshotObject[]): Uint8Array => {
  const compiled = compileTable(objects)
  if (!compiled.ok) throw new Error(compiled.reason)
  return compiled.bytes
}
const at1 = (port: number): EndpointInput => ({ address: '10.0.0.1', port })
const ports = (first: number, count: number) =>
  Array.from({ length: count }, (_, n) => at1(first + n))
const word = (offset: number) => router.words[(at.VERDICT + offset) >> 2]!
const inFlight = (slot: number) =>
  router.words[(at.SLOTS + slot * at.SLOT_BYTES + at.SLOT_IN_FLIGHT) >> 2]!

/** Sends one request for a host. Gives the status, or the release, endpoint and slot. */
function ask(host = 'shop.example') {
  const head = Buffer.from(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  router.memory.set(head, router.zone(0))
  const status = router.request(router.zone(0), router.zone(0) + head.length, router.zone(1))
  if (status <= 0) return { status: -status, release: '', port: 0, slot: -1, backend: -1 }
  const slot = word(at.VERDICT_SLOT)
  const backend = word(at.VERDICT_BACKEND)
  const { port } = router.endpointOf(slot)
  return { status: 200, release: router.releaseOf(backend), port, slot, backend }
}

const shop = [route('a'), backend('shop-r1'), backend('shop-r2')]
const put = (release: string, generation = 1) =>
  router.setPositions([{ app: 'shop', generation, weights: [{ release, weight: 1 }] }])

describe('tables, positions and endpoints', () => {
  test('nothing is answered before there is a table', () => {
    expect(ask().status).toBe(503)
    expect(router.tableBytes().length).toBe(0)
    expect(router.positions()).toEqual({})
    expect(router.endpointCounts()).toEqual({})
  })

  for (const order of ['tpe', 'tep', 'pte', 'pet', 'etp', 'ept']) {
    test(`they come in the order ${order}`, () => {
      for (const step of order) {
        if (step === 't') expect(router.loadTable(tableOf(...shop))).toBe(null)
        else if (step === 'p') put('shop-r1', 2 ** 40 + 7)
        else router.setEndpoints('shop-r1', [at1(1)])
      }
      expect(ask()).toMatchObject({ status: 200, release: 'shop-r1', port: 1 })
      expect(router.positions()).toEqual({ shop: 2 ** 40 + 7 })
      expect(router.endpointCounts()).toEqual({ 'shop-r1': 1 })
    })
  }

  test('the served bytes are the loaded ones', () => {
    const bytes = tableOf(...shop)
    router.loadTable(bytes)
    expect(router.tableBytes()).toEqual(bytes)
  })

  test('a switch is one position', () => {
    router.loadTable(tableOf(...shop))
    router.setEndpoints('shop-r1', [at1(1)])
    router.setEndpoints('shop-r2', [at1(2)])
    put('shop-r1', 1)
    expect(ask().release).toBe('shop-r1')
    put('shop-r2', 2)
    expect(ask().release).toBe('shop-r2')
    put('shop-r1', 3)
    expect(ask().release).toBe('shop-r1')
  })

  test('a release whose endpoints have gone is a 503', () => {
    router.loadTable(tableOf(...shop))
    put('shop-r1')
    router.setEndpoints('shop-r1', [at1(1)])
    expect(ask().status).toBe(200)
    router.setEndpoints('shop-r1', [])
    expect(ask().status).toBe(503)
    expect(router.endpointCounts()).toEqual({})
  })

  test('positions and endpoints survive tables that number everything anew', () => {
    router.loadTable(tableOf(...shop))
    put('shop-r2', 4)
    router.setEndpoints('shop-r2', [at1(2)])
    const before = ask()
    const others = ['aaa', 'bbb', 'zzz'].flatMap((app) => [
      route(app, undefined, { key: `route/${app}/x`, app, hosts: [`${app}.example`] }),
      backend(`${app}-r1`),
    ])
    for (let n = 0; n < 5; n++) {
      expect(router.loadTable(tableOf(...shop, ...others.slice(0, 2 + n)))).toBe(null)
      expect(ask()).toMatchObject({ release: 'shop-r2', port: 2, backend: before.backend })
      expect(router.positions()).toEqual({ shop: 4 })
    }
    expect(router.releaseOf(before.backend)).toBe('shop-r2')
  })

  test('a position waits for the table that has its release; the former one stays meanwhile', () => {
    const [a, r1] = shop
    router.loadTable(tableOf(a!, r1!))
    router.setEndpoints('shop-r1', [at1(1)])
    router.setEndpoints('shop-r2', [at1(2)])
    put('shop-r1', 1)
    put('shop-r2', 2)
    expect(ask().release).toBe('shop-r1')
    expect(router.positions()).toEqual({ shop: 1 })
    // Another table without it changes nothing either.
    router.loadTable(tableOf(a!, r1!, backend('shop-r9')))
    expect(ask().release).toBe('shop-r1')
    router.loadTable(tableOf(...shop))
    expect(ask().release).toBe('shop-r2')
    expect(router.positions()).toEqual({ shop: 2 })
  })

  test('an app that leaves the table and comes back has its position', () => {
    router.loadTable(tableOf(...shop))
    router.setEndpoints('shop-r1', [at1(1)])
    put('shop-r1', 6)
    router.loadTable(tableOf())
    expect(ask().status).toBe(404)
    expect(router.positions()).toEqual({})
    router.loadTable(tableOf(...shop))
    expect(ask().release).toBe('shop-r1')
    expect(router.positions()).toEqual({ shop: 6 })
  })

  test('a refused table changes nothing', () => {
    const bytes = tableOf(...shop)
    router.loadTable(bytes)
    put('shop-r1')
    router.setEndpoints('shop-r1', [at1(1)])
    const broken = tableOf(...shop, route('b'))
    broken[40]! ^= 1
    expect(router.loadTable(broken)).toBe('the table is refused: its checksum is wrong')
    expect(router.loadTable(new Uint8Array(0x100001))).toBe(
      'the table is larger than 1048576 bytes',
    )
    expect(router.loadTable(new Uint8Array(0x100000))).toBe(
      'the table is refused: it is not a table',
    )
    expect(ask()).toMatchObject({ release: 'shop-r1', port: 1 })
    expect(router.tableBytes()).toEqual(bytes)
  })
})

describe('weights', () => {
  const weigh = (generation: number, one: number, two: number) =>
    router.setPositions([
      {
        app: 'shop',
        generation,
        weights: [
          { release: 'shop-r1', weight: one },
          { release: 'shop-r2', weight: two },
        ],
      },
    ])
  const count = (requests: number) => {
    let ones = 0
    for (let n = 0; n < requests; n++) {
      const { release, slot } = ask()
      router.release(slot)
      if (release === 'shop-r1') ones++
    }
    return ones
  }
  beforeEach(() => {
    router.loadTable(tableOf(...shop))
    router.setEndpoints('shop-r1', [at1(1)])
    router.setEndpoints('shop-r2', [at1(2)])
  })

  test('are exact over each cycle, wherever it begins', () => {
    weigh(1, 3, 7)
    for (let cycle = 0; cycle < 5; cycle++) expect(count(10)).toBe(3)
    count(4)
    expect(count(10)).toBe(3)
  })

  test('of a million are exact too', () => {
    weigh(1, 1, 1_000_000)
    expect(count(1_000_001)).toBe(1)
  })

  test('are spread evenly', () => {
    weigh(1, 1, 1)
    for (let n = 0; n < 10; n++) expect(count(2)).toBe(1)
  })

  test('of 0 get nothing', () => {
    weigh(1, 0, 5)
    expect(count(20)).toBe(0)
  })

  test('go on where they were when the table changes', () => {
    weigh(1, 1, 9)
    let ones = 0
    for (let n = 0; n < 100; n++) {
      router.loadTable(tableOf(...shop, route(`r${n}`, undefined, { hosts: ['b.example'] })))
      ones += count(1)
    }
    expect(ones).toBe(10)
  })
})

describe('endpoints', () => {
  beforeEach(() => {
    router.loadTable(tableOf(...shop))
    put('shop-r1')
  })

  test('take turns while they are equally busy', () => {
    router.setEndpoints('shop-r1', ports(1, 256))
    const seen = new Map<number, number>()
    for (let n = 0; n < 2560; n++) {
      const { port, slot } = ask()
      router.release(slot)
      seen.set(port, (seen.get(port) ?? 0) + 1)
    }
    expect([...seen.values()]).toEqual(Array(256).fill(10))
  })

  test('with fewer requests in flight come first', () => {
    router.setEndpoints('shop-r1', ports(1, 3))
    const held = Array.from({ length: 9 }, () => ask())
    const ofPort = (port: number) => held.filter((one) => one.port === port)
    expect([1, 2, 3].map((port) => ofPort(port).length)).toEqual([3, 3, 3])
    for (const { slot } of ofPort(2)) router.release(slot)
    expect([ask().port, ask().port, ask().port]).toEqual([2, 2, 2])
  })

  test('are never one request further apart than their number, however long requests take', () => {
    router.setEndpoints('shop-r1', ports(1, 256))
    const held = Array.from({ length: 256 * 20 }, () => ask().slot)
    expect(new Set([...new Set(held)].map(inFlight))).toEqual(new Set([20]))
  })

  test('a retry goes to another one', () => {
    router.setEndpoints('shop-r1', ports(1, 2))
    const first = ask()
    const other = router.reselect(first.backend, first.slot)
    expect(router.endpointOf(other).port).not.toBe(first.port)
    expect([inFlight(first.slot), inFlight(other)]).toEqual([1, 1])
    router.setEndpoints('shop-r1', [at1(first.port)])
    expect(router.reselect(first.backend, first.slot)).toBe(-1)
  })

  test('a retry after a flip goes to the same release', () => {
    router.setEndpoints('shop-r1', ports(1, 2))
    router.setEndpoints('shop-r2', [at1(9)])
    const first = ask()
    router.loadTable(tableOf(...shop, backend('aaa-r1')))
    put('shop-r2', 2)
    const other = router.reselect(first.backend, first.slot)
    expect(router.endpointOf(other).port).toBe(3 - first.port)
  })

  test('requests in flight survive new tables and new lists', () => {
    router.setEndpoints('shop-r1', ports(1, 2))
    const first = ask()
    router.loadTable(tableOf(...shop, backend('aaa-r1')))
    router.setEndpoints('shop-r1', ports(1, 5))
    expect(inFlight(first.slot)).toBe(1)
    expect(router.endpointOf(first.slot).port).toBe(first.port)
    router.release(first.slot)
    expect(inFlight(first.slot)).toBe(0)
  })

  test('a slot is not given anew while a request uses it', () => {
    router.setEndpoints('shop-r1', [at1(1)])
    const first = ask()
    router.setEndpoints('shop-r1', [at1(2)])
    expect(router.endpointOf(first.slot).port).toBe(1)
    expect(ask().slot).not.toBe(first.slot)
    // The endpoint comes back to the slot that still counts for it.
    router.setEndpoints('shop-r1', [at1(1)])
    expect(ask().slot).toBe(first.slot)
    expect(inFlight(first.slot)).toBe(2)
  })

  test('of two releases with one address share its slot', () => {
    router.setEndpoints('shop-r1', [at1(1)])
    router.setEndpoints('shop-r2', [at1(1)])
    const first = ask()
    router.setEndpoints('shop-r1', [])
    put('shop-r2', 2)
    expect(ask().slot).toBe(first.slot)
  })

  test('an address that is listed twice counts once', () => {
    router.setEndpoints('shop-r1', [at1(1), at1(1)])
    expect(router.endpointCounts()).toEqual({ 'shop-r1': 1 })
  })

  test('a release counted more often than begun is a bug', () => {
    router.setEndpoints('shop-r1', [at1(1)])
    const { slot } = ask()
    router.release(slot)
    expect(() => router.release(slot)).toThrow()
  })

  test(`${limits.endpointsPerAgent} have a slot, and no more`, () => {
    const half = limits.endpointsPerAgent / 2
    router.setEndpoints('shop-r1', ports(1, half))
    router.setEndpoints('shop-r2', ports(20_000, half + 1))
    expect(router.endpointCounts()).toEqual({ 'shop-r1': half, 'shop-r2': half })
    // The one that was left out gets the slot of the first that goes.
    router.setEndpoints('shop-r1', ports(1, half - 1))
    router.setEndpoints('shop-r2', ports(20_000, half + 1))
    expect(router.endpointCounts()).toEqual({ 'shop-r1': half - 1, 'shop-r2': half + 1 })
  })

  test('lists of every length come and go without end', () => {
    for (let n = 0; n < 3000; n++) {
      const release = `shop-r${(n % 3) + 1}`
      const count = (n * 7919) % 1500
      router.setEndpoints(release, ports(1, count))
      expect(router.endpointCounts()[release] ?? 0).toBe(count)
    }
    router.setEndpoints('shop-r1', ports(1, 3))
    const seen = new Set(Array.from({ length: 3 }, () => ask().port))
    expect(seen).toEqual(new Set([1, 2, 3]))
  })
})

test('a zone is 64 KiB, and zones are adjacent', () => {
  expect([router.zoneCount, router.zoneBytes]).toEqual([3, 65536])
  expect(router.zone(2) - router.zone(0)).toBe(131072)
  expect(() => router.zone(3)).toThrow(RangeError)
})

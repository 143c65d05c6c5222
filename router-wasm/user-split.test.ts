/**
 * P10: shares are exact over user keys, and nobody moves back as a share grows. Asked of the router's own
 * WASM, request by request, and of the function that explains it. Keys and seeds are fixed: no run differs.
 */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileTable } from './compile.ts'
import * as at from './layout.ts'
import { backend, route } from './objects.cases.ts'
import { createRouter } from './router.ts'
import { releaseFor, userKeyOf } from './user-split.ts'

const wasm = new WebAssembly.Module(
  readFileSync(new URL('./build/router.wasm', import.meta.url)) as BufferSource,
)
const encoder = new TextEncoder()
const split = (seed: number) => ({ seed, key: { header: 'x-user-id' } })

/** A router with a candidate of some percent; `ask` says which release answers a user. */
function shop() {
  const router = createRouter({ wasm, zones: 3, tableBytes: 65_536 })
  const compiled = compileTable([route('a'), backend('shop-r1'), backend('shop-r2')])
  if (!compiled.ok) throw new Error(compiled.reason)
  expect(router.loadTable(compiled.bytes)).toBeNull()
  for (const release of ['shop-r1', 'shop-r2']) {
    router.setEndpoints(release, [{ address: '127.0.0.1', port: 1 }])
  }
  let generation = 0
  const zone = router.zone(0)
  return {
    share(percent: number, seed = 7) {
      const weights = [
        { release: 'shop-r2', weight: percent },
        { release: 'shop-r1', weight: 100 - percent },
      ]
      router.setPositions([{ app: 'shop', generation: ++generation, weights, split: split(seed) }])
      return weights
    },
    ask(user: string | null): string {
      const line = user === null ? '' : `X-User-Id: ${user}\r\n`
      const head = encoder.encode(`GET / HTTP/1.1\r\nHost: shop.example\r\n${line}\r\n`)
      router.memory.set(head, zone)
      expect(router.request(zone, zone + head.length, router.zone(1))).toBe(head.length)
      router.release(router.words[(at.VERDICT + at.VERDICT_SLOT) >> 2]!)
      return router.releaseOf(router.words[(at.VERDICT + at.VERDICT_BACKEND) >> 2]!)
    },
  }
}

const userCount = 40_000
const kinds: Readonly<Record<string, (n: number) => string>> = {
  'numbers in sequence': (n) => String(n),
  'padded numbers': (n) => `user-${String(n).padStart(8, '0')}`,
  'e-mail addresses': (n) => `somebody.${n * 37}@mail${n % 11}.example`,
  uuids: (n) => {
    const hex = (n * 2_654_435_761).toString(16).padStart(12, '0').slice(-12)
    return `3f2504e0-4f89-41d3-9a0c-${hex}`
  },
}
const users = (kind: keyof typeof kinds) =>
  Array.from({ length: userCount }, (_, n) => kinds[kind]!(n))
const shares = [1, 5, 10, 25, 50, 75, 99]

/** Chi-square with one degree of freedom: 10.83 is exceeded by chance once in 1,000 samples. */
const criticalValue = 10.83
function chiSquare(observed: number, expected: number, count: number): number {
  const difference = (observed - expected) ** 2
  return difference / expected + difference / (count - expected)
}

describe.each(Object.keys(kinds))('users known by %s', (kind) => {
  it.each(shares)('are %i percent of them with the candidate', (percent) => {
    const { share, ask } = shop()
    share(percent)
    const moved = users(kind).filter((user) => ask(user) === 'shop-r2').length
    const expected = (userCount * percent) / 100
    expect(chiSquare(moved, expected, userCount)).toBeLessThan(criticalValue)
  })

  it('stay with the candidate as its share grows', () => {
    const { share, ask } = shop()
    let before = new Set<string>()
    for (const percent of [0, ...shares, 100]) {
      share(percent)
      const now = new Set(
        users(kind)
          .slice(0, 5_000)
          .filter((user) => ask(user) === 'shop-r2'),
      )
      expect([...before].filter((user) => !now.has(user))).toEqual([])
      before = now
    }
    expect(before.size).toBe(5_000)
  })

  it('are drawn anew by another release: sides under two seeds are independent', () => {
    const { share, ask } = shop()
    const side = (seed: number) => {
      share(50, seed)
      return users(kind).map((user) => ask(user) === 'shop-r2')
    }
    const [first, second] = [side(7), side(8)]
    const both = first.filter((is, n) => is && second[n]).length
    const expected = (first.filter(Boolean).length * second.filter(Boolean).length) / userCount
    expect(chiSquare(both, expected, userCount)).toBeLessThan(criticalValue)
  })
})

describe('requests without a key', () => {
  it('take exact turns', () => {
    const { share, ask } = shop()
    share(25)
    const moved = Array.from({ length: 1_000 }, () => ask(null)).filter((id) => id === 'shop-r2')
    expect(moved.length).toBe(250)
  })

  it('are those with an empty one, too', () => {
    expect(userKeyOf(split(1), [{ name: 'X-User-Id', value: '' }])).toBeUndefined()
    const { share, ask } = shop()
    share(50)
    expect(new Set([ask(''), ask('')]).size).toBe(2)
  })
})

it('the router and the reference choose the same side for every key and every share', () => {
  const { share, ask } = shop()
  const key = fc.stringMatching(/^[!-~]{1,60}$/)
  fc.assert(
    fc.property(key, fc.nat(100), fc.nat(0xffff_ffff), (user, percent, seed) => {
      const weights = share(percent, seed)
      expect(ask(user)).toBe(releaseFor(split(seed), weights, user))
    }),
    { numRuns: 2_000, seed: 1 },
  )
})

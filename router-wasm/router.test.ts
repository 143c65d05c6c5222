/** Every routing rule, on the reference and through the one call of the WASM; then random tables. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RouteMatch } from '#wire/app.ts'
import type { RouteObject, SnapshotObject } from '#wire/object.ts'
import { createExplainer } from './explain.ts'
import { backend, live, position, route } from './objects.cases.ts'
import { explain, type PlainRequest } from './reference.ts'
import { routerCases } from './router.cases.ts'

const wasm = readFileSync(new URL('./build/router.wasm', import.meta.url))
const explainer = createExplainer(wasm)
const plain: PlainRequest = { method: 'GET', host: 'shop.example', path: '/', headers: [] }

describe('a routing rule', () => {
  for (const one of routerCases) {
    test(one.name, () => {
      const request = { ...plain, ...one.request }
      const outcome = explainer.explain(one.objects, request)
      if (!outcome.ok) throw new Error(JSON.stringify(outcome))
      const { status, destination, candidates } = outcome.explanation
      expect(outcome.explanation).toEqual(explain(one.objects, request))
      if (typeof one.gives === 'number') {
        expect(status).toBe(one.gives)
        return
      }
      expect(status).toBe(200)
      expect(destination?.route).toBe(`route/shop/${one.gives}`)
      expect(candidates[0]).toMatchObject({ route: `route/shop/${one.gives}`, lost: null })
      expect(candidates.slice(1).every(({ lost }) => lost !== null)).toBe(true)
      if (one.target !== undefined) expect(destination?.target).toBe(one.target)
      if (one.host !== undefined) expect(destination?.host).toBe(one.host)
      if (one.release !== undefined) expect(destination?.releases[0]?.release).toBe(one.release)
    })
  }
})

// Small alphabets, so that random routes and requests meet.
const hosts = [
  'a.example',
  '*.example',
  '*.b.example',
  'x.b.example',
  'b.example',
  '*.a.b.example',
  '*',
]
const segment = fc.constantFrom('a', 'b', 'ab', 'abcdefgh', 'abcdefghi', '%7e', '~', '.a')
const path = fc
  .array(segment, { maxLength: 4 })
  .chain((segments) => fc.constantFrom('', '/').map((slash) => `/${segments.join('/')}${slash}`))
  .map((text) => text.replace(/\/+$/, '/'))
const headers: fc.Arbitrary<RouteMatch['headers']> = fc.array(
  fc.record({
    name: fc.constantFrom('x-a', 'X-A', 'x-b', 'x-team-of-people'),
    value: fc.constantFrom('', '1', 'a value of 20 bytes!'),
  }),
  { maxLength: 3 },
)
const cookies = fc.array(
  fc.record({ name: fc.constantFrom('c', 'C', 'dd'), value: fc.constantFrom('', '1', '22') }),
  { minLength: 1, maxLength: 3 },
)
/** Cookie fields as clients send them, and worse. */
const cookieField = fc
  .array(fc.constantFrom('c=1', 'c=', 'C=1', 'dd=22', 'dd = 1', 'c', '=1', ' c=22 ', ''), {
    maxLength: 4,
  })
  .map((pairs) => ({ name: 'cookie', value: pairs.join(';').trim() }))
const method = fc.constantFrom('GET', 'PUT', 'PROPFIND', 'VERSION-CONTROL')
const match: fc.Arbitrary<RouteMatch> = fc
  .record({
    path: fc.record({
      type: fc.constantFrom('Exact' as const, 'PathPrefix' as const),
      value: path,
    }),
    method: fc.option(method, { nil: undefined }),
    headers: fc.oneof({ weight: 3, arbitrary: fc.constant<RouteMatch['headers']>([]) }, headers),
    cookies: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, cookies),
  })
  .map(({ method: named, cookies: asked, ...rest }) => ({
    ...rest,
    ...(named && { method: named }),
    ...(asked && { cookies: asked }),
  }))
const routes: fc.Arbitrary<RouteObject[]> = fc
  .array(
    fc.record({
      hosts: fc.uniqueArray(fc.constantFrom(...hosts), { minLength: 1, maxLength: 3 }),
      matches: fc.array(match, { minLength: 1, maxLength: 3 }),
      since: fc.integer({ min: 0, max: 2 }),
      app: fc.constantFrom('shop', 'other'),
      release: fc.option(fc.constantFrom('shop-r2', 'shop-r9'), { nil: undefined }),
      replacement: fc.option(fc.oneof(path, fc.constant('')), { nil: undefined }),
      hostname: fc.option(fc.constant('new.example'), { nil: undefined }),
    }),
    { minLength: 1, maxLength: 24 },
  )
  .map((all) =>
    all.map(({ release, replacement, hostname, ...rest }, n) => {
      const prefixes = rest.matches.every(({ path: { type } }) => type === 'PathPrefix')
      const type = prefixes ? ('ReplacePrefixMatch' as const) : ('ReplaceFullPath' as const)
      return route(`r${n}`, [], {
        ...rest,
        ...(release && { release }),
        ...((replacement !== undefined || hostname) && {
          rewrite: {
            ...(replacement !== undefined && { path: { type, value: replacement } }),
            ...(hostname && { hostname }),
          },
        }),
      })
    }),
  )
const requests = fc.array(
  fc.record({
    method,
    host: fc.constantFrom(
      'a.example',
      'b.example',
      'x.b.example',
      'y.x.a.b.example',
      'c.org',
      'A.Example:80',
    ),
    path: fc.tuple(path, fc.constantFrom('', '?q', '/../a', '//a')).map((parts) => parts.join('')),
    headers: fc
      .tuple(headers, fc.array(cookieField, { maxLength: 2 }))
      .map(([some, fields]) => [...some, ...fields]),
  }),
  { minLength: 1, maxLength: 8 },
)

test('random routes and requests: the WASM gives what the reference gives', () => {
  const others: SnapshotObject[] = [
    ...live,
    backend('shop-r2'),
    backend('other-r1'),
    position('other', 3, { 'other-r1': 1 }),
  ]
  const statuses = new Map<number, number>()
  fc.assert(
    fc.property(routes, requests, (some, asked) => {
      const objects = [...some, ...others]
      for (const request of asked) {
        // A disagreement throws.
        const outcome = explainer.explain(objects, request)
        const status = outcome.ok ? outcome.explanation.status : 0
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    }),
    { numRuns: 600 },
  )
  // The alphabets are small enough to meet often.
  for (const status of [200, 404, 503]) expect(statuses.get(status)).toBeGreaterThan(100)
  expect(statuses.get(0) ?? 0).toBeLessThan(100)
})

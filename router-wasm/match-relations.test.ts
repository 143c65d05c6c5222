/** The claims about two matches, held against the reference: random routes, and requests that would refute them. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type RouteObject, routeObject } from '#wire/object.ts'
import {
  accepts,
  contradiction,
  overlapOf,
  type PlacedMatch,
  placed,
  placeOf,
  precedence,
  shadows,
} from './match-relations.ts'
import { explain, type PlainRequest } from './reference.ts'

const host = 'shop.example'
const paths = ['/', '/a', '/a/', '/a/b', '/b', '/%61'] as const
const matches = fc.record(
  {
    path: fc.record({
      type: fc.constantFrom('Exact', 'PathPrefix'),
      value: fc.constantFrom(...paths),
    }),
    method: fc.constantFrom('GET', 'PUT'),
    headers: fc.array(
      fc.record({ name: fc.constantFrom('x', 'y', 'X'), value: fc.constantFrom('1', '2') }),
      { maxLength: 2 },
    ),
  },
  { requiredKeys: ['path'] },
)
const routes = fc
  .array(fc.array(matches, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 })
  .map((all): RouteObject[] =>
    all.map((some, n) =>
      routeObject.parse({
        kind: 'route',
        key: `route/app-${n}/r`,
        app: `app-${n}`,
        hosts: [host],
        matches: some,
        since: n % 2,
      }),
    ),
  )

const headerSets = ['', '1', '2'].flatMap((x) =>
  ['', '1', '2'].map((y) => [
    ...(x ? [{ name: 'x', value: x }] : []),
    ...(y ? [{ name: 'y', value: y }] : []),
  ]),
)
/** Everything that these routes can tell apart. */
const requests: readonly PlainRequest[] = ['GET', 'PUT', 'PATCH'].flatMap((method) =>
  ['/', '/a', '/a/', '/a/b', '/a/b/c', '/a/x', '/b', '/b/x', '/c'].flatMap((path) =>
    headerSets.map((headers) => ({ method, host, path, headers })),
  ),
)

/** By request, the matches that accept it, first the one that wins. */
const accepting = (objects: readonly RouteObject[]) =>
  requests.map((request) =>
    explain(objects, request)
      .candidates.filter(({ lost }) => !lost || /^the (other|route says)/.test(lost))
      .map(({ route, index }) => `${route} ${index}`),
  )
const idOf = ({ key, index }: PlacedMatch) => `${key} ${index}`

describe('two matches on one host', () => {
  it('relate as the reference treats every request', () => {
    fc.assert(
      fc.property(routes, (objects) => {
        const all = objects.flatMap(placed)
        const taken = accepting(objects)
        for (const a of all) {
          for (const b of all) {
            const [idA, idB] = [idOf(a), idOf(b)]
            if (idA === idB) continue
            const both = taken.filter((ids) => ids.includes(idA) && ids.includes(idB))
            expect(overlapOf(a, b) !== null).toBe(both.length > 0)
            for (const ids of both) {
              expect(ids.indexOf(idA) < ids.indexOf(idB)).toBe(precedence(a, b) < 0)
            }
            const outside = taken.some((ids) => ids.includes(idB) && !ids.includes(idA))
            expect(accepts(a, b)).toBe(!outside)
            if (shadows(a, b)) expect(taken.some((ids) => ids[0] === idB)).toBe(false)
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  it('leave a match unreachable only where one of them shadows it', () => {
    fc.assert(
      fc.property(routes, (objects) => {
        const all = objects.flatMap(placed)
        const taken = accepting(objects)
        for (const match of all) {
          const isReached = taken.some((ids) => ids[0] === idOf(match))
          expect(all.some((other) => shadows(other, match))).toBe(!isReached)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('meet in a match that says where', () => {
    const [a, b] = [
      routeObject.parse({
        kind: 'route',
        key: 'route/a/r',
        app: 'a',
        hosts: [host],
        matches: [{ method: 'GET' }],
        since: 1,
      }),
      routeObject.parse({
        kind: 'route',
        key: 'route/b/r',
        app: 'b',
        hosts: [host],
        since: 1,
        matches: [{ path: { type: 'PathPrefix', value: '/cart/' } }],
      }),
    ].flatMap(placed)
    expect(placeOf(overlapOf(a!, b!)!)).toBe('GET /cart/*')
  })
})

describe('a match by itself', () => {
  const match = (change: object) =>
    placed(
      routeObject.parse({
        kind: 'route',
        key: 'route/a/r',
        app: 'a',
        hosts: [host],
        matches: [change],
        since: 1,
      }),
    )[0]!
  const hosted = (value: string) => match({ headers: [{ name: 'Host', value }] })

  it.each([
    [host, 'shop.example', true],
    [host, 'SHOP.example:8080', true],
    [host, 'other.example', false],
    [host, 'not a host', false],
    ['*.example', 'shop.example', true],
    ['*.example', 'example', false],
  ])('on %s with the header host: %s', (pattern, wanted, possible) => {
    expect(contradiction(pattern, hosted(wanted)) === null).toBe(possible)
    const route = routeObject.parse({
      kind: 'route',
      key: 'route/a/r',
      app: 'a',
      hosts: [pattern],
      since: 1,
      matches: [{ headers: [{ name: 'host', value: wanted }] }],
    })
    const { status } = explain([route], { method: 'GET', host: wanted, path: '/', headers: [] })
    // Found, with nothing behind it; or not found, or not even allowed.
    expect(status === 503).toBe(possible)
  })

  it('asks in vain for methods that are never forwarded', () => {
    expect(contradiction(host, match({ method: 'TRACE' }))).toMatch(/never forwards/)
    expect(contradiction(host, match({ method: 'OPTIONS' }))).toBeNull()
  })
})

/** What a route may not ask for, and what it may just yet. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { routeIntent } from './app.ts'
import { filtersIn, responseHeaders, routeFilters, timeouts } from './filter.ts'
import { limits } from './limits.ts'
import { formatOf, routeObject } from './object.ts'

const said = (outcome: ReturnType<typeof responseHeaders.safeParse>) =>
  outcome.error?.issues[0]?.message

describe('headers of a response', () => {
  // RFC 9110 §7.6.1, RFC 9112 §6, RFC 6455 §4.2.2, and what agents write themselves.
  const reserved = [
    'Connection', 'Content-Length', 'Date', 'Keep-Alive', 'Proxy-Authenticate', 'Proxy-Connection',
    'Sec-WebSocket-Accept', 'Sec-WebSocket-Extensions', 'Sec-WebSocket-Protocol', 'TE', 'Trailer',
    'Transfer-Encoding', 'Upgrade', 'Via',
  ] // biome-ignore format: a list
  for (const name of reserved) {
    test(`${name} is neither set, added nor removed`, () => {
      const field = { name, value: 'x' }
      for (const changes of [{ set: [field] }, { add: [field] }, { remove: [name] }]) {
        expect(said(responseHeaders.safeParse(changes))).toMatch(/^this header frames or routes/)
      }
    })
  }

  test('a value cannot end its line', () => {
    for (const value of ['a\r\nb: c', 'a\nb', 'a\0', ' a', 'a ', 'é']) {
      expect(responseHeaders.safeParse({ set: [{ name: 'x-a', value }] }).success).toBe(false)
    }
  })

  test('one name has one action', () => {
    const changes = { set: [{ name: 'X-A', value: '1' }], remove: ['x-a'] }
    expect(said(responseHeaders.safeParse(changes))).toBe('one action for each header name')
  })

  test(`names and values have ${limits.responseHeaderBytes} bytes together, and no more`, () => {
    const field = (n: number, bytes: number) => ({ name: `x-${n}`, value: 'v'.repeat(bytes) })
    const whole = [0, 1, 2].map((n) => field(n, limits.headerValueChars))
    const left = limits.responseHeaderBytes - 3 * limits.headerValueChars - 4 * 'x-0'.length
    const asked = (bytes: number) => ({ set: whole, add: [field(3, bytes)] })
    expect(responseHeaders.safeParse(asked(left)).success).toBe(true)
    expect(said(responseHeaders.safeParse(asked(left + 1)))).toMatch(/^at most 16384 bytes/)
  })
})

describe('timeouts', () => {
  const ok = (asked: object) => timeouts.safeParse(asked).success

  test('one attempt has no longer than the request', () => {
    expect(ok({ requestMs: 100, backendRequestMs: 100 })).toBe(true)
    expect(ok({ requestMs: 100, backendRequestMs: 101 })).toBe(false)
    expect(ok({ backendRequestMs: 101 })).toBe(true)
  })

  test('are whole milliseconds up to a day, and at least one is said', () => {
    expect(ok({ idleMs: 1 })).toBe(true)
    expect(ok({ idleMs: limits.routeTimeoutMs })).toBe(true)
    for (const idleMs of [0, -1, 1.5, limits.routeTimeoutMs + 1, '5s']) {
      expect(ok({ idleMs })).toBe(false)
    }
    expect(ok({})).toBe(false)
  })
})

test('the route that docs/routes.md shows is one, and its filters are all that there are', () => {
  const page = readFileSync(new URL('../docs/routes.md', import.meta.url), 'utf8')
  const [, shown = ''] = /```json\n([\s\S]*?)```/.exec(page) ?? []
  const route = routeIntent.parse(JSON.parse(shown))
  expect(Object.keys(filtersIn(route))).toEqual(Object.keys(routeFilters))
})

test('each of them needs content format 2', () => {
  const route = {
    kind: 'route',
    key: 'r',
    app: 'shop',
    hosts: ['a.example'],
    matches: [{}],
    since: 1,
  }
  const format = (filter: object) => formatOf(routeObject.parse({ ...route, ...filter }))
  expect(format({})).toBe(1)
  expect(format({ requestHeaders: { remove: ['x-a'] } })).toBe(1)
  expect(format({ responseHeaders: { remove: ['x-a'] } })).toBe(2)
  expect(format({ timeouts: { requestMs: 1 } })).toBe(2)
  expect(format({ loadBalance: { type: 'random' } })).toBe(2)
})

/** What a matched route makes of a request head: Gateway API's URLRewrite and header filters. */
import { beforeAll, describe, expect, test } from 'vitest'
import type { HeaderChanges, Rewrite } from '#wire/filter.ts'
import type { RouteObject } from '#wire/object.ts'
import { compileTable } from './compile.ts'
import { type Grammar, input, loadGrammar, output } from './grammar-harness.ts'
import * as at from './layout.ts'
import { rewriteTable } from './router-destinations.cases.ts'

let grammar: Grammar
beforeAll(async () => {
  grammar = await loadGrammar()
})

interface RouteParts {
  readonly type?: 'Exact' | 'PathPrefix'
  readonly path?: string
  readonly rewrite?: Rewrite
  readonly headers?: Partial<HeaderChanges>
}

function serve({ type = 'PathPrefix', path = '/', rewrite, headers }: RouteParts): void {
  const route: RouteObject = {
    kind: 'route',
    key: 'route/shop/default',
    app: 'shop',
    hosts: ['a.example'],
    matches: [{ path: { type, value: path }, headers: [] }],
    ...(rewrite && { rewrite }),
    ...(headers && { requestHeaders: { set: [], add: [], remove: [], ...headers } }),
    since: 1,
  }
  const compiled = compileTable([route])
  if (!compiled.ok) throw new Error(compiled.reason)
  grammar.serve(compiled.bytes)
}

/** Lines of the forwarded head, or the negative status. */
function forward(target: string, fields: readonly string[] = []): string[] | number {
  const head = [`GET ${target} HTTP/1.1`, 'Host: a.example', ...fields, '', ''].join('\r\n')
  expect(grammar.scanRequest(input, grammar.lay(head))).toBe(head.length)
  expect(grammar.match()).toBe(0)
  grammar.guard()
  const bytes = grammar.writeRequestHead(output, grammar.word(at.VERDICT + at.VERDICT_ROUTE))
  grammar.checkGuard()
  if (bytes < 0) return bytes
  const text = grammar.text(output, bytes)
  expect(text.endsWith('\r\n\r\n')).toBe(true)
  return text.slice(0, -4).split('\r\n')
}

const forwardedTarget = (target: string): string => {
  const lines = forward(target)
  if (typeof lines === 'number') throw new Error(`${lines}`)
  return lines[0]!.split(' ')[1]!
}

const replacePrefix = (value: string): Rewrite => ({ path: { type: 'ReplacePrefixMatch', value } })

describe('a replaced prefix', () => {
  const table = [
    ...rewriteTable,
    ['/foo//bar', '/foo', '/xyz', '/xyz//bar'],
    ['/foo/bar?a=/foo', '/foo', '/xyz', '/xyz/bar?a=/foo'],
    ['/foo?q', '/foo', '', '/?q'],
    ['/x/../foo/%62ar', '/foo', '/xyz', '/xyz/bar'],
    ['/foo/%2e%2e/foo/a', '/foo', '/xyz', '/xyz/a'],
  ] as const
  for (const [target, path, value, expected] of table) {
    test(`${path} by "${value}": ${target} is forwarded as ${expected}`, () => {
      serve({ path, rewrite: replacePrefix(value) })
      expect(forwardedTarget(target)).toBe(expected)
    })
  }

  test('a preview under /test reaches the root', () => {
    serve({ path: '/test', rewrite: replacePrefix('/') })
    expect(forwardedTarget('/test')).toBe('/')
    expect(forwardedTarget('/test/a/b?c')).toBe('/a/b?c')
  })

  test('the longest path gets the longest replacement', () => {
    const value = `/${'r'.repeat(1023)}`
    serve({ path: '/', rewrite: replacePrefix(value) })
    const rest = 's'.repeat(at.TARGET_BYTES_MAX - 1)
    expect(forwardedTarget(`/${rest}`)).toBe(`${value}/${rest}`)
  })
})

describe('a replaced path and host', () => {
  test('the whole path is replaced, the query stays', () => {
    const rewrite: Rewrite = { path: { type: 'ReplaceFullPath', value: '/one' } }
    serve({ path: '/full', rewrite })
    expect(forwardedTarget('/full/one/two?x=1')).toBe('/one?x=1')
    serve({ type: 'Exact', path: '/full', rewrite })
    expect(forwardedTarget('/full')).toBe('/one')
  })

  test('the host is replaced; X-Forwarded-Host says what the client asked for', () => {
    serve({ rewrite: { hostname: 'inner.example' } })
    expect(forward('/a', ['A: 1'])).toEqual([
      'GET /a HTTP/1.1',
      'Host: inner.example',
      'A: 1',
      'X-Forwarded-Host: a.example',
    ])
  })
})

describe('header changes', () => {
  const changed = (headers: Partial<HeaderChanges>, fields: readonly string[]) => {
    serve({ headers })
    const lines = forward('/', fields)
    return typeof lines === 'number'
      ? lines
      : lines.slice(2).filter((line) => !line.startsWith('X-Forwarded-Host'))
  }

  test('set replaces every line of a name, whatever its case', () => {
    const set = [{ name: 'x-team', value: 'blue' }]
    expect(changed({ set }, ['A: 1', 'X-Team: red', 'x-TEAM: green', 'B: 2'])).toEqual([
      'A: 1',
      'B: 2',
      'x-team: blue',
    ])
    expect(changed({ set }, [])).toEqual(['x-team: blue'])
  })

  test('add appends to the last line of a name, or writes a new one', () => {
    const add = [{ name: 'x-team', value: 'blue' }]
    expect(changed({ add }, ['X-Team: red', 'A: 1'])).toEqual(['A: 1', 'x-team: red,blue'])
    expect(changed({ add }, ['X-Team: red', 'X-Team: green'])).toEqual([
      'X-Team: red',
      'x-team: green,blue',
    ])
    expect(changed({ add }, ['X-Team:'])).toEqual(['x-team: blue'])
    expect(changed({ add }, [])).toEqual(['x-team: blue'])
    expect(changed({ add: [{ name: 'cookie', value: 'b=2' }] }, ['Cookie: a=1'])).toEqual([
      'cookie: a=1; b=2',
    ])
  })

  test('remove drops every line of a name', () => {
    expect(changed({ remove: ['x-team'] }, ['X-Team: red', 'A: 1', 'x-team: 2'])).toEqual(['A: 1'])
  })

  test('all three at once, an empty value, and a value with spaces', () => {
    const headers = {
      set: [{ name: 'a', value: '' }],
      add: [{ name: 'b', value: 'x y\tz' }],
      remove: ['c'],
    }
    expect(changed(headers, ['C: 1', 'B: 2', 'A: 3', 'D: 4'])).toEqual([
      'D: 4',
      'a:',
      'b: 2,x y\tz',
    ])
  })

  test('row 26: what a backend could take for the name goes too', () => {
    const set = [{ name: 'x-team', value: 'blue' }]
    expect(changed({ set }, ['X_Team: red', 'x.team: red', 'x_teams: 1'])).toEqual([
      'x_teams: 1',
      'x-team: blue',
    ])
    expect(changed({ remove: ['x-team'] }, ['X_Team: red'])).toEqual([])
  })

  test('row 40: a nominated name cannot take away what the route sets or adds', () => {
    const fields = ['Connection: x-team', 'X-Team: red']
    const team = [{ name: 'x-team', value: 'blue' }]
    expect(changed({ set: team }, fields)).toEqual(['x-team: blue'])
    expect(changed({ add: team }, fields)).toEqual(['x-team: blue'])
  })

  test('changes that bring a head beyond 64 KiB are a 500, and nothing is written behind the zone', () => {
    const values = (bytes: number) =>
      Array.from({ length: 16 }, (_, n) => ({
        name: `x-${n}`,
        value: 'v'.repeat(n === 0 ? bytes : 4096),
      }))
    // 16 values of 4,096 bytes do not fit; the first is shortened until they do.
    expect(changed({ set: values(4096) }, [])).toBe(-500)
    let fits = 0
    for (let bytes = 4096; bytes > 3000 && fits === 0; bytes--) {
      if (Array.isArray(changed({ set: values(bytes) }, []))) fits = bytes
    }
    expect(fits).toBeGreaterThan(3000)
    serve({ headers: { set: values(fits) } })
    const lines = forward('/')
    expect(Array.isArray(lines) && lines.join('\r\n').length + 4).toBeGreaterThan(
      at.OUT_HEAD_BYTES_MAX - 64,
    )
  })
})

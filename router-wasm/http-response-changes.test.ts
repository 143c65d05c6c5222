/** What a route makes of a response head: Gateway API's ResponseHeaderModifier, by cases and at random. */
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { z } from 'zod'
import type { HeaderChanges, responseHeaders } from '#wire/filter.ts'
import { limits } from '#wire/limits.ts'
import { type Grammar, input, layPolicy, loadGrammar, output } from './grammar-harness.ts'
import { readHead } from './http-oracle.ts'
import * as at from './layout.ts'

const seed = Number(process.env.FUZZ_SEED ?? 20_261_126)

let grammar: Grammar
beforeAll(async () => {
  grammar = await loadGrammar()
})

interface Asked {
  readonly flags?: number
  readonly minor?: number
}

/** The head for the client. */
function written(
  changes: z.input<typeof responseHeaders>,
  head: string,
  { flags = at.REQ_FLAG_KEEP_ALIVE, minor = 1 }: Asked = {},
): string {
  const policy = layPolicy(grammar, changes)
  grammar.guard()
  const used = grammar.response(input, grammar.lay(head), output, flags, minor, policy)
  grammar.checkGuard()
  expect(used).toBe(head.length)
  return grammar.text(output, grammar.word(at.RESPONSE + at.RES_OUT_BYTES))
}

const headOf = (...fields: string[]) =>
  ['HTTP/1.1 200 OK', ...fields, 'Content-Length: 5', '', ''].join('\r\n')
const linesOf = (head: string) => head.slice(0, -4).split('\r\n').slice(1)
const changed = (changes: z.input<typeof responseHeaders>, ...fields: string[]) =>
  linesOf(written(changes, headOf(...fields)))
const field = (name: string, value: string) => ({ name, value })

describe('header changes of a response', () => {
  test('set replaces every line of a name, whatever its case, and comes last', () => {
    const set = [field('X-Frame-Options', 'DENY')]
    expect(
      changed({ set }, 'A: 1', 'x-frame-options: ALLOW', 'X-FRAME-OPTIONS: a', 'B: 2'),
    ).toEqual(['A: 1', 'B: 2', 'Content-Length: 5', 'x-frame-options: DENY'])
    expect(changed({ set })).toEqual(['Content-Length: 5', 'x-frame-options: DENY'])
  })

  test('add writes a line of its own behind those of the backend: cookies are never joined', () => {
    const add = [field('set-cookie', 'seen=1; Path=/'), field('vary', 'x-team')]
    expect(changed({ add }, 'Set-Cookie: a=1', 'Vary: accept', 'Set-Cookie: b=2')).toEqual([
      'Set-Cookie: a=1',
      'Vary: accept',
      'Set-Cookie: b=2',
      'Content-Length: 5',
      'set-cookie: seen=1; Path=/',
      'vary: x-team',
    ])
  })

  test('remove drops every line of a name, and only of that name', () => {
    const remove = ['Server']
    expect(changed({ remove }, 'Server: a', 'server: b', 'Servers: c', 'X_Server: d')).toEqual([
      'Servers: c',
      'X_Server: d',
      'Content-Length: 5',
    ])
  })

  test('a field that the backend nominates as hop-by-hop cannot take ours along', () => {
    const set = [field('x-a', 'ours')]
    expect(changed({ set }, 'Connection: x-a', 'X-A: theirs')).toEqual([
      'Content-Length: 5',
      'x-a: ours',
    ])
  })

  const set = [field('x-a', '1')]
  test('an interim response stays as it is, and 101 is changed', () => {
    expect(written({ set }, 'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n')).toBe(
      'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n',
    )
    const switching =
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'
    const flags = at.REQ_FLAG_KEEP_ALIVE | at.REQ_FLAG_UPGRADE
    expect(linesOf(written({ set }, switching, { flags }))).toEqual([
      'Connection: upgrade',
      'Upgrade: websocket',
      'x-a: 1',
    ])
  })

  test('framing is what it was: until close, chunked, none, for a client of 1.0 too', () => {
    const untilClose = 'HTTP/1.1 200 OK\r\n\r\n'
    expect(linesOf(written({ set }, untilClose))).toEqual(['Transfer-Encoding: chunked', 'x-a: 1'])
    expect(linesOf(written({ set }, untilClose, { minor: 0 }))).toEqual([
      'Connection: close',
      'x-a: 1',
    ])
    expect(linesOf(written({ set }, 'HTTP/1.1 204 No Content\r\n\r\n'))).toEqual(['x-a: 1'])
  })

  test('the largest head of a backend and the largest changes fit', () => {
    const line = (n: number) => `X-${n}:${'v'.repeat(3_000)}`
    const fields = Array.from({ length: 10 }, (_, n) => line(n))
    const rest = at.HEAD_BYTES_MAX - headOf(...fields).length - 'Y: \r\n'.length
    const head = headOf(...fields, `Y: ${'y'.repeat(rest)}`)
    expect(head.length).toBe(at.HEAD_BYTES_MAX)
    const values = [0, 1, 2, 3].map((n) =>
      field(`z${n}`, 'z'.repeat(limits.headerValueChars - (n === 3 ? 8 : 0))),
    )
    const { fields: all } = readHead(written({ set: values }, head), 'response')
    expect(all.slice(-4)).toEqual(values.map(({ name, value }) => [name, value]))
    expect(all.length).toBe(fields.length + 2 + values.length)
  })
})

const names = ['a', 'b-c', 'Set-Cookie', 'Vary', 'x-Long-Name-0']
const value = fc.string({ unit: fc.constantFrom(...'ab1;=,'), maxLength: 12 })
const fields = fc.array(fc.tuple(fc.constantFrom(...names, 'A', 'vary'), value), { maxLength: 12 })
const action = fc.constantFrom('set', 'add', 'remove', 'none')
const changes = fc.tuple(...names.map(() => fc.tuple(action, value))).map((actions) => {
  const of = (kind: string) =>
    names.flatMap((name, n) => (actions[n]![0] === kind ? [field(name, actions[n]![1])] : []))
  return { set: of('set'), add: of('add'), remove: of('remove').map(({ name }) => name) }
})

/** Gateway API's words, by lists: what is set or removed goes, then what is set and added comes. */
function expected(received: readonly [string, string][], { set, add, remove }: HeaderChanges) {
  const gone = new Set([...set.map(({ name }) => name), ...remove].map((one) => one.toLowerCase()))
  return [
    ...received.filter(([name]) => !gone.has(name.toLowerCase())),
    ['Content-Length', '5'],
    ...[...set, ...add].map((one) => [one.name.toLowerCase(), one.value]),
  ]
}

test('random changes of random heads are what the plain rules say', () => {
  fc.assert(
    fc.property(fields, changes, (received, asked) => {
      const head = headOf(...received.map(([name, text]) => `${name}: ${text}`))
      const read = readHead(written(asked, head), 'response')
      expect(read.fields).toEqual(expected(received, asked))
    }),
    { seed, numRuns: 2_000 },
  )
})

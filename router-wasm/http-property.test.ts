/**
 * Random valid requests: what is forwarded says the same as what came, read back by a plain reader of the
 * canonical form and by Node's own parser behind a real socket. The expectation is computed from the parts
 * that the request was made of, never by parsing it.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { type Grammar, input, loadGrammar, output } from './grammar-harness.ts'
import { canonicalPath, readHead } from './http-oracle.ts'
import * as at from './layout.ts'

const seed = Number(process.env.FUZZ_SEED ?? 20_261_123)

let grammar: Grammar
beforeAll(async () => {
  grammar = await loadGrammar()
})

interface Parts {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly host: string
  readonly minor: 0 | 1
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly framing: 'none' | 'length' | 'chunked'
  readonly hop: readonly string[]
  /** White space before and behind each value. */
  readonly spaces: readonly (readonly [string, string])[]
}

const tokenCharacter = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyzABCDXYZ0123456789-')
const segment = fc.string({
  unit: fc.constantFrom(
    'a',
    'Z',
    '9',
    '.',
    '-',
    '~',
    '%41',
    '%2e',
    '%C3%a9',
    '%20',
    ';',
    '=',
    ':',
    '@',
    '..',
    '',
  ),
  maxLength: 6,
})
const value = fc
  .string({ unit: fc.constantFrom(...'abc 019\t,;="/\\é~'), maxLength: 30 })
  .map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ''))
const space = fc.constantFrom('', ' ', '  ', '\t')

const parts: fc.Arbitrary<Parts> = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD'),
  path: fc.array(segment, { maxLength: 8 }).map((segments) => `/${segments.join('/')}`),
  query: fc
    .string({
      unit: fc.constantFrom('a', '=', '&', '%2F', '%41', '?', '/', '.', '['),
      maxLength: 12,
    })
    .map((q) => (q ? `?${q}` : '')),
  host: fc.constantFrom(
    'a.example',
    'A.EXAMPLE:8080',
    'a.example.',
    '127.0.0.1:1',
    '[::1]:65535',
    'xn--bcher-kva.example',
  ),
  minor: fc.constantFrom(0 as const, 1 as const, 1 as const),
  fields: fc.array(
    fc.tuple(
      fc.string({ unit: tokenCharacter, minLength: 1, maxLength: 20 }).map((name) => `Y-${name}`),
      value,
    ),
    { maxLength: 12 },
  ),
  framing: fc.constantFrom('none' as const, 'length' as const, 'chunked' as const),
  hop: fc.subarray([
    'Connection: keep-alive',
    'Keep-Alive: timeout=3',
    'TE: trailers',
    'X-Forwarded-For: 6.6.6.6',
    'Forwarded: for=6.6.6.6',
    'Proxy-Connection: close',
    'X_Real_IP: 6.6.6.6',
  ]),
  spaces: fc.array(fc.tuple(space, space), { minLength: 12, maxLength: 12 }),
})

const payload = 'hello'

function rendered({
  method,
  path,
  query,
  host,
  minor,
  fields,
  framing,
  hop,
  spaces,
}: Parts): string {
  const written = fields.map(([name, text], n) => `${name}:${spaces[n]![0]}${text}${spaces[n]![1]}`)
  if (framing === 'length') written.splice(1, 0, `Content-Length: ${payload.length}`)
  if (framing === 'chunked' && minor === 1) written.unshift('transfer-encoding: Chunked')
  const all = [`${method} ${path}${query} HTTP/1.${minor}`, ...hop, ...written]
  all.splice(1 + (fields.length % all.length), 0, `Host:${host}`)
  return Buffer.from(`${all.join('\r\n')}\r\n\r\n`, 'utf8').toString('latin1')
}

interface Expected {
  readonly method: string
  readonly target: string
  readonly fields: readonly (readonly [string, string])[]
}

function expected({ method, path, query, host, minor, fields, framing }: Parts): Expected {
  const latin1 = (text: string) => Buffer.from(text, 'utf8').toString('latin1')
  const own = fields.map(([name, text]): [string, string] => [name, latin1(text)])
  if (framing === 'length') own.push(['Content-Length', `${payload.length}`])
  if (framing === 'chunked' && minor === 1) own.push(['Transfer-Encoding', 'chunked'])
  const target = canonicalPath(path) + query
  return { method, target, fields: [['Host', host], ...own, ['X-Forwarded-Host', host]] }
}

/** The head that is forwarded. */
function forwarded(text: string): string {
  expect(grammar.scanRequest(input, grammar.lay(text))).toBe(text.length)
  return grammar.text(output, grammar.writeRequestHead(output, -1))
}

test('what is forwarded says what came', () => {
  fc.assert(
    fc.property(parts, (one) => {
      const head = readHead(forwarded(rendered(one)), 'request')
      const { method, target, fields } = expected(one)
      expect(head.start).toBe(`${method} ${target} HTTP/1.1`)
      expect(head.fields).toEqual(fields)
      const framing = one.framing === 'chunked' && one.minor === 0 ? 'none' : one.framing
      const body = { none: at.BODY_NONE, length: at.BODY_LENGTH, chunked: at.BODY_CHUNKED }[framing]
      expect(grammar.word(at.REQUEST + at.REQ_BODY)).toBe(body)
    }),
    { seed, numRuns: 2_000 },
  )
})

test("Node's parser reads the same from a real socket, one request after another", async () => {
  const seen: { method: string; target: string; fields: [string, string][]; body: string }[] = []
  let received = 0
  let complete = 0
  const record = async (request: IncomingMessage, n: number) => {
    let body = ''
    for await (const chunk of request.setEncoding('latin1')) body += chunk
    const raw = request.rawHeaders
    const fields = raw.flatMap((name, n): [string, string][] =>
      n % 2 === 0 ? [[name, raw[n + 1]!]] : [],
    )
    seen[n] = { method: request.method!, target: request.url!, fields, body }
    complete++
  }
  const server = createServer({ insecureHTTPParser: false }, (request, response) => {
    void record(request, received++).then(() => response.end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  try {
    const samples = fc.sample(parts, { seed, numRuns: 150 })
    socket.resume()
    for (const one of samples) {
      const head = forwarded(rendered(one))
      const chunked = `${payload.length}\r\n${payload}\r\n0\r\n\r\n`
      const framing = one.framing === 'chunked' && one.minor === 0 ? 'none' : one.framing
      socket.write(head + { none: '', length: payload, chunked }[framing], 'latin1')
    }
    await expect.poll(() => complete, { timeout: 10_000 }).toBe(samples.length)
    seen.forEach((message, n) => {
      const { method, target, fields } = expected(samples[n]!)
      const bodyless = !fields.some(
        ([name]) => name === 'Content-Length' || name === 'Transfer-Encoding',
      )
      expect(message).toEqual({ method, target, fields, body: bodyless ? '' : payload })
    })
  } finally {
    socket.destroy()
    server.close()
    await once(server, 'close')
  }
})

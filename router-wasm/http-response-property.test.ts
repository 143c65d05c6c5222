/**
 * Random valid responses: what a client is told is what the backend said, read back by a plain reader and by
 * Node's own client over a real socket, body included. The expectation is computed from the parts.
 */
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { type Grammar, input, loadGrammar, output } from './grammar-harness.ts'
import { readHead } from './http-oracle.ts'
import * as at from './layout.ts'

const seed = Number(process.env.FUZZ_SEED ?? 20_261_123)
const payload = 'hello, world'

let grammar: Grammar
beforeAll(async () => {
  grammar = await loadGrammar()
})

interface Parts {
  readonly status: number
  readonly phrase: string
  readonly minor: 0 | 1
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly framing: 'length' | 'chunked' | 'close'
  readonly hop: readonly string[]
  /** The client stays after this response. */
  readonly stays: boolean
}

const text = fc
  .string({ unit: fc.constantFrom(...'abc 019\t,;="/\\~'), maxLength: 30 })
  .map((value) => value.replace(/^[ \t]+|[ \t]+$/g, ''))
const nameCharacter = fc.constantFrom(...'abcxyzABC019-')
const parts: fc.Arbitrary<Parts> = fc.record({
  status: fc.constantFrom(200, 201, 204, 206, 299, 302, 304, 404, 500, 503),
  phrase: fc.constantFrom('', 'OK', 'Anything at all', 'tab\there'),
  minor: fc.constantFrom(0 as const, 1 as const, 1 as const),
  fields: fc.array(
    fc.tuple(
      fc.string({ unit: nameCharacter, minLength: 1, maxLength: 20 }).map((name) => `Y-${name}`),
      text,
    ),
    { maxLength: 10 },
  ),
  framing: fc.constantFrom('length' as const, 'chunked' as const, 'close' as const),
  hop: fc.subarray([
    'Connection: keep-alive',
    'Keep-Alive: timeout=5',
    'Proxy-Authenticate: Basic',
  ]),
  stays: fc.boolean(),
})

/** HTTP/1.0 has no chunks. */
const framingOf = ({ framing, minor }: Parts) =>
  framing === 'chunked' && minor === 0 ? 'close' : framing
const isBodyless = ({ status }: Parts) => status === 204 || status === 304

function rendered(one: Parts): string {
  const framing = {
    length: `Content-Length: ${payload.length}`,
    chunked: 'Transfer-Encoding: Chunked',
    close: '',
  }
  const fields = one.fields.map(([name, value]) => `${name}:${value}`)
  const all = [...one.hop, ...fields, framing[framingOf(one)]].filter((line) => line !== '')
  return [`HTTP/1.${one.minor} ${one.status} ${one.phrase}`, ...all, '', ''].join('\r\n')
}

function expectedFields(one: Parts): (readonly [string, string])[] {
  const fields = [...one.fields]
  const framing = framingOf(one)
  if (framing === 'length' && one.status !== 204)
    fields.push(['Content-Length', `${payload.length}`])
  if (framing !== 'length' && !isBodyless(one)) fields.push(['Transfer-Encoding', 'chunked'])
  if (!one.stays) fields.push(['Connection', 'close'])
  return fields
}

/** The head for a 1.1 client, and the whole message as it leaves. */
function answered(one: Parts): { head: string; message: string } {
  const source = rendered(one)
  const flags = one.stays ? at.REQ_FLAG_KEEP_ALIVE : 0
  const used = grammar.response(input, grammar.lay(source), output, flags, 1, 0)
  if (used !== source.length) throw new Error(`${used}: ${JSON.stringify(source)}`)
  const word = (offset: number) => grammar.word(at.RESPONSE + offset)
  const head = grammar.text(output, word(at.RES_OUT_BYTES))
  const outBody = word(at.RES_OUT_BODY)
  if (outBody === at.BODY_NONE) return { head, message: head }
  if (outBody === at.BODY_LENGTH) return { head, message: head + payload }
  const end = grammar.lay(payload)
  const chunk = grammar.text(output, grammar.frame(input, end, output))
  return { head, message: head + chunk + grammar.text(output, grammar.frameEnd(output)) }
}

test('what a client is told is what the backend said', () => {
  fc.assert(
    fc.property(parts, (one) => {
      const { head } = answered(one)
      const { start, fields } = readHead(head, 'response')
      expect(start.startsWith(`HTTP/1.1 ${one.status} `)).toBe(true)
      expect(fields).toEqual(expectedFields(one))
    }),
    { seed, numRuns: 1_000 },
  )
})

test("Node's client reads the same from a real socket", async () => {
  const samples = fc.sample(parts, { seed, numRuns: 60 })
  const server = createServer((socket) => {
    socket.once('data', (bytes) => {
      const index = Number(/^GET \/(\d+) /.exec(bytes.toString('latin1'))![1])
      socket.write(answered(samples[index]!).message, 'latin1')
    })
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    for (const [index, one] of samples.entries()) {
      const request = get({ host: '127.0.0.1', port, path: `/${index}`, agent: false })
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      let body = ''
      for await (const piece of response.setEncoding('latin1')) body += piece
      const raw = response.rawHeaders
      const fields = raw.flatMap((name, n) => (n % 2 === 0 ? [[name, raw[n + 1]]] : []))
      expect(response.statusCode).toBe(one.status)
      expect(fields).toEqual(expectedFields(one))
      expect(body).toBe(isBodyless(one) ? '' : payload)
      request.destroy()
    }
  } finally {
    server.close()
  }
})

/** The one call, through the router that workers use: what it answers itself, and what the host is told. */
import { readFileSync } from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import { compileTable } from './compile.ts'
import * as at from './layout.ts'
import { backend, live, prefix, route } from './objects.cases.ts'
import { createRouter, type Router } from './router.ts'

const wasm = readFileSync(new URL('./build/router.wasm', import.meta.url))
const tableBytes = 0x100000

let router: Router
let start: number
let out: number
beforeEach(() => {
  router = createRouter({ wasm, tableBytes, zones: 2 })
  start = router.zone(0)
  out = router.zone(1)
})

const request = (offset: number) => router.words[(at.REQUEST + offset) >> 2]!
const verdict = (offset: number) => router.words[(at.VERDICT + offset) >> 2]!

function ask(text: string): number {
  const bytes = Buffer.from(text, 'latin1')
  router.memory.set(bytes, start)
  return router.request(start, start + bytes.length, out)
}

const get = (...fields: string[]) =>
  ['GET /a?b HTTP/1.1', 'Host: shop.example', ...fields, '', ''].join('\r\n')
const written = () =>
  Buffer.from(router.memory.buffer, out, verdict(at.VERDICT_OUT_BYTES)).toString('latin1')

/** Serves shop with its release r1 and `endpoints` of it. */
function serve(endpoints: number, extra: Parameters<typeof route>[2] = {}): void {
  const compiled = compileTable([route('default', [prefix('/')], extra), ...live])
  if (!compiled.ok) throw new Error(compiled.reason)
  expect(router.loadTable(compiled.bytes)).toBe(null)
  router.setPositions([live[1]])
  router.setEndpoints(
    'shop-r1',
    Array.from({ length: endpoints }, (_, n) => ({ address: '127.0.0.1', port: 9000 + n })),
  )
}

describe('a request that is forwarded', () => {
  test('has route, release, endpoint and head; the rest of the words belong to it', () => {
    serve(1)
    const text = get()
    expect(ask(`${text}GET /next`)).toBe(text.length)
    expect(router.releaseOf(verdict(at.VERDICT_BACKEND))).toBe('shop-r1')
    expect(router.endpointOf(verdict(at.VERDICT_SLOT))).toEqual({
      address: '127.0.0.1',
      port: 9000,
    })
    expect(written()).toBe(
      'GET /a?b HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-Host: shop.example\r\n\r\n',
    )
    expect(request(at.REQ_HEAD_BYTES)).toBe(text.length)
  })

  test('can be sent to another endpoint as the same bytes', () => {
    serve(2)
    ask(get('A: 1'))
    const first = verdict(at.VERDICT_SLOT)
    const bytes = written()
    const second = router.reselect(verdict(at.VERDICT_BACKEND), first)
    expect(second).not.toBe(first)
    expect(written()).toBe(bytes)
  })

  test('says where it comes from', () => {
    serve(1)
    router.setVia('switchyard')
    router.setClient({ address: '2001:db8::7', port: 5000, localPort: 8443, tls: true })
    ask(get('X-Forwarded-Proto: http'))
    expect(written().split('\r\n').slice(2, -2)).toEqual([
      'Via: 1.1 switchyard',
      'X-Forwarded-For: 2001:db8::7',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Port: 8443',
      'X-Real-IP: 2001:db8::7',
      'X-Forwarded-Host: shop.example',
    ])
  })
})

describe('an answer of our own', () => {
  const refused = (status: number, text: string, mayContinue: boolean) => {
    expect(ask(text)).toBe(-status)
    expect(request(at.REQ_MAY_CONTINUE)).toBe(mayContinue ? 1 : 0)
    expect(verdict(at.VERDICT_SLOT)).toBe(-1)
    expect(verdict(at.VERDICT_OUT_BYTES)).toBe(0)
    if (mayContinue) expect(request(at.REQ_HEAD_BYTES)).toBe(text.length)
  }

  test('503 without a table, a position or an endpoint; the connection stays', () => {
    refused(503, get(), true)
    serve(0)
    refused(503, get(), true)
    router.setPositions([{ app: 'shop', generation: 2, weights: [] }])
    refused(503, get(), true)
  })

  test('404 without a route; the connection stays unless a body follows or it wants to close', () => {
    serve(1)
    const other = (...fields: string[]) => get(...fields).replace('shop.example', 'other.example')
    refused(404, other(), true)
    refused(404, other('Content-Length: 0'), true)
    refused(404, other('Content-Length: 5'), false)
    refused(404, other('Transfer-Encoding: chunked'), false)
    refused(404, other('Connection: close'), false)
    refused(404, 'GET / HTTP/1.0\r\n\r\n', false)
  })

  test('400 closes, whatever the request wanted', () => {
    serve(1)
    refused(400, get('Content-Length: 5', 'Transfer-Encoding: chunked'), false)
    refused(400, get('X : y'), false)
  })

  test('500 when the head outgrows the zone; no endpoint is counted for it', () => {
    const set = Array.from({ length: 16 }, (_, n) => ({ name: `x-${n}`, value: 'v'.repeat(4096) }))
    serve(1, { requestHeaders: { set, add: [], remove: [] } })
    refused(500, get(), true)
  })

  test('a preview of a release that is not there is a 503', () => {
    const compiled = compileTable([
      route('gone', [prefix('/')], { release: 'shop-r7' }),
      backend('shop-r1'),
    ])
    if (!compiled.ok) throw new Error(compiled.reason)
    expect(router.loadTable(compiled.bytes)).toBe(null)
    refused(503, get(), true)
  })
})

describe('a chunked body through the host', () => {
  test('keeps its state in words of its own, so that bodies can take turns', () => {
    const zone = router.zone(1)
    const states = [new Int32Array(at.CHUNK_STATE_WORDS), new Int32Array(at.CHUNK_STATE_WORDS)]
    const bodies = ['5\r\nhello\r\n0\r\n\r\n', '6;x=y\r\nworlds\r\n0\r\nA: b\r\n\r\n']
    const payloads = ['', '']
    for (let n = 0; n < 40; n++) {
      bodies.forEach((body, which) => {
        if (n >= body.length) return
        router.memory[start] = body.charCodeAt(n)
        const used = router.chunk(states[which]!, start, start + 1, zone, 64, at.CHUNK_FLAG_PLAIN)
        expect(used).toBe(1)
        const bytes = router.words[(at.CHUNK + at.CHUNK_OUT_BYTES) >> 2]!
        payloads[which] += Buffer.from(router.memory.buffer, zone, bytes).toString('latin1')
        const ended = router.words[(at.CHUNK + at.CHUNK_ENDED) >> 2]
        expect(ended).toBe(n === body.length - 1 ? 1 : 0)
      })
    }
    expect(payloads).toEqual(['hello', 'worlds'])
    const five = router.frameEnd(zone)
    expect(Buffer.from(router.memory.buffer, zone, five).toString('latin1')).toBe('0\r\n\r\n')
  })
})

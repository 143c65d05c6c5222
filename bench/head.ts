/**
 * What the router's HTTP grammar costs: `npm run -s build && node bench/head.ts`. One process, one thread;
 * each figure is the fastest of many short rounds, because a shared machine only ever adds time.
 */
import { readFileSync } from 'node:fs'
import { compileTable } from '#router/compile.ts'
import * as at from '#router/layout.ts'
import { createRouter } from '#router/router.ts'
import type { SnapshotObject } from '#wire/object.ts'

const rounds = 1_500
const callsPerRound = 1_000

const requestHead = [
  'GET /api/v1/products/list?category=shoes&page=2 HTTP/1.1',
  'Host: shop.example.com',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'Accept-Language: en-US,en;q=0.5',
  'Accept-Encoding: gzip, deflate, br',
  'Referer: https://shop.example.com/api/v1/products',
  'Connection: keep-alive',
  'Cookie: session=0123456789abcdef0123456789abcdef',
  'Cache-Control: max-age=0',
  'X-Request-Id: 7f3c1f0e-1b2c',
  '',
  '',
].join('\r\n')

const responseHead = [
  'HTTP/1.1 200 OK',
  'Content-Type: text/html; charset=utf-8',
  'Content-Length: 1234',
  'Date: Sun, 06 Nov 1994 08:49:37 GMT',
  'Server: nginx',
  'Cache-Control: no-cache, private',
  'ETag: "abcdef0123456789"',
  'Vary: Accept-Encoding',
  'Connection: keep-alive',
  '',
  '',
].join('\r\n')

const objects: SnapshotObject[] = [
  {
    kind: 'route',
    key: 'route/shop/default',
    app: 'shop',
    hosts: ['shop.example.com'],
    matches: [{ path: { type: 'PathPrefix', value: '/api' }, headers: [] }],
    rewrite: { path: { type: 'ReplacePrefixMatch', value: '/' } },
    since: 1,
  },
  {
    kind: 'backend',
    key: 'backend/shop-r1',
    app: 'shop',
    release: 'shop-r1',
    version: '1',
    platform: 'static',
  },
]

const wasm = readFileSync(new URL('../router-wasm/build/router.wasm', import.meta.url))
const router = createRouter({ wasm, tableBytes: 0x100000, zones: 8 })
const compiled = compileTable(objects)
if (!compiled.ok) throw new Error(compiled.reason)
const refusal = router.loadTable(compiled.bytes)
if (refusal !== null) throw new Error(refusal)
router.setPositions([{ app: 'shop', generation: 1, weights: [{ release: 'shop-r1', weight: 1 }] }])
router.setEndpoints('shop-r1', [{ address: '127.0.0.1', port: 9000 }])
router.setDate('Sun, 06 Nov 1994 08:49:37 GMT')
router.setVia('switchyard-eu-1')
router.setClient({ address: '127.0.0.1', port: 40000, localPort: 8080, tls: false })

/** Fastest round, in nanoseconds a call. */
function measure(call: () => void): number {
  for (let i = 0; i < 100 * callsPerRound; i++) call()
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const from = performance.now()
    for (let i = 0; i < callsPerRound; i++) call()
    best = Math.min(best, performance.now() - from)
  }
  return Math.round((best * 1e7) / callsPerRound) / 10
}

const out = router.zone(6)
const lay = (zone: number, bytes: Uint8Array) => {
  router.memory.set(bytes, router.zone(zone))
  return [router.zone(zone), router.zone(zone) + bytes.length] as const
}

const [requestStart, requestEnd] = lay(0, Buffer.from(requestHead))
const slotAt = (at.VERDICT + at.VERDICT_SLOT) >> 2
const request = measure(() => {
  if (router.request(requestStart, requestEnd, out) !== requestHead.length)
    throw new Error('refused')
  router.release(router.words[slotAt]!)
})

const [responseStart, responseEnd] = lay(1, Buffer.from(responseHead))
const response = measure(() => {
  const used = router.response(responseStart, responseEnd, out, at.REQ_FLAG_KEEP_ALIVE, 1, 0)
  if (used !== responseHead.length) throw new Error('refused')
})

const state = new Int32Array(at.CHUNK_STATE_WORDS)
const chunkBytes = 16_384
const body = `${chunkBytes.toString(16)}\r\n${'x'.repeat(chunkBytes)}\r\n`.repeat(3)
const [bodyStart, bodyEnd] = lay(2, Buffer.from(`${body}0\r\n\r\n`))
const chunk = measure(() => {
  state.fill(0)
  const used = router.chunk(state, bodyStart, bodyEnd, out, 2 * router.zoneBytes, 0)
  if (used !== body.length + 5) throw new Error('refused')
})

console.table([
  {
    call: 'request: scan, validate, match, place, rewrite, select',
    bytes: requestHead.length,
    ns: request,
  },
  { call: 'response: scan, validate, write', bytes: responseHead.length, ns: response },
  {
    call: 'chunk: 48 KiB of payload, decoded and framed anew',
    bytes: bodyEnd - bodyStart,
    ns: chunk,
  },
])
console.log(JSON.stringify({ requestNs: request, responseNs: response, chunkNs: chunk }))

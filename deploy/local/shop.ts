/**
 * The demo application: a real HTTP server that answers with its version, so that everybody can see
 * which release a request reached. It knows nothing of Switchyard: an address, a version, a readiness
 * path, and it finishes what it has begun when it is told to stop. One copy is one process.
 *
 *   GET  /anything             one line of JSON: version, release, cluster, method, path, X-Request-Id if any
 *   GET  /readyz               200 once it may take traffic
 *   POST /readyz?ready=false   from now on it says that it may not (to see what happens then)
 *   GET  /slow?ms=&bytes=      a response that takes `ms` to stream; its digest is promised in the head
 *   POST /upload               the length and digest of the body that arrived
 *   GET  /ws                   WebSocket: `<version>: <what you said>`
 *
 * Every answer repeats the request's X-Request-Id and promises its body by X-Body-Bytes and X-Body-Sha256.
 *
 * A version that ends in `-broken` starts, but says that it may not take traffic; one that ends in
 * `-crashing` ends before it listens, with exit code 1. With ON_SIGTERM=exit it ends at once when it is told to.
 */
import { createHash } from 'node:crypto'
import { fstatSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { type WebSocket, WebSocketServer } from 'ws'

const slowMsMax = 600_000
const slowBytesMax = 64 * 1024 * 1024
const sliceBytes = 16 * 1024
/** What is still open this long after SIGTERM is cut: a copy must end some time. */
const stopWithinMs = 30_000

export interface ShopSettings {
  readonly host: string
  readonly port: number
  readonly version: string
  readonly release: string
  readonly cluster: string
}

export interface Shop {
  readonly port: number
  /** Takes no new connection, lets open exchanges finish, then resolves. */
  stop(): Promise<void>
}

export async function startShop(settings: ShopSettings): Promise<Shop> {
  const identity = {
    app: 'shop',
    version: settings.version,
    release: settings.release,
    cluster: settings.cluster,
  }
  let stopping = false
  let ready = !settings.version.endsWith('-broken')

  const server = createServer((request, response) => {
    response.setHeader('x-version', settings.version)
    const id = request.headers['x-request-id']
    if (typeof id === 'string') response.setHeader('x-request-id', id)
    if (stopping) response.setHeader('connection', 'close')
    response.once('close', () => stopping && setImmediate(() => server.closeIdleConnections()))
    answer(request, response).catch(() => response.destroy())
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://shop')
    if (url.pathname === '/readyz') {
      if (request.method === 'POST') ready = url.searchParams.get('ready') !== 'false'
      const status = request.method === 'POST' || (ready && !stopping) ? 200 : 503
      return sendJson(response, status, identity)
    }
    if (url.pathname === '/slow') return slow(url, response)
    if (url.pathname === '/upload') return upload(request, response)
    const requestId = request.headers['x-request-id']
    sendJson(response, 200, { ...identity, method: request.method, path: request.url, requestId })
  }

  /** The body depends on nothing but its length, so the digest can be promised before it is sent. */
  async function slow(url: URL, response: ServerResponse): Promise<void> {
    const ms = clamp(Number(url.searchParams.get('ms') ?? 1_000), slowMsMax)
    const bytes = clamp(Number(url.searchParams.get('bytes') ?? 65_536), slowBytesMax)
    response.setHeader('content-type', 'application/octet-stream')
    response.setHeader('x-body-bytes', bytes)
    response.setHeader('x-body-sha256', patternDigest(bytes))
    const slices = Math.max(1, Math.min(100, Math.ceil(bytes / 64)))
    response.flushHeaders()
    for (let n = 0; n < slices; n++) {
      const from = Math.floor((bytes * n) / slices)
      const to = Math.floor((bytes * (n + 1)) / slices)
      if (!(await send(response, pattern(from, to)))) return
      await delay(ms / slices)
    }
    response.end()
  }

  const sockets = new WebSocketServer({ noServer: true, maxPayload: 1024 * 1024 })
  server.on('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
      webSocket.on('error', () => webSocket.terminate())
      webSocket.on('message', (data) => webSocket.send(`${settings.version}: ${data}`))
    })
  })

  server.keepAliveTimeout = 75_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(settings.port, settings.host, resolve)
  })
  const bound = server.address()
  return {
    port: typeof bound === 'object' && bound ? bound.port : settings.port,
    async stop() {
      stopping = true
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      for (const webSocket of sockets.clients) webSocket.close(1001, 'this copy stops')
      const bound = setTimeout(() => server.closeAllConnections(), stopWithinMs)
      await closed
      clearTimeout(bound)
    },
  }
}

async function upload(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.length
  }
  sendJson(response, 200, { bytes, sha256: hash.digest('hex') })
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'x-body-bytes': Buffer.byteLength(text),
    'x-body-sha256': createHash('sha256').update(text).digest('hex'),
  })
  response.end(text)
}

/** Writes with backpressure; false when the client has gone. */
async function send(response: ServerResponse, bytes: Uint8Array): Promise<boolean> {
  if (response.destroyed) return false
  if (!response.write(bytes)) {
    await new Promise<void>((resolve) => {
      response.once('drain', resolve)
      response.once('close', resolve)
    })
  }
  return !response.destroyed
}

/** Byte `n` of every streamed body is `(n * 31) mod 251`. */
function pattern(from: number, to: number): Uint8Array {
  const bytes = new Uint8Array(to - from)
  for (let n = 0; n < bytes.length; n++) bytes[n] = ((from + n) * 31) % 251
  return bytes
}

function patternDigest(bytes: number): string {
  const hash = createHash('sha256')
  for (let from = 0; from < bytes; from += sliceBytes) {
    hash.update(pattern(from, Math.min(bytes, from + sliceBytes)))
  }
  return hash.digest('hex')
}

const clamp = (value: number, max: number) =>
  Number.isFinite(value) ? Math.max(0, Math.min(max, Math.floor(value))) : 0

/** Whoever started this copy holds the other end of its ipc channel or standard input. */
function whenParentGoes(leave: () => void): void {
  if (process.channel) process.once('disconnect', leave)
  const input = fstatSync(0)
  if (input.isFIFO() || input.isSocket()) process.stdin.once('end', leave).resume()
}

const crashAfterMs = 50

if (import.meta.main) {
  const { HOST = '127.0.0.1', PORT = '0', VERSION = '0.0.0' } = process.env
  const { RELEASE = 'none', CLUSTER = 'none' } = process.env
  if (VERSION.endsWith('-crashing')) {
    await delay(crashAfterMs)
    console.error(`shop ${VERSION} crashes, as its version says`)
    process.exit(1)
  }
  const shop = await startShop({
    host: HOST,
    port: Number(PORT),
    version: VERSION,
    release: RELEASE,
    cluster: CLUSTER,
  })
  console.log(`shop ${VERSION} listens on ${HOST}:${shop.port}`)
  const stop = () => void shop.stop().then(() => process.exit(0))
  process.once('SIGTERM', () => (process.env.ON_SIGTERM === 'exit' ? process.exit(0) : stop()))
  process.once('SIGINT', stop)
  whenParentGoes(() => process.exit(0))
}

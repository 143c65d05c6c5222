import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import {
  eventually,
  get,
  kept,
  plainBackend,
  portOf,
  rawBackend,
  rawClient,
  type Stage,
  type StageOptions,
  startStage,
} from './stage.ts'

const stage = async (options?: StageOptions): Promise<Stage> => kept(await startStage(options))

/** An HTTP backend by Node: `/echo` sends the body back, `/sum` its digest and length. */
async function nodeBackend(): Promise<{ port: number }> {
  const server = http.createServer((request, response) => {
    if (request.url === '/echo') {
      request.pipe(response)
      return
    }
    const hash = createHash('sha256')
    let bytes = 0
    request.on('data', (chunk) => {
      hash.update(chunk)
      bytes += chunk.length
    })
    request.on('end', () => {
      const length = Number(new URL(request.url ?? '', 'http://x').searchParams.get('send') ?? 0)
      response.setHeader('x-sum', hash.digest('hex'))
      response.setHeader('x-bytes', bytes)
      response.end(pattern(length))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  kept({
    stop() {
      server.close()
      server.closeAllConnections()
    },
  })
  return { port: portOf(server) }
}

/** Bytes in which no piece equals another, so that a swapped or repeated piece is seen. */
function pattern(bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  for (let i = 0; i + 4 <= bytes; i += 4) buffer.writeUInt32LE(i, i)
  return buffer
}

interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
}

function call(
  port: number,
  options: http.RequestOptions & { body?: Buffer; readDelayMs?: number },
): Promise<Answer> {
  const { body, readDelayMs = 0, ...rest } = options
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, ...rest }, async (response) => {
      const parts: Buffer[] = []
      try {
        if (readDelayMs > 0) await sleep(readDelayMs)
        for await (const part of response) {
          parts.push(part as Buffer)
          if (readDelayMs > 0) await sleep(1)
        }
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(parts),
        })
      } catch (error) {
        reject(error as Error)
      }
    })
    request.on('error', reject)
    request.setHeader('host', 'shop.test')
    request.end(body)
  })
}

const partOfOne = 'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nfirst '

describe.each([true, false])('with takeover %s', (takeover) => {
  test('one connection carries many requests on both sides', async () => {
    const backend = kept(await plainBackend('hello'))
    const { port, endpoints } = await stage({ takeover })
    endpoints(backend)
    const client = await rawClient(port)
    for (let n = 1; n <= 5; n++) {
      client.send(get(`/${n}`))
      await eventually(() => client.text().split('hello').length - 1 === n, `answer ${n}`)
    }
    expect(backend.sockets.length).toBe(1)
    expect(client.text().match(/HTTP\/1\.1 200/g)?.length).toBe(5)
  })

  test('an endpoint that goes finishes what is open, and gets nothing new', async () => {
    const old = kept(await rawBackend((socket) => void socket.write(partOfOne)))
    const next = kept(await plainBackend('next'))
    const { port, endpoints } = await stage({ takeover })
    endpoints(old)
    const open = await rawClient(port)
    open.send(get('/long'))
    await open.until('first ')
    endpoints(next)
    const client = await rawClient(port)
    for (let n = 1; n <= 5; n++) {
      client.send(get(`/${n}`))
      await eventually(() => client.text().split('next').length - 1 === n, `answer ${n}`)
    }
    old.sockets[0]!.write('second')
    await open.until('second')
    open.send(get('/more'))
    await open.until('next')
    expect(old.sockets).toHaveLength(1)
    expect(old.received[0]?.match(/GET /g)).toHaveLength(1)
  })

  test('a head may arrive byte by byte', async () => {
    const backend = kept(await plainBackend('hello'))
    const { port, endpoints } = await stage({ takeover })
    endpoints(backend)
    const client = await rawClient(port)
    client.socket.setNoDelay(true)
    for (const byte of get('/slow')) {
      client.send(byte)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await client.until('hello')
    expect(backend.received[0]).toMatch(/^GET \/slow HTTP\/1\.1\r\n/)
  })

  test('pipelined requests are answered in order, one at a time', async () => {
    let open = 0
    let most = 0
    const backend = kept(
      await rawBackend((socket, text) => {
        most = Math.max(most, ++open)
        const target = text.match(/GET (\/\d+)/g)?.at(-1) ?? ''
        setTimeout(() => {
          open--
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`)
        }, 1)
      }),
    )
    const { port, endpoints } = await stage({ takeover })
    endpoints(backend)
    const client = await rawClient(port)
    const targets = Array.from({ length: 50 }, (_, n) => `/${n}`)
    client.send(targets.map((target) => get(target)).join(''))
    await client.until('GET /49')
    const order = [...client.text().matchAll(/GET (\/\d+)/g)].map((match) => match[1])
    expect(order).toEqual(targets)
    expect(most).toBe(1)
  })

  test.each([0, 1, 1_000, 65_535, 65_536, 262_144, 262_145, 1_000_000])(
    'a body of %i bytes arrives whole, both ways and in both framings',
    async (bytes) => {
      const { port, endpoints } = await stage({ takeover })
      endpoints(await nodeBackend())
      const body = pattern(bytes)
      for (const headers of [{ 'content-length': bytes }, { 'transfer-encoding': 'chunked' }]) {
        const answer = await call(port, { path: '/echo', method: 'POST', headers, body })
        expect(answer.status).toBe(200)
        expect(answer.body.equals(body)).toBe(true)
      }
    },
  )

  test('50 MB pass both ways with a slow writer and a slow reader', {
    timeout: 60_000,
  }, async () => {
    const { port, endpoints } = await stage({ takeover })
    endpoints(await nodeBackend())
    const body = randomBytes(50_000_000)
    const sum = createHash('sha256').update(body).digest('hex')
    const up = await call(port, { path: '/sum', method: 'PUT', body })
    expect(up.headers['x-sum']).toBe(sum)
    expect(up.headers['x-bytes']).toBe('50000000')
    const down = await call(port, { path: '/sum?send=50000000', readDelayMs: 200 })
    expect(down.body.equals(pattern(50_000_000))).toBe(true)
  })
})

test('stalled readers corrupt nothing and hold a bounded number of bytes', async () => {
  // One spare zone only: most of the pending bytes must be heap copies.
  const { path, port, endpoints } = await stage({ outZones: 2 })
  endpoints(await nodeBackend())
  // More than the kernel's own buffers take.
  const bytes = 20_000_000
  const readers = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const client = await rawClient(port)
      client.socket.pause()
      client.send(get(`/sum?send=${bytes}`))
      return client
    }),
  )
  await eventually(() => path.zones.free() === 1, 'a zone to be held')
  const queued = path.clients().map((client) => client.socket.writableLength)
  expect(Math.max(...queued)).toBeLessThanOrEqual(path.zones.outBytes)
  for (const reader of readers) reader.socket.resume()
  const expected = pattern(bytes).toString('latin1')
  for (const reader of readers) {
    await eventually(() => reader.text().length > bytes, 'the whole body', 10_000)
    const text = reader.text()
    expect(text.slice(text.indexOf('\r\n\r\n') + 4) === expected).toBe(true)
  }
  await eventually(() => path.zones.free() === 2, 'the zone to come back')
})

test('a client that does not read its pipelined answers is not read either', async () => {
  const body = 'x'.repeat(100_000)
  let answered = 0
  const backend = kept(
    await rawBackend((socket, text) => {
      const asked = text.split('\r\n\r\n').length - 1
      for (; answered < asked; answered++) {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
      }
    }),
  )
  const { path, port, endpoints } = await stage()
  endpoints(backend)
  const client = await rawClient(port)
  client.socket.pause()
  client.send(get('/').repeat(1_000))
  let before = -1
  await eventually(() => {
    const same = answered === before && answered > 0
    before = answered
    return same && path.clients().some((one) => one.socket.writableLength > 0)
  }, 'the exchange to stall')
  expect(answered).toBeLessThan(1_000)
  expect(path.clients()[0]?.socket.writableLength).toBeLessThan(1_000_000)
  client.socket.resume()
  await eventually(() => answered === 1_000, 'all answers', 15_000)
})

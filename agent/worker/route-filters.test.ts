/**
 * What a route asks for beyond the request's head, over real sockets: changed responses, times of its own,
 * and its choice of endpoints. Times are asserted from below, and from above only by what did not happen.
 */
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { RouteFilters } from '#wire/filter.ts'
import { shopPosition, shopTable } from './shop-table.ts'
import {
  between,
  eventually,
  get,
  kept,
  ok,
  plainBackend,
  type RawBackend,
  rawBackend,
  rawClient,
  type Stage,
} from './stage.ts'

const routed = (backends: readonly RawBackend[], filters: RouteFilters, limits = {}) =>
  between(backends, { table: shopTable(undefined, filters), limits })
const failures = (stage: Stage) => stage.path.counts.usage().failures
const errors = (stage: Stage) => stage.path.counts.usage().errors
/** Takes requests and says nothing. */
const silent = () => rawBackend(() => {})
const setting = (name: string, value: string): RouteFilters => ({
  responseHeaders: { set: [{ name, value }], add: [], remove: ['server'] },
})

describe('response headers', () => {
  test('are changed in the responses of the route, and of no other', async () => {
    const backend = kept(await rawBackend((socket) => void socket.write(ok('hi', 'Server: x\r\n'))))
    const stage = await routed([backend], setting('x-frame-options', 'DENY'))
    stage.router.setEndpoints('shop-r2', [{ address: '127.0.0.1', port: backend.port }])
    const client = await rawClient(stage.port)
    for (let n = 1; n <= 3; n++) {
      client.send(get('/'))
      await eventually(() => client.text().split('hi').length - 1 === n, `answer ${n}`)
    }
    expect(client.text().match(/x-frame-options: DENY\r\n/g)).toHaveLength(3)
    expect(client.text()).not.toContain('Server')
    const other = await rawClient(stage.port)
    other.send(get('/test'))
    expect(await other.until('hi')).toMatch(/\r\nServer: x\r\n/)
    expect(other.text()).not.toContain('x-frame-options')
  })

  test('are not those of answers that the agent gives itself', async () => {
    const stage = await routed([], setting('x-a', 'b'))
    const client = await rawClient(stage.port)
    client.send(get('/'))
    expect(await client.until(' 503 ')).not.toContain('x-a')
  })

  test('hold for a request as they were when it began, though two other tables have come since', async () => {
    const backend = kept(await silent())
    const stage = await routed([backend], setting('x-table', 'first'))
    const client = await rawClient(stage.port)
    client.send(get('/'))
    await eventually(() => backend.sockets.length === 1, 'the request')
    for (const table of ['second', 'third', 'fourth']) {
      const refused = stage.router.loadTable(shopTable(undefined, setting('x-table', table)))
      expect(refused).toBe(null)
      stage.router.setPositions([shopPosition('shop-r1', 2)])
    }
    await eventually(() => (backend.received[0] ?? '') !== '', 'its head')
    backend.sockets[0]!.write(ok('one'))
    expect(await client.until('one')).toContain('x-table: first')
    client.send(get('/'))
    await eventually(() => (backend.received[0]?.match(/GET/g)?.length ?? 0) === 2, 'another')
    backend.sockets[0]!.write(ok('two'))
    expect(await client.until('two')).toContain('x-table: fourth')
  })
})

describe('a time of the route', () => {
  const took = async (stage: Stage, pattern: string, request = get('/')) => {
    const client = await rawClient(stage.port)
    const fromMs = performance.now()
    client.send(request)
    const text = await client.until(pattern)
    return { client, text, ms: performance.now() - fromMs }
  }

  test('requestMs: a response that has not begun is a 504, and the connection goes on', async () => {
    const backend = kept(await silent())
    const stage = await routed([backend], { timeouts: { requestMs: 150 } })
    const { client, ms } = await took(stage, ' 504 ')
    expect(ms).toBeGreaterThanOrEqual(150)
    expect(failures(stage)).toEqual({ 'route-timeout': 1 })
    expect(errors(stage)).toEqual({ 'shop-r1': 1 })
    client.send(get('/again'))
    await eventually(() => client.text().split(' 504 ').length === 3, 'a second answer')
    expect(stage.path.counts.usage().inUse).toEqual({ 'shop-r1': 0 })
  })

  test('requestMs: a response that has begun is cut visibly, however lively it is', async () => {
    const backend = kept(
      await rawBackend((socket) => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n')
        const timer = setInterval(() => socket.write('2\r\nab\r\n'), 20)
        socket.on('close', () => clearInterval(timer))
      }),
    )
    const stage = await routed([backend], { timeouts: { requestMs: 1_000 } })
    const { client, text } = await took(stage, 'ab')
    expect(text).toContain('200 OK')
    expect(await client.ended()).toBe('reset')
    expect(client.text()).not.toContain('0\r\n\r\n')
    expect(failures(stage)).toEqual({ 'route-timeout': 1 })
  })

  test('requestMs: a client that sends its body too slowly is told 408', async () => {
    const backend = kept(await silent())
    const stage = await routed([backend], { timeouts: { requestMs: 150 } })
    const request = 'POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 10\r\n\r\nabc'
    await took(stage, ' 408 ', request)
    expect(failures(stage)).toEqual({ 'request-timeout': 1 })
    expect(errors(stage)).toEqual({})
  })

  test('backendRequestMs begins anew when a request is repeated elsewhere', async () => {
    let asked = 0
    const backend = kept(
      await rawBackend((socket) => {
        if (++asked === 1) setTimeout(() => socket.resetAndDestroy(), 150)
      }),
    )
    const stage = await routed([backend], { timeouts: { backendRequestMs: 2_000 } })
    const { ms } = await took(stage, ' 504 ')
    expect(ms).toBeGreaterThan(2_100)
    expect(asked).toBe(2)
    expect(failures(stage)).toEqual({ 'route-timeout': 1 })
  })

  test('idleMs: instead of the usual wait for a head, shorter', async () => {
    const stage = await routed([kept(await silent())], { timeouts: { idleMs: 100 } })
    const { ms } = await took(stage, ' 504 ')
    expect(ms).toBeGreaterThanOrEqual(100)
    expect(failures(stage)).toEqual({ 'response-timeout': 1 })
  })

  test('idleMs: or longer, and between two pieces of a body', async () => {
    const backend = kept(
      await rawBackend((socket) => {
        setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab'), 300)
      }),
    )
    const limits = { responseHeadMs: 50, responseIdleMs: 50 }
    const stage = await routed([backend], { timeouts: { idleMs: 2_000 } }, limits)
    const { client } = await took(stage, 'ab')
    const fromMs = performance.now()
    expect(await client.ended()).toBe('reset')
    expect(performance.now() - fromMs).toBeGreaterThan(1_000)
    expect(failures(stage)).toEqual({ 'response-cut': 1 })
  })

  test('connectMs: an endpoint that does not accept in time', async () => {
    // TEST-NET-1 (RFC 5737): packets go nowhere; where the network refuses at once it is a 503.
    const stage = await routed([], { timeouts: { connectMs: 60 } })
    stage.router.setEndpoints('shop-r1', [{ address: '192.0.2.1', port: 80 }])
    const { text } = await took(stage, '\n\r\n')
    expect(text).toMatch(/^HTTP\/1\.1 50[34] /)
    expect(['connect-timeout', 'connect-failed']).toContain(Object.keys(failures(stage))[0])
  })

  test('tunnelIdleMs: a tunnel in which nothing moves; requestMs does not end one', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    await once(server, 'listening')
    server.on('connection', (socket) => {
      socket.on('message', (data) => socket.send(data))
    })
    kept({
      stop() {
        for (const socket of server.clients) socket.terminate()
        server.close()
      },
    })
    const backend = { port: (server.address() as { port: number }).port }
    const timeouts = { requestMs: 1_000, tunnelIdleMs: 2_000 }
    const table = shopTable(undefined, { timeouts })
    const stage = await between([backend], { table })
    const headers = { host: 'shop.test' }
    const socket = new WebSocket(`ws://127.0.0.1:${stage.port}/`, { headers })
    kept({ stop: () => socket.terminate() })
    await once(socket, 'open')
    const fromMs = performance.now()
    // Longer than a request may take; each message begins the wait anew.
    for (let n = 0; n < 4; n++) {
      await new Promise((resolve) => setTimeout(resolve, 300))
      socket.send(`${n}`)
      await once(socket, 'message')
    }
    await once(socket, 'close')
    expect(performance.now() - fromMs).toBeGreaterThan(3_000)
    expect(failures(stage)).toEqual({})
  })

  test('is for its own route alone', async () => {
    const backend = kept(
      await rawBackend((socket) => void setTimeout(() => socket.write(ok('late')), 300)),
    )
    const stage = await routed([backend], { timeouts: { requestMs: 50 } })
    stage.router.setEndpoints('shop-r2', [{ address: '127.0.0.1', port: backend.port }])
    await took(stage, 'late', get('/test'))
    await took(stage, ' 504 ')
  })
})

describe('load balancing of a route', () => {
  test('a user stays with an endpoint, and goes elsewhere only while it refuses', async () => {
    const backends = await Promise.all(
      ['one', 'two', 'three'].map(async (name) => kept(await plainBackend(name))),
    )
    const loadBalance = { type: 'header', header: 'x-user' } as const
    const stage = await routed(backends, { loadBalance }, { ejectMs: 60_000 })
    const answerFor = async (user: string) => {
      const client = await rawClient(stage.port)
      client.send(get('/', `X-User: ${user}\r\nConnection: close\r\n`))
      return /(one|two|three)$/.exec(await client.until(/(one|two|three)$/))![1]!
    }
    const users = Array.from({ length: 60 }, (_, n) => `user-${n}`)
    const first = await Promise.all(users.map(answerFor))
    expect(new Set(first).size).toBe(3)
    expect(await Promise.all(users.map(answerFor))).toEqual(first)
    backends[0]!.stop()
    const later = await Promise.all(users.map(answerFor))
    users.forEach((_, n) => {
      if (first[n] === 'one') expect(later[n]).not.toBe('one')
      else expect(later[n]).toBe(first[n])
    })
    expect(failures(stage)).toEqual({})
  })
})

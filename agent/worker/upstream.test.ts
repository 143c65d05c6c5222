/**
 * What the data path makes of backends that refuse, die, lie or are slow (http-rules 36, 43-51), and of
 * clients that leave.
 */
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import {
  between,
  eventually,
  get,
  kept,
  ok,
  plainBackend,
  rawBackend,
  rawClient,
  type Stage,
  startStage,
} from './stage.ts'

/** A port that refuses: it was free a moment ago. */
async function refusing(): Promise<{ port: number }> {
  const backend = await plainBackend('')
  backend.stop()
  return { port: backend.port }
}

const failures = (stage: Stage) => stage.path.counts.usage().failures

const post = (body: string) =>
  `POST /order HTTP/1.1\r\nHost: shop.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`

test("a release's own 5xx counts against it, and nothing else does", async () => {
  let status = '500 Oops'
  const answer = () => `HTTP/1.1 ${status}\r\nContent-Length: 2\r\n\r\nno`
  const stage = await between([kept(await rawBackend((socket) => socket.write(answer())))])
  const client = await rawClient(stage.port)
  for (const next of ['500 Oops', '404 Nothing', '200 OK', '503 Busy']) {
    status = next
    client.send(get('/'))
    await eventually(() => client.text().includes(`1.1 ${next.slice(0, 3)}`), next)
  }
  expect(stage.path.counts.usage().errors).toEqual({ 'shop-r1': 2 })
})

describe('connection attempts', () => {
  test('a refused endpoint is passed over for another, whatever the method', async () => {
    const good = kept(await plainBackend('good'))
    const order = kept(await rawBackend((socket) => socket.write(ok('made'))))
    const stage = await between([await refusing(), good])
    const client = await rawClient(stage.port)
    for (let n = 1; n <= 6; n++) {
      client.send(get('/'))
      await eventually(() => client.text().split('good').length - 1 === n, `answer ${n}`)
    }
    stage.endpoints(await refusing(), order)
    for (let n = 1; n <= 6; n++) {
      client.send(post('12345'))
      await eventually(() => client.text().split('made').length - 1 === n, `order ${n}`)
    }
    expect(failures(stage)).toEqual({})
  })

  test('with every endpoint refusing the answer is 503 and the connection goes on', async () => {
    const stage = await between([await refusing(), await refusing(), await refusing()])
    const client = await rawClient(stage.port)
    client.send(get('/'))
    const text = await client.until('now\n')
    expect(text).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/)
    expect(text).toMatch(/Cache-Control: no-store\r\n/)
    expect(text).toMatch(/Retry-After: 1\r\n/)
    expect(text).toMatch(/Date: .*GMT\r\n/)
    expect(text).toMatch(/Connection: keep-alive\r\n/)
    client.send(get('/'))
    await eventually(() => client.text().split(' 503 Service').length === 3, 'a second answer')
    expect(failures(stage)).toEqual({ 'connect-failed': 2 })
    expect(stage.path.counts.usage().errors).toEqual({ 'shop-r1': 2 })
  })

  test('while most endpoints refuse at once, every request finds one that does not', async () => {
    const gone = await Promise.all(Array.from({ length: 10 }, refusing))
    const stage = await between([
      ...gone.slice(0, 5),
      kept(await rawBackend((socket) => socket.write(ok('good')))),
      ...gone.slice(5),
    ])
    const clients = await Promise.all(Array.from({ length: 10 }, () => rawClient(stage.port)))
    for (const client of clients) client.send(post('12345'))
    for (const client of clients) await client.until('good')
    expect(failures(stage)).toEqual({})
  })

  test('who waits for an endpoint that leaves is told at once, to go elsewhere', async () => {
    const backend = kept(await plainBackend('late'))
    const stage = await between([backend])
    const told: string[] = []
    const slot = stage.router.reselect(0, -1)
    stage.path.pools.connect(slot, {
      onUpstreamConnect: () => void told.push('connected'),
      onUpstreamRead: () => true,
      onUpstreamEnd: () => void told.push('ended'),
      onUpstreamClose: () => void told.push('closed'),
    })
    stage.endpoints()
    await eventually(() => told.length > 0, 'told')
    expect(told).toEqual(['closed'])
  })

  test('an endpoint that does not accept in time is a 504', async () => {
    // TEST-NET-1 (RFC 5737): packets go nowhere; where the network refuses at once it is a 503.
    const stage = kept(await startStage({ limits: { connectMs: 100 } }))
    stage.router.setEndpoints('shop-r1', [{ address: '192.0.2.1', port: 80 }])
    const client = await rawClient(stage.port)
    client.send(get('/'))
    expect(await client.until('\n\r\n')).toMatch(/^HTTP\/1\.1 50[34] /)
    const [reason] = Object.keys(failures(stage))
    expect(['connect-timeout', 'connect-failed']).toContain(reason)
  })
})

describe('connections that are used again', () => {
  /** Answers the first request of each connection, and resets at the second. */
  const resetsAtSecond = () =>
    rawBackend((socket, text) => {
      const asked = text.match(/HTTP\/1\.1\r\n/g)?.length ?? 0
      if (asked === 1) socket.write(ok('first'))
      else socket.resetAndDestroy()
    })

  test('a GET that met a dying connection is sent once more, on a new one', async () => {
    const backend = kept(await resetsAtSecond())
    const stage = await between([backend])
    const client = await rawClient(stage.port)
    for (let n = 1; n <= 3; n++) {
      client.send(get('/'))
      await eventually(() => client.text().split('first').length - 1 === n, `answer ${n}`)
    }
    expect(backend.sockets.length).toBe(3)
    expect(failures(stage)).toEqual({})
  })

  test('a POST is never sent twice', async () => {
    const backend = kept(await resetsAtSecond())
    const stage = await between([backend])
    const client = await rawClient(stage.port)
    client.send(post('1'))
    await client.until('first')
    client.send(post('2'))
    expect(await client.until(' 502 ')).toMatch(/HTTP\/1\.1 502 Bad Gateway/)
    expect(failures(stage)).toEqual({ 'upstream-reset': 1 })
    expect(backend.received.join('').match(/POST/g)?.length).toBe(2)
  })

  test('a POST does not take a connection that has been idle for long', async () => {
    const backend = kept(await rawBackend((socket) => socket.write(ok('made'))))
    const stage = await between([backend], { limits: { provenAliveMs: 400 } })
    const client = await rawClient(stage.port)
    client.send(post('1'))
    await client.until('made')
    client.send(post('2'))
    await eventually(() => client.text().split('made').length === 3, 'a second answer')
    expect(backend.sockets.length).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 600))
    client.send(post('3'))
    await eventually(() => client.text().split('made').length === 4, 'a third answer')
    expect(backend.sockets.length).toBe(2)
  })

  test('a GET is given up after its second connection died', async () => {
    const backend = kept(await rawBackend((socket) => void socket.resetAndDestroy()))
    const stage = await between([backend])
    const client = await rawClient(stage.port)
    client.send(get('/'))
    await client.until(' 502 ')
    expect(backend.sockets.length).toBe(2)
    expect(failures(stage)).toEqual({ 'upstream-reset': 1 })
  })

  test('no more than a share of all requests is repeated', async () => {
    const backend = kept(await rawBackend((socket) => void socket.resetAndDestroy()))
    const stage = await between([backend], { limits: { repeatReserve: 2, repeatShare: 0.2 } })
    for (let n = 0; n < 12; n++) {
      const client = await rawClient(stage.port)
      client.send(get('/'))
      await client.until(' 502 ')
    }
    // Two from the reserve, and two that eleven requests have earned.
    expect(backend.sockets.length).toBe(12 + 4)
  })

  test('bytes on an idle connection close it', async () => {
    const backend = kept(await plainBackend('real'))
    const stage = await between([backend])
    const client = await rawClient(stage.port)
    client.send(get('/'))
    await client.until('real')
    expect(stage.path.pools.idleCount()).toBe(1)
    backend.sockets[0]?.write(ok('fake'))
    await eventually(() => stage.path.pools.idleCount() === 0, 'the connection to be closed')
    client.send(get('/'))
    await eventually(() => client.text().split('real').length === 3, 'a second answer')
    expect(client.text()).not.toContain('fake')
    expect(backend.sockets.length).toBe(2)
  })

  test('a response that was planted before the request was sent is not taken for its answer', async () => {
    const backend = kept(await plainBackend('real'))
    const stage = await between([backend])
    const client = await rawClient(stage.port)
    client.send(get('/'))
    await client.until('real')
    // Both are readable in one poll, the client's first: blocking the loop makes sure of it.
    const late = connect({ port: stage.port, host: '127.0.0.1' })
    await new Promise((resolve) => late.once('connect', resolve))
    let answer = ''
    late.on('data', (chunk) => {
      answer += chunk.toString('latin1')
    })
    await new Promise((resolve) => setTimeout(resolve, 50))
    late.write(get('/'))
    backend.sockets[0]?.write(ok('fake'))
    const endMs = performance.now() + 30
    while (performance.now() < endMs);
    await eventually(() => answer.endsWith('real') || answer.endsWith('fake'), 'an answer')
    expect(answer).toContain('real')
    late.destroy()
  })

  test('bytes behind a response close the connection that sent them', async () => {
    const backend = kept(await rawBackend((socket) => socket.write(`${ok('real')}${ok('fake')}`)))
    const stage = await between([backend])
    const client = await rawClient(stage.port)
    for (let n = 1; n <= 2; n++) {
      client.send(get('/'))
      await eventually(() => client.text().split('real').length - 1 === n, `answer ${n}`)
    }
    expect(client.text()).not.toContain('fake')
    expect(backend.sockets.length).toBe(2)
  })

  test('idle connections are closed when their endpoint leaves, and when they are old', async () => {
    const one = kept(await plainBackend('one'))
    const two = kept(await plainBackend('two'))
    const stage = await between([one], { limits: { upstreamIdleMs: 60 } })
    const client = await rawClient(stage.port)
    client.send(get('/'))
    await client.until('one')
    stage.endpoints(two)
    expect(stage.path.pools.idleCount()).toBe(0)
    client.send(get('/'))
    await client.until('two')
    expect(stage.path.pools.idleCount()).toBe(1)
    await eventually(() => stage.path.pools.idleCount() === 0, 'the old connection to be closed')
  })

  test('at most so many are kept for one endpoint', async () => {
    const backend = kept(await plainBackend('hello'))
    const stage = await between([backend], { limits: { upstreamIdlePerEndpointMax: 2 } })
    const clients = await Promise.all([1, 2, 3].map(() => rawClient(stage.port)))
    for (const client of clients) client.send(get('/'))
    for (const client of clients) await client.until('hello')
    expect(stage.path.pools.idleCount()).toBeLessThanOrEqual(2)
  })
})

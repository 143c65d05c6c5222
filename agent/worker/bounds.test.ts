/** Every wait and every queue of the data path ends (DESIGN P12, http-rules 63, 64). */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { closeReleases, drain } from './drain.ts'
import {
  between,
  eventually,
  get,
  kept,
  ok,
  plainBackend,
  type RawClient,
  rawBackend,
  rawClient,
  type Stage,
} from './stage.ts'

const failures = (stage: Stage) => stage.path.counts.usage().failures
const silent = async () => kept(await rawBackend(() => {}))
const hello = async () => kept(await plainBackend('hello'))
const upload = (length: number, body: string) =>
  `PUT / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: ${length}\r\n\r\n${body}`

/**
 * Something is sent, and the process gets no time, from the moment at which `other` has its answer: what is due
 * then runs before what the kernel has taken in meanwhile is read.
 */
async function sendAndStall(client: RawClient, other: RawClient, ms: number): Promise<void> {
  const stalled = new Promise<void>((resolve) => {
    other.socket.once('data', () => {
      client.send(get('/'))
      for (const endMs = performance.now() + ms; performance.now() < endMs; );
      resolve()
    })
  })
  other.send(get('/'))
  await stalled
}

describe('time', () => {
  test('a connection that says nothing is closed without a word', async () => {
    const stage = await between([await hello()], { limits: { headMs: 50 } })
    const client = await rawClient(stage.port)
    await client.ended()
    expect(client.text()).toBe('')
    expect(failures(stage)).toEqual({})
  })

  test('a head that does not end is a 408', async () => {
    const stage = await between([await hello()], { limits: { headMs: 60 } })
    const client = await rawClient(stage.port)
    client.send('GET / HTTP/1.1\r\n')
    await client.until(' 408 ')
    expect(await client.ended()).toBe('end')
    expect(failures(stage)).toEqual({ 'request-timeout': 1 })
  })

  test('dripping bytes do not extend the time for a head', async () => {
    const stage = await between([await hello()], { limits: { headMs: 80 } })
    const client = await rawClient(stage.port)
    const startMs = performance.now()
    const drip = setInterval(() => client.send('X'), 10)
    client.send('GET / HTTP/1.1\r\nX')
    await client.until(' 408 ')
    clearInterval(drip)
    expect(performance.now() - startMs).toBeLessThan(1_000)
  })

  test('a request that came in time is answered, though the worker was stalled past the idle time', async () => {
    const stage = await between([await hello()], { limits: { idleMs: 200 } })
    const client = await rawClient(stage.port)
    client.send(get('/'))
    await client.until('hello')
    await sendAndStall(client, await rawClient(stage.port), 500)
    await eventually(() => client.text().split('hello').length === 3, 'the answer')
  })

  test('an idle connection is closed after the idle time, a used one is not', async () => {
    const stage = await between([await hello()], { limits: { idleMs: 120 } })
    const client = await rawClient(stage.port)
    for (let n = 1; n <= 4; n++) {
      client.send(get('/'))
      await eventually(() => client.text().split('hello').length - 1 === n, `answer ${n}`)
      await sleep(50)
    }
    expect(await client.ended()).toBe('end')
    expect(failures(stage)).toEqual({})
  })

  test('a body that stops is a 408, one that moves is not', async () => {
    const stage = await between([await silent()], {
      limits: { bodyWindowMs: 60, bodyWindowBytesMin: 10 },
    })
    const client = await rawClient(stage.port)
    client.send(upload(1_000, 'abc'))
    await client.until(' 408 ')
    expect(failures(stage)).toEqual({ 'request-timeout': 1 })
    const moving = await rawClient(stage.port)
    moving.send(upload(1_000, 'abc'))
    for (let n = 0; n < 12; n++) {
      moving.send('x'.repeat(20))
      await sleep(15)
    }
    expect(moving.text()).toBe('')
  })

  test('a client that takes nothing of its response is reset', async () => {
    const backend = kept(
      await rawBackend((socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n')
        socket.write(Buffer.alloc(40_000_000))
      }),
    )
    const stage = await between([backend], { limits: { writeStallMs: 100 } })
    const client = await rawClient(stage.port)
    client.socket.pause()
    client.send(get('/'))
    await eventually(() => failures(stage)['client-stalled'] === 1, 'the stall to be seen')
    await eventually(() => stage.path.clients().length === 0, 'the connection to be gone')
  })
})

describe('size', () => {
  test('a body at the limit passes, one byte more is a 413', async () => {
    const backend = kept(
      await rawBackend((socket, text) => text.endsWith('!') && socket.write(ok('thanks'))),
    )
    const stage = await between([backend], { limits: { requestBodyBytesMax: 10 } })
    const client = await rawClient(stage.port)
    client.send(upload(10, '123456789!'))
    await client.until('thanks')
    client.send(upload(11, '12345678'))
    await client.until(' 413 ')
    expect(await client.ended()).toBe('end')
    expect(failures(stage)).toEqual({ 'body-too-large': 1 })
    expect(backend.received.join('').match(/PUT/g)?.length).toBe(1)
  })

  test('a chunked body that grows beyond the limit is cut at the backend', async () => {
    const backend = await silent()
    const stage = await between([backend], { limits: { requestBodyBytesMax: 10 } })
    const client = await rawClient(stage.port)
    client.send('PUT / HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n')
    client.send('a\r\n1234567890\r\n')
    await eventually(() => (backend.received[0] ?? '').includes('1234567890'), 'the first chunk')
    client.send('1\r\n!\r\n')
    await client.until(' 413 ')
    expect(failures(stage)).toEqual({ 'body-too-large': 1 })
    await eventually(() => backend.sockets[0]?.destroyed === true, 'the reset')
    expect(backend.received[0]).not.toContain('0\r\n\r\n')
  })
})

describe('overload', () => {
  test('connections up to the limit are served, one more is answered 503, beyond the spare reset', async () => {
    const stage = await between([await hello()], {
      limits: { connectionsMax: 3, connectionsSpare: 1, sweepMs: 10_000 },
    })
    const served = await Promise.all([1, 2, 3].map(() => rawClient(stage.port)))
    for (const client of served) {
      client.send(get('/'))
      await client.until('hello')
    }
    const refused = await rawClient(stage.port)
    refused.send(get('/'))
    expect(await refused.until(' 503 ')).toMatch(/Retry-After: 1\r\n/)
    // The reset can come before or after the connection is known to be there.
    const beyond = await rawClient(stage.port).catch((error: NodeJS.ErrnoException) => error)
    if ('code' in beyond) expect(beyond.code).toBe('ECONNRESET')
    else expect(await (beyond as RawClient).ended()).toBe('reset')
    for (const client of served) {
      client.send(get('/'))
      await eventually(() => client.text().split('hello').length === 3, 'the others to be served')
    }
    expect(failures(stage)).toEqual({ overloaded: 1 })
  })

  test('too many queued bytes are answered 503 until they have gone', async () => {
    const backend = kept(
      await rawBackend((socket, text) => {
        if (text.lastIndexOf('GET /big') < text.lastIndexOf('GET / ')) socket.write(ok('hello'))
        else {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\n\r\n')
          socket.write(Buffer.alloc(30_000_000))
        }
      }),
    )
    const stage = await between([backend], { limits: { queuedBytesMax: 100_000 } })
    const stalled = await rawClient(stage.port)
    stalled.socket.pause()
    stalled.send(get('/big'))
    await eventually(() => stage.path.overloaded, 'the worker to be overloaded')
    const client = await rawClient(stage.port)
    client.send(get('/'))
    await client.until(' 503 ')
    stalled.socket.resume()
    await eventually(() => stalled.text().length > 30_000_000, 'the big response', 10_000)
    await eventually(() => !stage.path.overloaded, 'the queue to be empty')
    const again = await rawClient(stage.port)
    again.send(get('/'))
    await again.until('hello')
  })
})

describe('draining', () => {
  test('finishes what is open, answers with close, refuses new connections', async () => {
    let finish = () => {}
    const backend = kept(
      await rawBackend((socket, text) => {
        if (text.startsWith('GET /slow')) finish = () => void socket.write(ok('at last'))
        else socket.write(ok('hello'))
      }),
    )
    const stage = await between([backend], {
      limits: { drainNotReadyMs: 50, drainIdleMs: 300, drainTimeoutMs: 5_000 },
    })
    const slow = await rawClient(stage.port)
    slow.send(get('/slow'))
    const idle = await rawClient(stage.port)
    idle.send(get('/'))
    await idle.until('hello')
    const silentOne = await rawClient(stage.port)
    await eventually(() => backend.received.some((text) => text.includes('slow')), 'the request')

    const drained = drain(stage.path)
    await eventually(() => stage.path.draining, 'draining to begin')
    idle.send(get('/'))
    await eventually(() => idle.text().split('hello').length === 3, 'an answer while draining')
    expect(idle.text()).toMatch(/connection: close/i)
    expect(await idle.ended()).toBe('end')
    expect(await silentOne.ended()).toBe('end')
    await expect(rawClient(stage.port)).rejects.toThrow(/ECONNREFUSED/)
    finish()
    expect(await slow.until('at last')).toMatch(/connection: close/i)
    slow.socket.end()
    idle.socket.end()
    silentOne.socket.end()
    await drained
    expect(failures(stage)).toEqual({})
  })

  test('answers what came in while the worker was stalled past the end of its patience', async () => {
    const stage = await between([await hello()], {
      limits: { drainNotReadyMs: 1, drainIdleMs: 300, drainTimeoutMs: 5_000 },
    })
    const [client, other] = [await rawClient(stage.port), await rawClient(stage.port)]
    client.send(get('/'))
    await client.until('hello')
    const drained = drain(stage.path)
    await eventually(() => stage.path.draining, 'draining to begin')
    await sendAndStall(client, other, 400)
    expect(await client.ended()).toBe('end')
    expect(client.text().split('hello').length).toBe(3)
    for (const { socket } of [client, other]) socket.end()
    await drained
  })

  test('is bounded: what does not finish is cut', async () => {
    const stage = await between([await silent()], {
      limits: { drainNotReadyMs: 1, drainIdleMs: 1, drainTimeoutMs: 100, closeWindowMs: 100 },
    })
    const client = await rawClient(stage.port)
    client.send(get('/'))
    await eventually(() => stage.path.counts.usage().inUse['shop-r1'] === 1, 'the request')
    const startMs = performance.now()
    await drain(stage.path)
    expect(performance.now() - startMs).toBeLessThan(2_000)
    expect(failures(stage)).toEqual({ 'drain-deadline': 1 })
    expect(client.text()).toMatch(/^HTTP\/1\.1 503 /)
  })

  test('a release past its deadline is closed alone, over a window', async () => {
    const stage = await between([await silent()], { limits: { closeWindowMs: 100 } })
    const clients = await Promise.all(Array.from({ length: 10 }, () => rawClient(stage.port)))
    for (const client of clients) client.send(get('/'))
    await eventually(() => stage.path.counts.usage().inUse['shop-r1'] === 10, 'the requests')
    await closeReleases(stage.path, ['shop-r9'])
    expect(stage.path.counts.usage().inUse['shop-r1']).toBe(10)
    const startMs = performance.now()
    await closeReleases(stage.path, ['shop-r1'])
    expect(performance.now() - startMs).toBeGreaterThan(30)
    expect(stage.path.counts.usage().inUse['shop-r1']).toBe(0)
  })
})

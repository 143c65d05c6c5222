/** Requests that are answered early, given up, or wait for `100 Continue` (http-rules 36, 38, 44). */
import { describe, expect, test } from 'vitest'
import {
  between,
  eventually,
  get,
  kept,
  ok,
  type RawBackend,
  rawBackend,
  rawClient,
  type Stage,
} from './stage.ts'

const failures = (stage: Stage) => stage.path.counts.usage().failures

describe('requests', () => {
  const answersAtHead = () =>
    rawBackend((socket, text, connection) => {
      if (text.includes('\r\n\r\n') && connection >= 0) socket.write(ok('too early'))
    })

  test('an answer before the whole request is passed on, and the connection closes', async () => {
    const backend = kept(await answersAtHead())
    const stage = await between([backend])
    const client = await rawClient(stage.port)
    client.send('POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 100\r\n\r\nabc')
    expect(await client.until('too early')).toMatch(/connection: close/i)
    expect(await client.ended()).toBe('end')
    await eventually(() => backend.sockets[0]?.destroyed === true, 'the backend to be reset')
    // What would have been the body is never read as a request.
    client.send(get('/smuggled'))
    expect(backend.received.join('')).not.toContain('smuggled')
  })

  test('a client that leaves in the middle of its body resets the backend', async () => {
    const backend = kept(await rawBackend(() => {}))
    const stage = await between([backend])
    const client = await rawClient(stage.port)
    let reset = false
    client.send('POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 100\r\n\r\nabc')
    await eventually(() => (backend.received[0] ?? '').endsWith('abc'), 'the body to begin')
    backend.sockets[0]?.on('error', () => {
      reset = true
    })
    client.socket.destroy()
    await eventually(() => reset, 'the reset')
    expect(failures(stage)).toEqual({ 'client-gone': 1 })
    expect(stage.path.counts.usage().inUse).toEqual({ 'shop-r1': 0 })
  })

  test('a client that closes its side after the request still gets the answer', async () => {
    const backend = kept(
      await rawBackend((socket) => {
        setTimeout(() => socket.write(ok('late')), 50)
      }),
    )
    const stage = await between([backend])
    const client = await rawClient(stage.port)
    client.socket.end(get('/'))
    await client.until('late')
    expect(await client.ended()).toBe('end')
  })

  test('a client that leaves while it waits frees the backend', async () => {
    const backend = kept(await rawBackend(() => {}))
    const stage = await between([backend])
    const client = await rawClient(stage.port)
    client.send(get('/'))
    await eventually(() => (backend.received[0] ?? '') !== '', 'the request')
    client.socket.resetAndDestroy()
    await eventually(() => backend.sockets[0]?.destroyed === true, 'the backend to be freed')
    expect(failures(stage)).toEqual({ 'client-gone': 1 })
  })

  describe('that expect 100-continue', () => {
    const expecting =
      'PUT / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n'
    const continues = (): Promise<RawBackend> =>
      rawBackend((socket, text) => {
        if (text.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 100 Continue\r\n\r\n')
        else if (text.endsWith('body')) socket.write(ok('thanks'))
      })

    test('send their body after the backend has agreed', async () => {
      const backend = kept(await continues())
      const stage = await between([backend])
      const client = await rawClient(stage.port)
      client.send(expecting)
      await client.until('100 Continue')
      expect(backend.received[0]).not.toContain('body')
      client.send('body')
      await client.until('thanks')
      client.send(get('/'))
    })

    test('may send their body at once; it waits for the backend', async () => {
      const backend = kept(await continues())
      const stage = await between([backend])
      const client = await rawClient(stage.port)
      client.send(`${expecting}body`)
      await client.until('thanks')
    })

    test('get a final answer without their body being sent on', async () => {
      const backend = kept(
        await rawBackend((socket) => {
          socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno')
        }),
      )
      const stage = await between([backend])
      const client = await rawClient(stage.port)
      client.send(`${expecting}body`)
      expect(await client.until('no')).toMatch(/connection: close/i)
      expect(await client.ended()).toBe('end')
      expect(backend.received[0]).not.toContain('body')
    })

    test('go on after a second without an answer', async () => {
      const backend = kept(
        await rawBackend((socket, text) => {
          if (text.endsWith('body')) socket.write(ok('thanks'))
        }),
      )
      const stage = await between([backend], { limits: { expectMs: 60 } })
      const client = await rawClient(stage.port)
      client.send(`${expecting}body`)
      await client.until('thanks')
    })
  })
})

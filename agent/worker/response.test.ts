/** What the data path makes of responses: framing, interim heads, and backends that stop (http-rules 45-48). */
import { describe, expect, test } from 'vitest'
import { between, eventually, get, kept, ok, rawBackend, rawClient, type Stage } from './stage.ts'

const failures = (stage: Stage) => stage.path.counts.usage().failures

describe('responses', () => {
  const answerWith = async (bytes: string, then: 'keep' | 'end' | 'reset' = 'keep') => {
    const backend = kept(
      await rawBackend((socket) => {
        socket.write(bytes)
        if (then === 'end') socket.end()
        if (then === 'reset') setTimeout(() => socket.resetAndDestroy(), 30)
      }),
    )
    const stage = await between([backend], { limits: { responseIdleMs: 300 } })
    return { backend, stage, client: await rawClient(stage.port) }
  }

  test('that end with the connection are passed on as chunks and end properly', async () => {
    const { client } = await answerWith('HTTP/1.1 200 OK\r\n\r\nuntil the end', 'end')
    client.send(get('/'))
    const text = await client.until('\r\n0\r\n\r\n')
    expect(text).toMatch(/transfer-encoding: chunked/i)
    expect(text).toContain('\r\n\r\nd\r\nuntil the end\r\n0\r\n\r\n')
  })

  test('that end with the connection end with it for an HTTP/1.0 client', async () => {
    const { client } = await answerWith('HTTP/1.1 200 OK\r\n\r\nuntil the end', 'end')
    client.send('GET / HTTP/1.0\r\nHost: shop.test\r\n\r\n')
    expect(await client.ended()).toBe('end')
    expect(client.text()).toMatch(/\r\n\r\nuntil the end$/)
  })

  test('in chunks reach an HTTP/1.0 client as plain bytes', async () => {
    const { client } = await answerWith(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n',
    )
    client.send('GET / HTTP/1.0\r\nHost: shop.test\r\n\r\n')
    expect(await client.ended()).toBe('end')
    expect(client.text()).toMatch(/\r\n\r\nabcde$/)
  })

  test.each([
    ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc', 'end'],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc', 'end'],
    ['no framing', 'HTTP/1.1 200 OK\r\n\r\nabc', 'reset'],
    ['a length, and silence', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc', 'keep'],
  ] as const)('cut short with %s reset the client', async (_, bytes, then) => {
    const { client, stage } = await answerWith(bytes, then)
    client.send(get('/'))
    expect(await client.ended()).toBe('reset')
    expect(client.text()).not.toContain('\r\n0\r\n')
    expect(failures(stage)).toEqual({ 'response-cut': 1 })
    expect(stage.path.counts.usage().inUse).toEqual({ 'shop-r1': 0 })
  })

  test('broken after the head reset the client; broken heads are a 502', async () => {
    const late = await answerWith('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc')
    late.client.send(get('/'))
    await late.client.until(' 502 ')
    const early = await answerWith('HTTP/9 hello\r\n\r\n')
    early.client.send(get('/'))
    await early.client.until(' 502 ')
    expect(failures(early.stage)).toEqual({ 'bad-response': 1 })
    expect(early.stage.path.pools.idleCount()).toBe(0)
  })

  test('to HEAD, 204 and 304 have no body, and the connections go on', async () => {
    const backend = kept(
      await rawBackend((socket, text) => {
        const last = text.trim().split('\r\n\r\n').at(-1) ?? ''
        if (last.startsWith('HEAD')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n')
        else if (last.startsWith('GET /204')) socket.write('HTTP/1.1 204 No Content\r\n\r\n')
        else if (last.startsWith('GET /304')) {
          socket.write('HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n')
        } else socket.write(ok('done'))
      }),
    )
    const stage = await between([backend])
    const client = await rawClient(stage.port)
    client.send('HEAD / HTTP/1.1\r\nHost: shop.test\r\n\r\n')
    client.send(`${get('/204')}${get('/304')}${get('/')}`)
    const text = await client.until('done')
    expect(text.match(/HTTP\/1\.1 (\d+)/g)).toEqual([
      'HTTP/1.1 200',
      'HTTP/1.1 204',
      'HTTP/1.1 304',
      'HTTP/1.1 200',
    ])
    expect(backend.sockets.length).toBe(1)
  })

  test('1xx are passed on to HTTP/1.1, eight at most', async () => {
    const hints = (count: number) => 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'.repeat(count)
    const at = await answerWith(`${hints(8)}${ok('final')}`)
    at.client.send(get('/'))
    expect((await at.client.until('final')).match(/ 103 /g)?.length).toBe(8)
    const past = await answerWith(`${hints(9)}${ok('final')}`)
    past.client.send(get('/'))
    await past.client.until(' 502 ')
    const old = await answerWith(`${hints(2)}${ok('final')}`)
    old.client.send('GET / HTTP/1.0\r\nHost: shop.test\r\n\r\n')
    expect(await old.client.until('final')).not.toContain('103')
  })

  test('that come in time but never begin are a 504', async () => {
    const backend = kept(await rawBackend(() => {}))
    const stage = await between([backend], { limits: { responseHeadMs: 60 } })
    const client = await rawClient(stage.port)
    client.send(get('/'))
    await client.until(' 504 ')
    expect(failures(stage)).toEqual({ 'response-timeout': 1 })
    await eventually(() => backend.sockets[0]?.destroyed === true, 'the backend to see it')
  })
})

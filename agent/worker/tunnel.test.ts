import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { closeReleases } from './drain.ts'
import { between, eventually, get, kept, ok, rawBackend, rawClient } from './stage.ts'

async function echo(): Promise<{ port: number; server: WebSocketServer }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  server.on('connection', (socket) => {
    socket.on('message', (data, binary) => socket.send(data, { binary }))
  })
  kept({
    stop() {
      for (const socket of server.clients) socket.terminate()
      server.close()
    },
  })
  return { port: (server.address() as { port: number }).port, server }
}

async function dial(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/live`, { headers: { host: 'shop.test' } })
  kept({ stop: () => socket.terminate() })
  await once(socket, 'open')
  return socket
}

const upgrade = get(
  '/live',
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
)
const switching =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n'

describe('a WebSocket', () => {
  test('carries messages both ways, big ones too, and is in the ledger until it is closed', async () => {
    const stage = await between([await echo()])
    const socket = await dial(stage.port)
    for (const bytes of [0, 1, 70_000, 3_000_000]) {
      const message = Buffer.alloc(bytes, bytes % 251)
      socket.send(message)
      const [data] = (await once(socket, 'message')) as [Buffer]
      expect(data.equals(message)).toBe(true)
    }
    expect(stage.path.counts.usage().inUse).toEqual({ 'shop-r1': 1 })
    socket.close(1000)
    const [code] = await once(socket, 'close')
    expect(code).toBe(1000)
    await eventually(() => stage.path.counts.usage().inUse['shop-r1'] === 0, 'the ledger')
    expect(stage.path.counts.usage().failures).toEqual({})
  })

  test('stays when endpoints, positions and table change', async () => {
    const first = await echo()
    const second = await echo()
    const stage = await between([first])
    const socket = await dial(stage.port)
    stage.endpoints(second)
    socket.send('still here')
    const [data] = (await once(socket, 'message')) as [Buffer]
    expect(data.toString()).toBe('still here')
    expect(stage.path.counts.usage().inUse).toEqual({ 'shop-r1': 1 })
  })

  test('is closed when its backend dies', async () => {
    const backend = await echo()
    const stage = await between([backend])
    const socket = await dial(stage.port)
    for (const one of backend.server.clients) one.terminate()
    const [code] = await once(socket, 'close')
    expect(code).toBe(1006)
    await eventually(() => stage.path.counts.usage().inUse['shop-r1'] === 0, 'the ledger')
  })

  test('is told 1001 when its release is closed, and both sides end', async () => {
    const backend = await echo()
    const stage = await between([backend], { limits: { closeWindowMs: 200 } })
    const socket = await dial(stage.port)
    socket.send('hello')
    await once(socket, 'message')
    const [code] = (
      await Promise.all([once(socket, 'close'), closeReleases(stage.path, ['shop-r1'])])
    )[0] as [number]
    expect(code).toBe(1001)
    await eventually(() => backend.server.clients.size === 0, 'the backend to be told')
    expect(stage.path.counts.usage().inUse).toEqual({ 'shop-r1': 0 })
    expect(stage.path.counts.usage().failures).toEqual({})
  })

  test('is told so behind the frame that is under way, never within it', async () => {
    const backend = kept(await rawBackend((socket) => void socket.write(switching)))
    const stage = await between([backend], { limits: { closeWindowMs: 1_000 } })
    const client = await rawClient(stage.port)
    client.send(upgrade)
    await client.until('101')
    const [upstream] = backend.sockets
    upstream!.write(Buffer.from([0x82, 4, 1, 2]))
    await client.until(/\x82\x04\x01\x02$/)
    const closed = closeReleases(stage.path, ['shop-r1'])
    upstream!.write(Buffer.from([3, 4]))
    await client.until(/\x01\x02\x03\x04\x88\x02\x03\xe9$/)
    upstream!.write(Buffer.from([0x82, 1, 9]))
    await closed
    expect(client.text()).toMatch(/\x03\xe9$/)
  })

  test('is closed when nothing moves for the idle time', async () => {
    const stage = await between([await echo()], { limits: { tunnelIdleMs: 60 } })
    const socket = await dial(stage.port)
    await once(socket, 'close')
    await eventually(() => stage.path.counts.usage().inUse['shop-r1'] === 0, 'the ledger')
  })
})

test('bytes behind an upgrade request are held until the 101', async () => {
  let early = ''
  const backend = kept(
    await rawBackend((socket, text) => {
      if (text.includes('frames')) socket.write('more')
      else
        setTimeout(() => {
          early = text
          socket.write(`${switching}first`)
        }, 30)
    }),
  )
  const stage = await between([backend])
  const client = await rawClient(stage.port)
  client.send(`${upgrade}frames`)
  await client.until('more')
  expect(early).not.toContain('frames')
  expect(client.text()).toMatch(/^HTTP\/1\.1 101 .*firstmore$/s)
})

test('any other answer to an upgrade is a normal response, and both sides close', async () => {
  const backend = kept(await rawBackend((socket) => socket.write(ok('no sockets here'))))
  const stage = await between([backend])
  const client = await rawClient(stage.port)
  client.send(`${upgrade}${get('/smuggled')}`)
  await client.until('no sockets here')
  expect(await client.ended()).toBe('end')
  await eventually(() => backend.sockets[0]?.destroyed === true, 'the backend to be closed')
  expect(backend.received.join('')).not.toContain('smuggled')
  expect(stage.path.pools.idleCount()).toBe(0)
})

test('a 101 that nobody asked for is a 502', async () => {
  const backend = kept(await rawBackend((socket) => socket.write(switching)))
  const stage = await between([backend])
  const client = await rawClient(stage.port)
  client.send(get('/'))
  await client.until(' 502 ')
  expect(stage.path.counts.usage().failures).toEqual({ 'bad-response': 1 })
})

test("a side's end is passed on while the other goes on", async () => {
  const backend = kept(
    await rawBackend((socket, text) => {
      if (text.endsWith('\r\n\r\n')) {
        socket.write(switching)
        socket.removeAllListeners('end')
        socket.on('end', () => setTimeout(() => socket.end('last words'), 30))
      }
    }),
  )
  const stage = await between([backend])
  const client = await rawClient(stage.port)
  client.send(upgrade)
  await client.until('101')
  client.socket.end('bye')
  await client.until('last words')
  expect(await client.ended()).toBe('end')
  expect(backend.received[0]).toMatch(/bye$/)
  await eventually(() => stage.path.counts.usage().inUse['shop-r1'] === 0, 'the ledger')
})

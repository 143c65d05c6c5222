/**
 * The one place that uses a private field of Node. When this fails on a new Node, run workers with
 * `takeover: false` until `takeover.ts` is mended.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { eventually, kept, portOf } from './stage.ts'
import { createLandingServer } from './takeover.ts'

async function serve(takeover: boolean, onBytes: (text: string) => boolean) {
  const landing = Buffer.alloc(65_536)
  const sockets: Socket[] = []
  let ends = 0
  const server = createLandingServer({
    landing,
    takeover,
    onSocket(socket) {
      sockets.push(socket)
      socket.on('error', () => {})
      socket.on('end', () => ends++)
      return (bytes) => onBytes(landing.toString('latin1', 0, bytes))
    },
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  kept({
    stop() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  })
  return { port: portOf(server), sockets, landing, ends: () => ends }
}

test('an accepted socket still has the handle that is taken over', async () => {
  const seen: unknown[] = []
  const { createServer } = await import('node:net')
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    seen.push((socket as unknown as { _handle: unknown })._handle)
    socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect({ port: portOf(server), host: '127.0.0.1' })
  await once(client, 'close')
  server.close()
  expect(seen[0], 'net.Socket has no _handle any more: see takeover.ts').toBeTypeOf('object')
  expect(seen[0]).not.toBeNull()
})

test.each([true, false])(
  'bytes and an end sent before the takeover arrive (takeover %s)',
  async (takeover) => {
    let text = ''
    const server = await serve(takeover, (bytes) => {
      text += bytes
      return true
    })
    const client = connect({ port: server.port, host: '127.0.0.1' })
    client.end('early')
    await eventually(() => server.ends() === 1, 'the end')
    expect(text).toBe('early')
    // Half-open: our side can still answer.
    server.sockets[0]?.end('answer')
    const [answer] = (await once(client, 'data')) as [Buffer]
    expect(answer.toString()).toBe('answer')
  },
)

test.each([true, false])(
  'reading stops at false and goes on without loss (takeover %s)',
  async (takeover) => {
    let bytes = 0
    let calls = 0
    const server = await serve(takeover, (text) => {
      bytes += text.length
      calls++
      return calls % 5 !== 0
    })
    const client = connect({ port: server.port, host: '127.0.0.1' })
    const total = 2_000_000
    client.write(Buffer.alloc(total, 'x'))
    await eventually(() => calls === 5, 'five reads')
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(calls).toBe(5)
    await eventually(() => {
      if (calls % 5 === 0) server.sockets[0]?.resume()
      return bytes === total
    }, 'all bytes')
    client.destroy()
  },
)

test.each([true, false])(
  'reads land in the given memory and nowhere else (takeover %s)',
  async (takeover) => {
    const server = await serve(takeover, () => true)
    const client = connect({ port: server.port, host: '127.0.0.1' })
    client.write('here')
    await eventually(() => server.landing.toString('latin1', 0, 4) === 'here', 'the bytes')
    client.destroy()
  },
)

test('a socket that is not wanted is reset', async () => {
  const server = createLandingServer({ landing: Buffer.alloc(10), onSocket: () => null })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect({ port: portOf(server), host: '127.0.0.1' })
  const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException]
  expect(error.code).toBe('ECONNRESET')
  server.close()
})

/** What only the `http` transport has: streams that are slow, silent or too many, and its answers. */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readBucketLines } from '#wire/bucket-lines.ts'
import { limits } from '#wire/limits.ts'
import { createHttpSession } from '../../agent/pilot/session/http.ts'
import { createHttpTransport } from '../../control/delivery/http.ts'
import type { Transport } from '../../control/delivery/transport.ts'
import { until } from '../../deploy/local/until.ts'
import { type HttpRig, openHttpRig } from './rig.ts'

const cluster = 'eu-1'
const big = new TextEncoder().encode(JSON.stringify('x'.repeat(limits.announcementBytes - 2)))

describe('a stream of announcements', () => {
  let rig: HttpRig
  let transport: Transport

  beforeEach(async () => {
    rig = await openHttpRig()
    transport = await rig.transport()
  })
  afterEach(() => rig.close())

  const openRaw = async (): Promise<Socket> => {
    const socket = connect(Number(new URL(rig.url).port), '127.0.0.1')
    socket.write(`GET /v1/agents/${cluster}/announcements HTTP/1.1\r\nHost: x\r\n\r\n`)
    await new Promise((resolve) => socket.once('readable', resolve))
    return socket
  }

  test('a subscriber that does not read is cut off, the others see everything', async () => {
    const slow = await openRaw()
    const seen: number[] = []
    const session = rig.session(cluster, 'eu-1-a')
    const ending = new AbortController()
    const listening = session.subscribe((bytes) => seen.push(bytes.length), ending.signal)
    const count = 200
    for (let n = 0; n < count; n++) {
      await transport.publishHeader(cluster, big)
      await until(
        'the quick one has it',
        () => seen.length,
        (it) => it > n,
      )
    }
    let received = 0
    slow.on('data', (chunk) => {
      received += chunk.length
    })
    await new Promise((resolve) => slow.once('close', resolve).once('error', () => {}))
    expect(received).toBeLessThan((count / 2) * big.length)
    ending.abort()
    await listening
    await session.close()
  })

  test('the largest announcement fits a line of the reader, a longer one breaks the stream', async () => {
    const session = rig.session(cluster, 'eu-1-a')
    const seen: number[] = []
    const listening = session.subscribe(
      (bytes) => seen.push(bytes.length),
      new AbortController().signal,
    )
    listening.catch(() => {})
    await transport.publishHeader(cluster, big)
    await until(
      'it is seen',
      () => seen.at(-1),
      (length) => length === limits.announcementBytes,
    )
    await transport.publishHeader(cluster, new Uint8Array(limits.announcementBytes + 64).fill(65))
    await expect(listening).rejects.toThrow('too long')
    await session.close()
  })

  test('what is stored is seen at once; control that stops ends the stream', async () => {
    await transport.publishHeader(cluster, new TextEncoder().encode('{"a":1}'))
    const session = rig.session(cluster, 'eu-1-a')
    const seen: string[] = []
    const listening = session.subscribe(
      (bytes) => seen.push(new TextDecoder().decode(bytes)),
      new AbortController().signal,
    )
    listening.catch(() => {})
    await until(
      'it is seen',
      () => seen,
      (it) => it.length === 1,
    )
    expect(seen).toEqual(['{"a":1}'])
    await transport.close()
    await expect(listening).rejects.toThrow('ended')
    await session.close()
  })

  test('too many streams are answered 503', async () => {
    const alone = createHttpTransport()
    const open = () =>
      alone.respond(cluster, new Request(`http://x/v1/agents/${cluster}/announcements`))
    for (let n = 0; n < 2 * limits.agentsPerCluster; n++) expect((await open()).status).toBe(200)
    const refused = await open()
    expect(refused.status).toBe(503)
    expect(await refused.json()).toMatchObject({ code: 'overloaded' })
    await alone.close()
  })
})

describe('a stream that is silent', () => {
  let server: Server

  afterEach(() => {
    server.close()
  })

  test('is given up after its bound', async () => {
    const sockets: Socket[] = []
    server = createServer((socket) => {
      sockets.push(socket)
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: hello\n\n')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const url = `http://127.0.0.1:${port}`
    const session = createHttpSession({
      url,
      cluster,
      agent: 'eu-1-a',
      token: 'test',
      silentAfterMs: 200,
    })
    const listening = session.subscribe(() => {}, new AbortController().signal)
    await expect(listening).rejects.toThrow('silent for 200 ms')
    for (const socket of sockets) socket.destroy()
    await session.close()
  })
})

describe('the answers of the http transport', () => {
  const paths = `/v1/agents/${cluster}`
  const ask = async (path: string, init?: RequestInit) => {
    const transport = createHttpTransport()
    await transport.storeBuckets(cluster, new Map([[3, new TextEncoder().encode('{"bucket":3}')]]))
    return transport.respond(cluster, new Request(`http://x${path}`, init))
  }

  test('nothing stored is 204', async () => {
    expect((await ask(`${paths}/header`)).status).toBe(204)
    expect((await ask(`${paths}/index`)).status).toBe(204)
  })
  test('buckets that are asked for and stored come as lines', async () => {
    const answer = await ask(`${paths}/buckets?ids=0,3,255`)
    const buckets = readBucketLines(new Uint8Array(await answer.arrayBuffer()))
    expect([...buckets.keys()]).toEqual([3])
    expect(new TextDecoder().decode(buckets.get(3))).toBe('{"bucket":3}')
  })
  test.each(['', '256', '-1', '1,,2', 'x', Array.from({ length: 257 }, () => '1').join(',')])(
    'ids "%s" are refused',
    async (ids) => {
      const answer = await ask(`${paths}/buckets?ids=${ids}`)
      expect(answer.status).toBe(400)
      expect(await answer.json()).toMatchObject({ code: 'invalid-request' })
    },
  )
  test('as many ids as may be fetched are answered', async () => {
    const ids = Array.from({ length: limits.bucketsPerFetch }, (_, n) => n).join(',')
    expect((await ask(`${paths}/buckets?ids=${ids}`)).status).toBe(200)
  })
  test.each([
    [`${paths}/header`, { method: 'POST' }, 405, 'method-not-allowed'],
    [`${paths}/reports`, {}, 405, 'method-not-allowed'],
    [`${paths}/nothing`, {}, 404, 'not-found'],
    [`${paths}/reports`, { method: 'POST', body: '{}' }, 503, 'overloaded'],
  ])('%s %j is answered %i %s', async (path, init, status, code) => {
    const answer = await ask(path, init)
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ code })
  })
})

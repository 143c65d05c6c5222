/** A checker that misses a fault would make every promise of the story worthless: each fault once. */
import { createHash } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { defaultPlan, type LoadPlan, type LoadResult, type Sample } from './load/plan.ts'
import { judge, lastSentMs, only, spread } from './load/verdict.ts'
import { startLoad } from './load.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** A server that hands each request (its id, its connection) to `answer`. */
async function serve(answer: (socket: Socket, id: string, head: string) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      const head = bytes.toString('latin1')
      answer(socket, /X-Request-Id: (\S+)/.exec(head)?.[1] ?? '', head)
    })
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

async function run(port: number, plan: Partial<LoadPlan> = {}): Promise<LoadResult> {
  const load = await startLoad({
    ...defaultPlan,
    kinds: [{ name: 'get', method: 'GET', path: '/', weight: 1 }],
    targets: [{ name: 'it', host: '127.0.0.1', port }],
    authority: 'shop.example',
    ratePerSecond: 100,
    timeoutMs: 300,
    ...plan,
  })
  await delay(200)
  return load.stop()
}

const proof = (id: string, body: string) =>
  [
    'HTTP/1.1 200 OK',
    `X-Request-Id: ${id}`,
    `X-Body-Bytes: ${body.length}`,
    `X-Body-Sha256: ${createHash('sha256').update(body).digest('hex')}`,
  ].join('\r\n')

const good = (id: string, version = '1', body = 'ok') =>
  `${proof(id, body)}\r\nX-Version: ${version}\r\nContent-Length: ${body.length}\r\n\r\n${body}`

const without = (field: string, answer: string) =>
  answer.replace(new RegExp(`^${field}: .*\\r\\n`, 'm'), '')

const faults: readonly [string, Sample['problem'], (socket: Socket, id: string) => void][] = [
  ['an answer of another request', 'crossed', (s, id) => s.write(good(`${id}0`))],
  ['an answer that does not say to which', 'crossed', (s, id) => s.write(without('X-Request-Id', good(id)))],
  ['head and body of two versions', 'crossed', (s, id) => s.write(good(id, '1', '{"version":"2"}'))],
  ['a status that is not 200', 'status', (s) => s.write('HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n')],
  ['an end before the answer', 'closed', (s) => s.end()],
  ['a reset before the answer', 'closed', (s) => s.resetAndDestroy()],
  ['an end within the head', 'truncated', (s) => s.end('HTTP/1.1 200 O')],
  ['an end within the body', 'truncated', (s) => s.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx')],
  ['chunks without the last one', 'truncated', (s) => s.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n')],
  ['no framing', 'malformed', (s) => s.write('HTTP/1.1 200 OK\r\n\r\n')],
  ['both framings', 'malformed', (s) => s.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n')],
  ['a bad chunk size', 'malformed', (s) => s.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n')],
  ['fewer bytes than promised', 'wrong-body', (s, id) => s.write(good(id).replace('Bytes: 2', 'Bytes: 3'))],
  ['other bytes than promised', 'wrong-body', (s, id) => s.write(good(id).replace(/ok$/, 'ko'))],
  ['no promise of a length', 'wrong-body', (s, id) => s.write(without('X-Body-Bytes', good(id)))],
  ['no promise of a digest', 'wrong-body', (s, id) => s.write(without('X-Body-Sha256', good(id)))],
  ['bytes after the answer', 'extra-bytes', (s, id) => s.write(`${good(id)}HTTP/1.1`)],
  ['silence', 'timeout', () => {}],
] // biome-ignore format: one fault a line

describe('the checker sees', () => {
  test.each(faults)('%s', async (_name, problem, answer) => {
    const result = await run(await serve(answer))
    expect(result.samples.length).toBeGreaterThan(3)
    expect(new Set(result.samples.map((sample) => sample.problem))).toEqual(new Set([problem]))
  })

  test('a port where nobody listens', async () => {
    const port = await serve(() => {})
    await new Promise((resolve) => servers.pop()!.close(resolve))
    const result = await run(port)
    expect(new Set(result.samples.map((sample) => sample.problem))).toEqual(
      new Set(['connect-failed']),
    )
  })

  test('two answers in the wrong order', async () => {
    const held: { readonly socket: Socket; readonly id: string }[] = []
    const port = await serve((socket, id) => {
      held.push({ socket, id })
      if (held.length < 2) return
      const [one, other] = held.splice(0) as [(typeof held)[0], (typeof held)[0]]
      one.socket.write(good(other.id))
      other.socket.write(good(one.id))
    })
    const { samples } = await run(port)
    const crossed = samples.filter(({ problem }) => problem === 'crossed').length
    // The last one may wait for another.
    expect(crossed).toBeGreaterThanOrEqual(samples.length - 1)
    expect(crossed).toBeGreaterThan(3)
  })

  test('arrivals that it could not send', async () => {
    const result = await run(await serve(() => {}), { concurrencyMax: 1, ratePerSecond: 500 })
    expect(result.samples.some((sample) => sample.problem === 'not-sent')).toBe(true)
  })
})

test('another generator never asks by the same ids', async () => {
  const seen: string[] = []
  const port = await serve((socket, id) => {
    seen.push(id)
    socket.write(good(id))
  })
  await Promise.all([run(port), run(port)])
  expect(seen.length).toBeGreaterThan(10)
  expect(new Set(seen).size).toBe(seen.length)
})

test('good answers are no problem, on kept and on fresh connections', async () => {
  const port = await serve((socket, id, head) => {
    if (head.includes('Connection: close')) socket.end(good(id))
    else socket.write(good(id))
  })
  const result = await run(port, { freshShare: 0.5 })
  expect(result.samples.filter((sample) => sample.problem)).toEqual([])
  expect(new Set(result.samples.map((sample) => sample.fresh))).toEqual(new Set([true, false]))
})

test('users say who they are, each with a number below the count', async () => {
  const heads: string[] = []
  const port = await serve((socket, id, head) => {
    heads.push(head)
    socket.write(good(id))
  })
  const { samples } = await run(port, { users: 3, ratePerSecond: 400 })
  expect(new Set(samples.map(({ user }) => user))).toEqual(new Set([0, 1, 2]))
  for (const { user } of samples) {
    expect(heads.some((head) => head.includes(`\r\nX-User-Id: user-${user}\r\n`))).toBe(true)
  }
  expect((await run(port)).samples.every(({ user }) => user === null)).toBe(true)
})

test('a connection that is ended without being asked, between two requests, is lost', async () => {
  const answers = async (answer: (socket: Socket, id: string) => void) =>
    run(await serve(answer), { freshShare: 0 })
  expect((await answers((socket, id) => socket.write(good(id)))).lost).toBe(0)
  const ended = await answers((socket, id) => socket.end(good(id)))
  const told = await answers((socket, id) =>
    socket.end(good(id).replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')),
  )
  for (const { lost, samples } of [ended, told]) {
    // A request may have been written before the end arrived: that one has failed instead, and stands for
    // the connection on which the answer before it came.
    const failed = samples.filter((sample) => sample.problem).length
    const answered = samples.length - failed
    expect(lost + failed).toBeLessThanOrEqual(answered)
    // The end of the last one may not have arrived when the load ends.
    expect(lost + failed).toBeGreaterThanOrEqual(answered - 1)
    expect(lost).toBeGreaterThan(0)
  }
})

test('chunks are joined and an interim answer is passed over', async () => {
  const port = await serve((socket, id) => {
    socket.write('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n')
    socket.write(`${proof(id, 'ok')}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n`)
    setTimeout(() => socket.write('0\r\n\r\n'), 5)
  })
  expect((await run(port)).samples.every((sample) => sample.problem === null)).toBe(true)
})

test('a stalled server shows in the latency of every request that was due meanwhile', async () => {
  const held: (() => void)[] = []
  const port = await serve((socket, id) => {
    held.push(() => socket.write(good(id)))
    if (held.length > 1) return
    setTimeout(() => {
      for (const go of held.splice(0)) go()
    }, 150)
  })
  const { latencyMs } = judge(await run(port, { concurrencyMax: 4 }), [{ version: '1', fromMs: 0 }])
  expect(latencyMs.p50).toBeGreaterThan(40)
})

const sample = (version: string, sentMs: number, doneMs: number): Sample => ({
  kind: 'get',
  target: 'it',
  fresh: false,
  user: null,
  intendedMs: sentMs,
  sentMs,
  doneMs,
  status: 200,
  version,
  problem: null,
  detail: '',
})

describe('the verdict', () => {
  const result: LoadResult = {
    startedMs: 0,
    endedMs: 100,
    lost: 0,
    samples: [sample('1', 5, 8), sample('1', 19, 40), sample('2', 21, 22), sample('1', 31, 32)],
  }
  /** Promote was called at 15 and had answered at 30. */
  const allowed = [
    { version: '1', fromMs: 0, toMs: 30 },
    { version: '2', fromMs: 15 },
  ]

  test('counts a request sent after the old version was closed as misrouted, not one in flight', () => {
    expect(judge(result, allowed)).toMatchObject({ requests: 4, failed: 0, misrouted: 1 })
  })

  test('knows the last request that a version answered, up to a moment', () => {
    expect(lastSentMs(result.samples, '1')).toBe(31)
    expect(lastSentMs(result.samples, '1', 30)).toBe(19)
    expect(lastSentMs(result.samples, '3')).toBeNull()
  })

  test('can be asked about a part of the samples', () => {
    expect(
      judge(
        only(result, (one) => one.version === '2'),
        allowed,
      ).requests,
    ).toBe(1)
  })

  test('takes nearest-rank percentiles', () => {
    expect(spread([4, 1, 3, 2])).toEqual({ count: 4, p50: 2, p90: 4, p99: 4, max: 4 })
    expect(spread([])).toEqual({ count: 0, p50: 0, p90: 0, p99: 0, max: 0 })
  })
})

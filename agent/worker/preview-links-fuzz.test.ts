/**
 * Heads with links in odd places, pipelined and cut into pieces at random: each request is answered once,
 * what follows it is read from its first byte, and no token gets to a backend.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import { previewName } from '#wire/preview-link.ts'
import { cookie, type LinkedShop, openLinkedShop } from './preview-links.fixture.ts'
import { eventually, rawBackend, rawClient } from './stage.ts'

let shop: LinkedShop
let answered: string[]

/** Answers each request of a connection with its target, whatever body it has been given. */
const echo = (name: string) => {
  const seen = new Map<number, number>()
  return rawBackend((socket, text, connection) => {
    for (;;) {
      const from = seen.get(connection) ?? 0
      const end = text.indexOf('\r\n\r\n', from)
      if (end < 0) return
      const head = text.slice(from, end)
      const bodyBytes = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
      if (text.length < end + 4 + bodyBytes) return
      seen.set(connection, end + 4 + bodyBytes)
      const [method, target] = head.split(' ')
      answered.push(`${name} ${method} ${target}`)
      const length = `Content-Length: ${name.length}`
      socket.write(`HTTP/1.1 200 OK\r\n${length}\r\n\r\n${method === 'HEAD' ? '' : name}`)
    }
  })
}

beforeEach(async () => {
  answered = []
  shop = await openLinkedShop({ backend: echo })
})

const after = 'GET /after HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n'

describe('a request behind one with a link is read from its first byte', () => {
  const send = async (first: string) => {
    const client = await rawClient(shop.stage.port)
    client.send(`${first}${after}`)
    await client.ended()
    return [...client.text().matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1])
  }

  test('when the preview is gone', async () => {
    const gone = cookie(await shop.token({ release: 'shop-r9' }))
    const head = `GET /one HTTP/1.1\r\nHost: shop.test\r\nCookie: ${gone}\r\n\r\n`
    expect(await send(head)).toEqual(['503', '200'])
    expect(answered).toEqual(['stable GET /after'])
  })

  test('when the head has more tokens than one could have', async () => {
    const many = Array.from({ length: 9 }, () => '')
      .fill(cookie(await shop.token()))
      .join('; ')
    const head = `GET /one HTTP/1.1\r\nHost: shop.test\r\nCookie: ${many}\r\n\r\n`
    expect(await send(head)).toEqual(['503', '200'])
    expect(answered).toEqual(['stable GET /after'])
  })
})

test('an answer of our own to HEAD has no body, whether the connection goes on or not', async () => {
  const link = cookie(await shop.token())
  for (const [target, host, status] of [
    [`/?${link}`, 'shop.test', 302],
    ['/', 'nobody.test', 404],
    ['/', 'shop.test\r\nContent-Length: 1', 200],
  ] as const) {
    for (const more of ['', 'Connection: close\r\n']) {
      const client = await rawClient(shop.stage.port)
      client.send(`HEAD ${target} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\nx`)
      const text = await client.until('\r\n\r\n')
      expect([text.slice(9, 12), text.split('\r\n\r\n')[1]]).toEqual([String(status), ''])
      client.socket.destroy()
    }
  }
})

test('a parameter is not looked for behind a second question mark', async () => {
  const target = `/?a?${cookie(await shop.token())}`
  const client = await rawClient(shop.stage.port)
  client.send(`GET ${target} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n`)
  await client.ended()
  expect(answered).toEqual([`stable GET ${target}`])
})

const seeds = process.env.SWITCHYARD_SEEDS
const count = seeds ? Number(seeds) : 150

test(`${count} connections of odd heads`, { timeout: 60_000 + count * 50 }, async () => {
  const tokens = [
    await shop.token(),
    await shop.token(),
    await shop.token({ release: 'shop-r9' }),
    'forged',
    '',
  ]
  for (let seed = 1; seed <= count; seed++) {
    const random = randomOf(seed)
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
    const requests = Array.from({ length: 1 + Math.floor(random() * 4) }, (_, i) =>
      requestOf(random, pick, tokens, i),
    )
    answered = []
    const client = await rawClient(shop.stage.port)
    const bytes = Buffer.from(requests.map(({ text }) => text).join('') + after, 'latin1')
    const cuts = Math.floor(random() * 4)
    const places = Array.from({ length: cuts }, () => Math.floor(random() * bytes.length)).sort(
      (a, b) => a - b,
    )
    let from = 0
    for (const to of [...places, bytes.length]) {
      client.send(bytes.subarray(from, to))
      from = to
      if (cuts > 0) await delay(random() < 0.5 ? 0 : 3)
    }
    const context = `seed ${seed}\n${requests.map(({ text }) => text).join('\n')}`
    await client.ended()
    const got = [...client.text().matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => Number(match[1]))
    // An answer of our own may end the connection; everything else is answered in order.
    const last = client.text().slice(client.text().lastIndexOf('HTTP/1.1'))
    const stopped = requests[got.length - 1]?.linked && last.includes('Connection: close')
    if (!stopped) {
      expect(got.length, `${context}\n${client.text()}`).toBe(requests.length + 1)
      await eventually(() => answered.includes('stable GET /after'), context)
    }
    requests.slice(0, got.length).forEach(({ path, linked }, i) => {
      if (linked) expect([302, 200, 503], `${context}\n${client.text()}`).toContain(got[i])
      else expect(got[i], context).toBe(200)
      const mine = answered.filter((line) => line.includes(` ${path}`))
      expect(mine.length, context).toBe(got[i] === 200 ? 1 : 0)
      for (const line of mine)
        expect(line.split(' ')[0], context).toBe(linked ? 'candidate' : 'stable')
    })
    client.socket.destroy()
  }
  for (const backend of [shop.stable, shop.candidate])
    for (const text of backend.received) expect(text).not.toContain(`${previewName}=`)
})

/** A request with links, or none, wherever one could stand. */
function requestOf(
  random: () => number,
  pick: <T>(list: readonly T[]) => T,
  tokens: readonly string[],
  number: number,
) {
  const path = `/r${number}-${Math.floor(random() * 1e9)}`
  let linked = false
  const link = (spaced: boolean) => {
    linked = true
    const equals = spaced ? pick(['=', '=', ' = ', '\t=']) : '='
    return `${previewName}${equals}${pick(tokens)}`
  }
  const filler = (join: string) =>
    Array.from({ length: Math.floor(random() * pick([3, 3, 200])) }, (_, i) => `c${i}=s`).join(join)
  const listOf = (join: string, spaced: boolean) =>
    Array.from({ length: 1 + Math.floor(random() * 5) }, () =>
      random() < 0.3 ? link(spaced) : random() < 0.2 ? '' : filler(join) || 'x=switchyard',
    ).join(join)
  const method = pick(['GET', 'GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE'])
  const query = random() < 0.4 ? `?${listOf('&', false)}` : ''
  const form = pick(['', '', 'http://shop.test'])
  const lines = [pick(['Host: shop.test', 'hOST:shop.test'])]
  for (let i = 0; i < random() * 3; i++) {
    const name = pick(['Cookie', 'cookie', 'COOKIE'])
    lines.push(
      `${name}:${pick([' ', '', '\t '])}${listOf(pick(['; ', ';', ';\t']), true)}${pick(['', ' ', ';'])}`,
    )
    if (random() < 0.5) lines.push(`X-Filler: ${'y'.repeat(Math.floor(random() * 500))}`)
  }
  const bodied = method === 'POST' && random() < 0.7
  const body = bodied ? 'GET /smuggled HTTP/1.1\r\nHost: shop.test\r\n\r\n' : ''
  if (method === 'POST') lines.push(`Content-Length: ${body.length}`)
  if (random() < 0.5) lines.reverse()
  const front = random() < 0.1 ? '\r\n' : ''
  const text = `${front}${method} ${form}${path}${query} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`
  return { text, path, linked }
}

/** mulberry32 */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

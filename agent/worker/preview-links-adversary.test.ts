/** What a stranger, a stale link or a retired key may try with preview links, over real sockets. */
import { beforeEach, describe, expect, test } from 'vitest'
import { previewName } from '#wire/preview-link.ts'
import { generateKey } from '#wire/signature.ts'
import { cookie, type LinkedShop, openLinkedShop, tableOf } from './preview-links.fixture.ts'
import { shopObjects } from './shop-table.ts'
import { ok, rawBackend, rawClient } from './stage.ts'

let shop: LinkedShop

/** Takes upgrades too. */
const backend = (name: string) =>
  rawBackend((socket, text) => {
    if (/\r\nupgrade:/i.test(text)) {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${name}`,
      )
    } else if (text.endsWith('\r\n\r\n')) socket.write(ok(name))
  })

beforeEach(async () => {
  shop = await openLinkedShop({ backend })
})

describe('a link that leads nowhere', () => {
  test('is 503 at once and leaves no cookie that would shut the site', async () => {
    const gone = await shop.ask(`/?${cookie(await shop.token({ release: 'shop-r9' }))}`)
    expect(shop.stage.router.loadTable(tableOf(shopObjects()))).toBeNull()
    const unlinked = await shop.ask(`/?${cookie(await shop.token())}`)
    for (const { status, text } of [gone, unlinked]) {
      expect(status).toBe(503)
      expect(text).not.toMatch(/set-cookie/i)
      expect(text).toContain('Cache-Control: no-store')
    }
  })
})

test('the refusal of a cookie whose release is gone says how to leave', async () => {
  const { status, text } = await shop.ask('/', {
    cookie: cookie(await shop.token({ release: 'shop-r9' })),
  })
  expect(status).toBe(503)
  expect(text).toContain(`/?${previewName}= leaves it`)
})

describe('a key that is retired', () => {
  test('ends links that were verified before', async () => {
    const old = await shop.token()
    expect((await shop.ask('/', { cookie: cookie(old) })).text).toContain('candidate')
    const next = (await generateKey()).key
    shop.pin(next)
    // Keys are read again when they are older than a second.
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    expect((await shop.ask('/', { cookie: cookie(old) })).status).toBe(503)
    expect(shop.stable.received.length).toBe(0)
    const fresh = await shop.token({ signer: next })
    expect((await shop.ask('/', { cookie: cookie(fresh) })).text).toContain('candidate')
  })
})

describe('a redirect', () => {
  test.each(['/\\evil.test/', '\\\\evil.test/', '/\\/evil.test/', '//evil.test/', '///evil.test/'])(
    'never leaves the host: %s',
    async (path) => {
      const { text } = await shop.ask(`${path}?${previewName}=`)
      // Backslashes, which browsers read as slashes, are not let in at all.
      if (path.includes('\\')) {
        expect(text).toMatch(/^HTTP\/1\.1 400 /)
        return
      }
      const to = /\r\nLocation: (.*)\r\n/.exec(text)?.[1] ?? ''
      expect(new URL(to, 'http://shop.test/').host).toBe('shop.test')
    },
  )

  test.each([
    ['a link in the query', (token: string) => [`/?${cookie(token)}`, ''] as const],
    ['a forged cookie', () => ['/', `Cookie: ${cookie('forged')}\r\n`] as const],
  ])('or refusal of %s does not take a body for the next request', async (_, place) => {
    const [target, line] = place(await shop.token())
    const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: shop.test\r\n\r\n'
    for (const framing of [
      `Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
      `Transfer-Encoding: chunked\r\n\r\n${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
    ]) {
      const client = await rawClient(shop.stage.port)
      client.send(`GET ${target} HTTP/1.1\r\nHost: shop.test\r\n${line}${framing}`)
      await client.ended()
      expect(client.text().match(/HTTP\/1\.1 /g)).toHaveLength(1)
    }
    expect([shop.stable.received.length, shop.candidate.received.length]).toEqual([0, 0])
  })
})

describe('garbage', () => {
  test('of unknown keys does not use up what a worker verifies', async () => {
    const foreign = (await generateKey()).key
    const forged = await Promise.all(
      Array.from({ length: 300 }, (_, n) =>
        shop.token({ signer: foreign, id: n.toString(16).padStart(16, '0') }),
      ),
    )
    const client = await rawClient(shop.stage.port)
    const get = (token: string) =>
      `GET / HTTP/1.1\r\nHost: shop.test\r\nCookie: ${cookie(token)}\r\n\r\n`
    for (const token of forged) client.send(get(token))
    client.send(get(await shop.token()))
    expect(await client.until('candidate', 3_000)).toContain('503')
  })
})

describe('an upgrade', () => {
  const upgrade = (value: string) => ({
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    cookie: value,
  })

  test('with the cookie goes to the candidate, and with a forged one nowhere', async () => {
    const { status } = await shop.ask('/', upgrade(cookie(await shop.token())))
    expect([status, shop.candidate.received.length, shop.stable.received.length]).toEqual([
      101, 1, 0,
    ])
    expect(shop.candidate.received[0]).not.toContain(previewName)
    expect((await shop.ask('/', upgrade(cookie('forged')))).status).toBe(503)
    expect(shop.stable.received.length).toBe(0)
  })
})

describe('a name', () => {
  test('inside the value of another cookie is no link', async () => {
    expect((await shop.ask('/', { cookie: `a=b ${cookie('x')}` })).text).toContain('stable')
  })
})

test('of two tokens in a Cookie field the first decides, and the backend sees neither', async () => {
  const good = cookie(await shop.token())
  expect((await shop.ask('/', { cookie: `${cookie('forged')}; ${good}` })).status).toBe(503)
  expect((await shop.ask('/', { cookie: `${good}; a=1; ${cookie('forged')}` })).text).toContain(
    'candidate',
  )
  expect(shop.candidate.received.at(-1)).toMatch(/\r\ncookie: a=1\r\n/i)
})

describe('on one connection, what follows an answer is the next request, whole, when the link', () => {
  const get = (target: string, more = '') =>
    `GET ${target} HTTP/1.1\r\nHost: shop.test\r\n${more}\r\n`
  /** Both arrive in one read. Statuses in order, and what the stable release got. */
  async function pair(value: string) {
    const client = await rawClient(shop.stage.port)
    client.send(get('/', `Cookie: ${value}\r\n`) + get('/next'))
    await client.until('stable', 2_000)
    const statuses = client.text().match(/HTTP\/1\.1 \d+/g)
    return { statuses, got: shop.stable.received.join('') }
  }
  const expectWhole = ({ statuses, got }: Awaited<ReturnType<typeof pair>>) => {
    expect(statuses).toEqual(['HTTP/1.1 503', 'HTTP/1.1 200'])
    expect(got).toMatch(/^GET \/next HTTP\/1\.1\r\n/)
    expect(got.match(/HTTP\/1\.1\r\n/g)).toHaveLength(1)
  }

  test('is of a release that is gone', async () => {
    expectWhole(await pair(cookie(await shop.token({ release: 'shop-r9' }))))
  })

  test('is of a release without an endpoint', async () => {
    shop.stage.router.setEndpoints('shop-r2', [])
    expectWhole(await pair(cookie(await shop.token())))
  })

  test('is there more often than allowed: the head hides no second request', async () => {
    const token = cookie(await shop.token())
    const many = Array.from({ length: 6 }, () => token).join('; ')
    // As long as what four cuts take out of the head, so that a wrong end of the head is its start.
    const rest = ' HTTP/1.1\r\nHost: shop.test\r\n\r\n'
    const cut = 4 * (token.length + '; '.length)
    const hidden = 'GET /hidden'.padEnd(cut - rest.length, 'n') + rest
    const client = await rawClient(shop.stage.port)
    client.send(`GET / HTTP/1.1\r\nCookie: ${many}\r\nX-A: ${hidden}${get('/next')}`)
    const text = await client.until('stable', 2_000)
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 503', 'HTTP/1.1 200'])
    expect(shop.stable.received.join('')).not.toContain('hidden')
  })
})

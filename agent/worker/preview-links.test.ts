/** Preview links over real sockets: what leads to the candidate, and that nothing else does. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { SnapshotObject } from '#wire/object.ts'
import { previewName } from '#wire/preview-link.ts'
import { generateKey } from '#wire/signature.ts'
import {
  cookie,
  type LinkedShop,
  openLinkedShop,
  tableOf,
  withLinks,
} from './preview-links.fixture.ts'
import { shopObjects } from './shop-table.ts'
import { type RawBackend, rawClient } from './stage.ts'

let shop: LinkedShop

/** The shop, rewritten below /old, and another app beside it. */
const objects: readonly SnapshotObject[] = [
  ...shopObjects(),
  {
    kind: 'route',
    key: 'route/shop/old',
    app: 'shop',
    hosts: ['shop.test'],
    matches: [{ path: { type: 'PathPrefix', value: '/old' }, headers: [] }],
    rewrite: { path: { type: 'ReplacePrefixMatch', value: '/new' } },
    since: 3,
  },
  {
    kind: 'route',
    key: 'route/blog/default',
    app: 'blog',
    hosts: ['blog.test'],
    matches: [{ path: { type: 'PathPrefix', value: '/' }, headers: [] }],
    since: 4,
  },
  {
    kind: 'backend',
    key: 'backend/blog-r1',
    app: 'blog',
    release: 'blog-r1',
    version: '1',
    platform: 'static',
  },
]

beforeEach(async () => {
  shop = await openLinkedShop({ objects: withLinks(objects) })
  const { stage, stable } = shop
  stage.router.setEndpoints('blog-r1', [{ address: '127.0.0.1', port: stable.port }])
})

const lastHead = (backend: RawBackend) => backend.received.at(-1) ?? ''

describe('a preview link', () => {
  test('becomes a cookie, and the address is clean again', async () => {
    const token = await shop.token()
    const { status, text } = await shop.ask(`/cart?a=1&${cookie(token)}&b=2`)
    expect(status).toBe(302)
    expect(text).toContain('\r\nLocation: /cart?a=1&b=2\r\n')
    expect(text).toContain(
      `\r\nSet-Cookie: ${cookie(token)}; Path=/; HttpOnly; SameSite=Lax; Max-Age=60\r\n`,
    )
    expect(text).toContain('Cache-Control: no-store')
    expect([shop.stable.received.length, shop.candidate.received.length]).toEqual([0, 0])
  })

  test('never redirects to another host', async () => {
    const { text } = await shop.ask(`//evil.test/?${cookie(await shop.token())}`)
    expect(text).toContain('\r\nLocation: /evil.test/\r\n')
  })

  test.each([
    ['alone', (c: string) => c, ''],
    ['first', (c: string) => `${c}; a=1`, 'a=1'],
    ['last', (c: string) => `a=1; ${c}`, 'a=1'],
    ['in the middle', (c: string) => `a=1; ${c}; b=2`, 'a=1; b=2'],
  ])('whose cookie is %s leads to the candidate, which does not see it', async (_, place, left) => {
    const value = place(cookie(await shop.token()))
    const { text } = await shop.ask('/old/cart', {
      'x-a': 'before',
      cookie: value,
      'x-b': 'behind',
    })
    expect(text).toContain('candidate')
    const head = lastHead(shop.candidate)
    expect(head).toContain('GET /new/cart HTTP/1.1\r\n')
    expect(head).not.toContain(previewName)
    expect(/\r\ncookie: (.*)\r\n/i.exec(head)?.[1] ?? '').toBe(left)
    expect(head).toContain('\r\nx-a: before\r\n')
    expect(head).toContain('\r\nx-b: behind\r\n')
    expect(shop.stable.received.length).toBe(0)
  })

  test('in the query of another method than GET leads there at once', async () => {
    const { text } = await shop.ask(
      `/cart?${cookie(await shop.token())}`,
      { 'content-length': '0' },
      'POST',
    )
    expect(text).toContain('candidate')
    expect(lastHead(shop.candidate)).toContain('POST /cart HTTP/1.1\r\n')
  })

  test('is answered on a connection that goes on with production', async () => {
    const client = await rawClient(shop.stage.port)
    const get = (more: string) => `GET / HTTP/1.1\r\nHost: shop.test\r\n${more}\r\n`
    client.send(get(`Cookie: ${cookie(await shop.token())}\r\n`))
    await client.until('candidate')
    client.send(get(''))
    await client.until('stable')
    client.send(get(`Cookie: ${cookie('forged')}\r\n`))
    await client.until('503 Service Unavailable')
  })

  test('empty in the query takes the cookie away', async () => {
    const { status, text } = await shop.ask(`/?${previewName}=`)
    expect(status).toBe(302)
    expect(text).toContain(`Set-Cookie: ${previewName}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0`)
    expect(text).toContain('\r\nLocation: /\r\n')
  })
})

describe('is answered 503, and never with production,', () => {
  const refused = async (token: string, fields: Record<string, string> = {}) => {
    const byCookie = await shop.ask('/', { cookie: cookie(token), ...fields })
    const byQuery = await shop.ask(`/?${cookie(token)}`, fields)
    expect([byCookie.status, byQuery.status]).toEqual([503, 503])
    expect(byCookie.text).toContain('Cache-Control: no-store')
    expect([shop.stable.received.length, shop.candidate.received.length]).toEqual([0, 0])
    return byCookie.text
  }

  test('a link that has expired, with a way to leave', async () => {
    expect(await refused(await shop.token({ forMs: -1 }))).toContain(`/?${previewName}=`)
  })

  test('a link of a foreign key, of other words, or of none', async () => {
    const [payload, keyId, signature] = (await shop.token()).split('.')
    const foreign = (await generateKey()).key
    for (const token of [
      await shop.token({ signer: foreign }),
      await shop.token({ signer: { ...foreign, keyId: shop.key.keyId } }),
      `${payload}x.${keyId}.${signature}`,
      `${payload}.${keyId}`,
      'x',
      'x'.repeat(5_000),
    ]) {
      await refused(token)
    }
  })

  test('a link of a key that agents have let go, though it was seen before', async () => {
    const token = await shop.token()
    expect((await shop.ask('/', { cookie: cookie(token) })).text).toContain('candidate')
    const next = (await generateKey()).key
    shop.pin(next)
    // Another key is looked for, so the file is read again at once.
    const ofNext = cookie(await shop.token({ signer: next }))
    await expect
      .poll(async () => (await shop.ask('/', { cookie: ofNext })).text, { timeout: 500 })
      .toContain('candidate')
    expect((await shop.ask('/', { cookie: cookie(token) })).status).toBe(503)
    expect(shop.stable.received.length).toBe(0)
  })

  test('a link of a release that takes none any more', async () => {
    expect(shop.stage.router.loadTable(tableOf(objects))).toBeNull()
    const { status } = await shop.ask('/', { cookie: cookie(await shop.token()) })
    expect([status, shop.stable.received.length]).toEqual([503, 0])
  })

  test('a link of a release that is not there, or has no endpoint', async () => {
    const gone = await shop.ask('/', { cookie: cookie(await shop.token({ release: 'shop-r9' })) })
    shop.stage.router.setEndpoints('shop-r2', [])
    const empty = await shop.ask('/', { cookie: cookie(await shop.token()) })
    expect([gone.status, empty.status, shop.stable.received.length]).toEqual([503, 503, 0])
  })

  test('a link on a host of another app', async () => {
    const fields = { host: 'blog.test', cookie: cookie(await shop.token()) }
    expect([(await shop.ask('/', fields)).status, shop.stable.received.length]).toEqual([503, 0])
  })

  test('a head with more tokens than one could have', async () => {
    const token = await shop.token()
    const many = Array.from({ length: 9 }, () => cookie(token)).join('; ')
    expect([
      (await shop.ask('/', { cookie: many })).status,
      shop.candidate.received.length,
    ]).toEqual([503, 0])
  })
})

test('what only looks like a link goes on as it is', async () => {
  for (const [target, fields] of [
    [`/?x${previewName}=1`, {}],
    [`/?a=${previewName}=1`, {}],
    [`/?${previewName}x=1`, {}],
    ['/', { cookie: `x${previewName}=1; ${previewName}x=1` }],
    [`/${previewName}=1`, { 'x-other': `${previewName}=1` }],
  ] as const) {
    const { text } = await shop.ask(target, fields)
    expect(text).toContain('stable')
    expect(lastHead(shop.stable)).toContain(`GET ${target} HTTP/1.1`)
  }
})

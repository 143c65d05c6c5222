/** Preview links over real sockets: what leads to the candidate, and that nothing else does. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { compileTable } from '#router/compile.ts'
import type { SnapshotObject } from '#wire/object.ts'
import { previewName, signPreviewLink } from '#wire/preview-link.ts'
import { generateKey, type SigningKey } from '#wire/signature.ts'
import { shopObjects } from './shop-table.ts'
import {
  kept,
  ok,
  type RawBackend,
  rawBackend,
  rawClient,
  type Stage,
  startStage,
} from './stage.ts'

let folder: string
let key: SigningKey
let stage: Stage
let stable: RawBackend
let candidate: RawBackend

function tableOf(objects: readonly SnapshotObject[]): Uint8Array {
  const outcome = compileTable(objects)
  if (!outcome.ok) throw new Error(outcome.reason)
  return outcome.bytes
}

/** The shop, rewritten below /old, with a candidate that links may lead to, and another app beside it. */
const objects = (links: boolean): SnapshotObject[] => [
  ...shopObjects().map((object) =>
    object.kind === 'backend' && object.release === 'shop-r2' && links
      ? { ...object, links: true as const }
      : object,
  ),
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
  folder = mkdtempSync(join(tmpdir(), 'switchyard-links-'))
  key = (await generateKey()).key
  const keysFile = join(folder, 'control-keys.json')
  writeFileSync(keysFile, JSON.stringify({ publicKeys: [key.publicKey] }))
  stage = kept(await startStage({ table: tableOf(objects(true)), keysFile }))
  const answering = (name: string) =>
    rawBackend((socket, text) => {
      if (text.endsWith('\r\n\r\n')) socket.write(ok(name))
    })
  stable = kept(await answering('stable'))
  candidate = kept(await answering('candidate'))
  stage.router.setEndpoints('shop-r1', [{ address: '127.0.0.1', port: stable.port }])
  stage.router.setEndpoints('shop-r2', [{ address: '127.0.0.1', port: candidate.port }])
  stage.router.setEndpoints('blog-r1', [{ address: '127.0.0.1', port: stable.port }])
})
afterEach(() => rmSync(folder, { recursive: true }))

const tokenFor = (more: { app?: string; release?: string; forMs?: number } = {}) =>
  signPreviewLink(
    {
      id: '0'.repeat(16),
      app: more.app ?? 'shop',
      release: more.release ?? 'shop-r2',
      expiresAtMs: Date.now() + (more.forMs ?? 60_000),
    },
    key,
  )

async function ask(target: string, fields: Record<string, string> = {}, method = 'GET') {
  const client = await rawClient(stage.port)
  const head = { host: 'shop.test', ...fields }
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`)
  client.send(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`)
  const text = await client.until('\r\n\r\n')
  client.socket.destroy()
  return { status: Number(text.split(' ')[1]), text }
}
const lastHead = (backend: RawBackend) => backend.received.at(-1) ?? ''
const cookie = (token: string) => `${previewName}=${token}`

describe('a preview link', () => {
  test('becomes a cookie, and the address is clean again', async () => {
    const token = await tokenFor()
    const { status, text } = await ask(`/cart?a=1&${cookie(token)}&b=2`)
    expect(status).toBe(302)
    expect(text).toContain('\r\nLocation: /cart?a=1&b=2\r\n')
    expect(text).toContain(
      `\r\nSet-Cookie: ${cookie(token)}; Path=/; HttpOnly; SameSite=Lax; Max-Age=60\r\n`,
    )
    expect(text).toContain('Cache-Control: no-store')
    expect([stable.received.length, candidate.received.length]).toEqual([0, 0])
  })

  test('never redirects to another host', async () => {
    const { text } = await ask(`//evil.test/?${cookie(await tokenFor())}`)
    expect(text).toContain('\r\nLocation: /evil.test/\r\n')
  })

  test.each([
    ['alone', (c: string) => c, ''],
    ['first', (c: string) => `${c}; a=1`, 'a=1'],
    ['last', (c: string) => `a=1; ${c}`, 'a=1'],
    ['in the middle', (c: string) => `a=1; ${c}; b=2`, 'a=1; b=2'],
  ])('whose cookie is %s leads to the candidate, which does not see it', async (_, place, left) => {
    const value = place(cookie(await tokenFor()))
    const { text } = await ask('/old/cart', { 'x-a': 'before', cookie: value, 'x-b': 'behind' })
    expect(text).toContain('candidate')
    const head = lastHead(candidate)
    expect(head).toContain('GET /new/cart HTTP/1.1\r\n')
    expect(head).not.toContain(previewName)
    expect(/\r\ncookie: (.*)\r\n/i.exec(head)?.[1] ?? '').toBe(left)
    expect(head).toContain('\r\nx-a: before\r\n')
    expect(head).toContain('\r\nx-b: behind\r\n')
    expect(stable.received.length).toBe(0)
  })

  test('in the query of another method than GET leads there at once', async () => {
    const { text } = await ask(
      `/cart?${cookie(await tokenFor())}`,
      { 'content-length': '0' },
      'POST',
    )
    expect(text).toContain('candidate')
    expect(lastHead(candidate)).toContain('POST /cart HTTP/1.1\r\n')
  })

  test('is answered on a connection that goes on with production', async () => {
    const client = await rawClient(stage.port)
    const get = (more: string) => `GET / HTTP/1.1\r\nHost: shop.test\r\n${more}\r\n`
    client.send(get(`Cookie: ${cookie(await tokenFor())}\r\n`))
    await client.until('candidate')
    client.send(get(''))
    await client.until('stable')
    client.send(get(`Cookie: ${cookie('forged')}\r\n`))
    await client.until('503 Service Unavailable')
  })

  test('empty in the query takes the cookie away', async () => {
    const { status, text } = await ask(`/?${previewName}=`)
    expect(status).toBe(302)
    expect(text).toContain(`Set-Cookie: ${previewName}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0`)
    expect(text).toContain('\r\nLocation: /\r\n')
  })
})

describe('is answered 503, and never with production,', () => {
  const refused = async (token: string, fields: Record<string, string> = {}) => {
    const byCookie = await ask('/', { cookie: cookie(token), ...fields })
    const byQuery = await ask(`/?${cookie(token)}`, fields)
    expect([byCookie.status, byQuery.status]).toEqual([503, 503])
    expect(byCookie.text).toContain('Cache-Control: no-store')
    expect([stable.received.length, candidate.received.length]).toEqual([0, 0])
    return byCookie.text
  }

  test('a link that has expired, with a way to leave', async () => {
    expect(await refused(await tokenFor({ forMs: -1 }))).toContain(`/?${previewName}=`)
  })

  test('a link of a foreign key, of other words, or of none', async () => {
    const [payload, keyId, signature] = (await tokenFor()).split('.')
    const foreign = (await generateKey()).key
    const link = { id: '0'.repeat(16), app: 'shop', release: 'shop-r2', expiresAtMs: 9e12 }
    for (const token of [
      await signPreviewLink(link, foreign),
      await signPreviewLink(link, { ...foreign, keyId: key.keyId }),
      `${payload}x.${keyId}.${signature}`,
      `${payload}.${keyId}`,
      'x',
      'x'.repeat(5_000),
    ]) {
      await refused(token)
    }
  })

  test('a link of a key that agents have let go, though it was seen before', async () => {
    const token = await tokenFor()
    expect((await ask('/', { cookie: cookie(token) })).text).toContain('candidate')
    const next = (await generateKey()).key
    writeFileSync(
      join(folder, 'control-keys.json'),
      JSON.stringify({ publicKeys: [next.publicKey] }),
    )
    // Another key is looked for, so the file is read again at once.
    const link = { id: '0'.repeat(16), app: 'shop', release: 'shop-r2', expiresAtMs: 9e12 }
    const ofNext = cookie(await signPreviewLink(link, next))
    await expect
      .poll(async () => (await ask('/', { cookie: ofNext })).text, { timeout: 500 })
      .toContain('candidate')
    expect((await ask('/', { cookie: cookie(token) })).status).toBe(503)
    expect(stable.received.length).toBe(0)
  })

  test('a link of a release that takes none any more', async () => {
    expect(stage.router.loadTable(tableOf(objects(false)))).toBeNull()
    const { status } = await ask('/', { cookie: cookie(await tokenFor()) })
    expect([status, stable.received.length]).toEqual([503, 0])
  })

  test('a link of a release that is not there, or has no endpoint', async () => {
    const gone = await ask('/', { cookie: cookie(await tokenFor({ release: 'shop-r9' })) })
    stage.router.setEndpoints('shop-r2', [])
    const empty = await ask('/', { cookie: cookie(await tokenFor()) })
    expect([gone.status, empty.status, stable.received.length]).toEqual([503, 503, 0])
  })

  test('a link on a host of another app', async () => {
    const fields = { host: 'blog.test', cookie: cookie(await tokenFor()) }
    expect([(await ask('/', fields)).status, stable.received.length]).toEqual([503, 0])
  })

  test('a head with more tokens than one could have', async () => {
    const token = await tokenFor()
    const many = Array.from({ length: 9 }, () => cookie(token)).join('; ')
    expect([(await ask('/', { cookie: many })).status, candidate.received.length]).toEqual([503, 0])
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
    const { text } = await ask(target, fields)
    expect(text).toContain('stable')
    expect(lastHead(stable)).toContain(`GET ${target} HTTP/1.1`)
  }
})

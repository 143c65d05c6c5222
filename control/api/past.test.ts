import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ControlUnderTest, shop, startControl } from '../control-under-test.ts'
import { changesMax } from './diff.ts'

interface Shown {
  readonly revision: number
  readonly digest: string
  readonly objects: readonly { readonly key: string }[]
}

describe('looking back', () => {
  let control: ControlUnderTest
  const after: Record<string, { revision: number; digest: string; atMs: number }> = {}
  const path = '/v1/clusters/eu-1/snapshot'
  const remember = async (name: string) => {
    const { body } = await control.call('GET', path)
    after[name] = {
      revision: control.head(),
      digest: body.digest as unknown as string,
      atMs: Date.now(),
    }
    await new Promise((resolve) => setTimeout(resolve, 15))
  }

  beforeAll(async () => {
    control = await startControl()
    await remember('init')
    await control.call('PUT', '/v1/apps/shop', { body: shop })
    await remember('app')
    await control.call('POST', '/v1/releases', { body: { app: 'shop', version: '0.0.1' } })
    await remember('release')
    await control.call('PUT', '/v1/apps/shop', {
      body: { ...shop, hosts: ['shop.example', 'x.example'] },
    })
    await remember('hosts')
  })
  afterAll(() => control.stop())

  const at = (ms: number) => encodeURIComponent(new Date(ms).toISOString())

  it('gives each snapshot as it was, by revision and by instant', async () => {
    for (const { revision, digest, atMs } of Object.values(after)) {
      const byRevision = await control.call('GET', `${path}?revision=${revision}`)
      expect(byRevision.body).toMatchObject({ digest, asked: { revision } })
      const byInstant = await control.call('GET', `${path}?at=${at(atMs)}`)
      expect(byInstant.body).toMatchObject({ digest, asked: { at: new Date(atMs).toISOString() } })
      expect(byInstant.headers.get('etag')).toBe(`"${digest}"`)
    }
  })

  it('says when it was published and replaced', async () => {
    const { body } = await control.call('GET', `${path}?revision=${after.app!.revision}`)
    const { publishedAtMs, supersededAtMs } = body.served as unknown as Record<string, number>
    expect(publishedAtMs).toBeGreaterThan(after.init!.atMs)
    expect(publishedAtMs).toBeLessThanOrEqual(after.app!.atMs)
    expect(supersededAtMs).toBeGreaterThan(after.app!.atMs)
    const newest = await control.call('GET', path)
    expect(newest.body).toMatchObject({ asked: null, served: { supersededAtMs: null } })
  })

  it('takes an offset, with its plus sign written either way', async () => {
    const { atMs, digest } = after.release!
    const local = new Date(atMs + 3_600_000).toISOString().replace('Z', '+01:00')
    for (const written of [encodeURIComponent(local), local]) {
      expect((await control.call('GET', `${path}?at=${written}`)).body).toMatchObject({ digest })
    }
  })

  it.each([
    ['?at=2999-01-01T00:00:00Z', '?at', /future; control's clock says 20/],
    ['?at=1999-01-01T00:00:00Z', '?at', /before the first record of the log: 20/],
    ['?at=2026-11-25', '?at', /an instant with its offset/],
    ['?at=2026-11-25T10:00:00', '?at', /an instant with its offset/],
    ['?at=2026-02-31T10:00:00Z', '?at', /an instant with its offset/],
    ['?revision=999999', '?revision', /the newest revision is/],
    ['?revision=1&at=2026-11-25T10:00:00Z', '?at', /not both/],
  ])('refuses %s', async (query, pointer, message) => {
    const refused = await control.call('GET', path + query)
    expect(refused.status).toBe(400)
    const [error] = refused.body.errors as unknown as { pointer: string; message: string }[]
    expect(error).toEqual({ pointer, message: expect.stringMatching(message) })
  })

  it('knows no cluster that was not there yet', async () => {
    const never = await control.call('GET', '/v1/clusters/nowhere/snapshot?revision=1')
    expect([never.status, never.body.code]).toEqual([404, 'unknown-cluster'])
    const early = await control.call('GET', `${path}?revision=0`)
    expect(early.status).toBe(404)
    expect(early.body.detail).toMatch(/at revision 0 yet/)
  })

  it('says what changed between two moments, in objects and in words', async () => {
    const [from, to] = [after.app!, after.hosts!]
    const diff = await control.call(
      'GET',
      `/v1/clusters/eu-1/diff?from=${from.revision}&to=${at(to.atMs)}`,
    )
    expect(diff.body).toMatchObject({
      cluster: 'eu-1',
      from: { digest: from.digest },
      to: { digest: to.digest },
      removed: [],
      omitted: 0,
      words: [
        'Route default of shop changes: hosts gain x.example.',
        'shop-r1 (version 0.0.1) can take traffic.',
      ],
    })
    const put = diff.body.put as unknown as { key: string; before: unknown; after: object }[]
    expect(put.map((one) => [one.key, one.before === null]).sort()).toEqual([
      ['backend/shop-r1', true],
      ['route/shop/default', false],
    ])
    const tillNow = await control.call('GET', `/v1/clusters/eu-1/diff?from=${from.revision}`)
    expect(tillNow.body.words).toEqual(diff.body.words)
    const none = await control.call(
      'GET',
      `/v1/clusters/eu-1/diff?from=${to.revision}&to=${to.revision}`,
    )
    expect(none.body).toMatchObject({ put: [], removed: [], words: [] })
  })

  it('shows what is gone with what it was', async () => {
    const url = `/v1/clusters/us-1/diff?from=${after.release!.revision}`
    await control.call('PUT', '/v1/apps/toys', { body: { ...shop, hosts: ['toys.example'] } })
    const before = control.head()
    await control.call('DELETE', '/v1/apps/toys')
    const diff = await control.call('GET', `/v1/clusters/us-1/diff?from=${before}`)
    expect(diff.body.removed).toContainEqual({
      key: 'route/toys/default',
      before: expect.objectContaining({ app: 'toys' }),
    })
    expect(diff.body.words).toContain('Route default of toys is gone: /* on toys.example.')
    expect((await control.call('GET', url)).status).toBe(200)
  })

  it('says what changed everywhere, each sentence with its clusters', async () => {
    const { body } = await control.call(
      'GET',
      `/v1/diff?from=${after.init!.revision}&to=${after.release!.revision}`,
    )
    expect(body).toMatchObject({
      clusters: [
        { cluster: 'eu-1', from: { digest: after.init!.digest }, changed: 3, omitted: 0 },
        { cluster: 'us-1', to: { digest: after.release!.digest } },
      ],
    })
    const words = body.words as unknown as { sentence: string; clusters: string[] }[]
    expect(words).toContainEqual({
      sentence: 'shop-r1 (version 0.0.1) can take traffic.',
      clusters: ['eu-1', 'us-1'],
    })
    const none = await control.call('GET', `/v1/diff?from=${control.head()}`)
    expect(none.body).toEqual({ clusters: [], words: [] })
    expect((await control.call('GET', '/v1/diff?from=3&to=2')).status).toBe(400)
  })

  it.each([
    ['', '?from'],
    ['?from=yesterday', '?from'],
    ['?from=999999', '?from'],
    ['?from=1&to=2999-01-01T00:00:00Z', '?to'],
    ['?from=3&to=2', '?from'],
  ])('refuses a difference %s', async (query, pointer) => {
    const refused = await control.call('GET', `/v1/clusters/eu-1/diff${query}`)
    expect(refused.status).toBe(400)
    const [error] = refused.body.errors as unknown as { pointer: string }[]
    expect(error!.pointer).toBe(pointer)
  })

  it('shows so many changes and counts the others', async () => {
    const from = control.head()
    const many = async (app: string, count: number) => {
      const routes = Array.from({ length: count }, (_, n) => ({
        name: `r${n}`,
        matches: [{ path: { type: 'PathPrefix', value: `/p${n}` } }],
      }))
      const body = { ...shop, clusters: ['us-1'], hosts: [`${app}.example`], routes }
      expect((await control.call('PUT', `/v1/apps/${app}`, { body })).status).toBe(201)
    }
    const diff = async () => (await control.call('GET', `/v1/clusters/us-1/diff?from=${from}`)).body
    // An app's routes and its position.
    await many('many-1', changesMax / 2 - 1)
    await many('many-2', changesMax / 2 - 1)
    expect((await diff()).put).toHaveLength(changesMax)
    expect((await diff()).omitted).toBe(0)
    await many('many-3', 1)
    expect((await diff()).put).toHaveLength(changesMax)
    expect((await diff()).omitted).toBe(2)
  })

  it('explains a request as it would have gone then', async () => {
    const body = { host: 'x.example', path: '/' }
    const explain = (more: object) =>
      control.call('POST', '/v1/clusters/eu-1/explain', { body: { ...body, ...more } })
    expect((await explain({})).body).toMatchObject({ status: 503 })
    const then = { at: new Date(after.release!.atMs).toISOString() }
    expect((await explain(then)).body).toMatchObject({ status: 404 })
    expect((await explain({ ...then, revision: 1 })).status).toBe(400)
  })

  it('is the same after a restart, with the tables and without them', async () => {
    const shown = async () =>
      (await control.call('GET', `${path}?revision=${after.app!.revision}`)).body
    const before = (await shown()) as unknown as Shown
    await control.restart()
    expect(await shown()).toEqual(before)
    const { rmSync } = await import('node:fs')
    await control.restart()
    rmSync(control.folder.file('history.sqlite'), { force: true })
    await control.restart()
    expect(await shown()).toEqual(before)
  })
})

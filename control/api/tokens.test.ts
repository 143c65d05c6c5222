/** What tokens may: scopes, apps and clusters, until when; how often they may call; and what the log keeps. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { limits } from '#wire/limits.ts'
import { enrolAgent } from '../agent-under-test.ts'
import { type Called, type ControlUnderTest, shop, startControl } from '../control-under-test.ts'

describe('tokens', () => {
  let control: ControlUnderTest

  beforeEach(async () => {
    control = await startControl(['eu-1', 'us-1'], { rates: { reads: 40, changes: 12 } })
    await control.call('PUT', '/v1/apps/shop', { body: { ...shop, clusters: ['eu-1'] } })
    const blog = { ...shop, clusters: ['us-1'], hosts: ['blog.example'] }
    await control.call('PUT', '/v1/apps/blog', { body: blog })
  })
  afterEach(() => control.stop())

  async function tokenOf(body: object): Promise<string> {
    const made = await control.call('POST', '/v1/tokens', { body: { name: 'bob', ...body } })
    expect(made.status).toBe(201)
    return made.body.token as unknown as string
  }
  const codeOf = ({ status, body }: Called) => [status, body.code]
  const create = (token: string, body: object) =>
    control.call('POST', '/v1/releases', { token, body: { version: '1', ...body } })

  it('have several scopes, and say so', async () => {
    const token = await tokenOf({ scopes: ['release', 'approve'] })
    const self = await control.call('GET', '/v1/tokens/self', { token })
    expect(self.body).toEqual({
      name: 'bob',
      scopes: ['release', 'approve'],
      apps: null,
      clusters: null,
      expiresAtMs: null,
    })
    expect((await create(token, { app: 'shop' })).status).toBe(201)
    expect(codeOf(await control.call('GET', '/v1/tokens', { token }))).toEqual([403, 'forbidden'])
    const approver = await tokenOf({ scopes: ['approve'] })
    expect(codeOf(await create(approver, { app: 'blog' }))).toEqual([403, 'forbidden'])
    expect((await control.call('GET', '/v1/apps', { token: approver })).status).toBe(200)
  })

  it('that are for some apps change and see only those', async () => {
    const token = await tokenOf({ scopes: ['release'], apps: ['shop'] })
    const get = (path: string) => control.call('GET', path, { token })
    expect((await create(token, { app: 'shop' })).status).toBe(201)
    const refused = await create(token, { app: 'blog' })
    expect(codeOf(refused)).toEqual([403, 'forbidden'])
    expect(refused.body.detail).toContain('is for the apps "shop"; this is about the app "blog"')
    expect((await get('/v1/apps')).body.apps).toMatchObject([{ app: 'shop' }])
    expect((await get('/v1/apps/shop')).status).toBe(200)
    for (const path of [
      '/v1/apps/blog',
      '/v1/releases/blog-r1',
      '/v1/clusters/eu-1/snapshot',
      '/v1/events',
      '/v1/audit',
      '/v1/export',
    ]) {
      expect([path, ...codeOf(await get(path))]).toEqual([path, 403, 'forbidden'])
    }
    expect((await get('/v1/audit?app=shop')).status).toBe(200)
    const freeze = { from: '2026-01-01T00:00:00Z', until: '2026-01-02T00:00:00Z', reason: 'no' }
    const put = (body: object) => control.call('PUT', '/v1/freezes/f', { token, body })
    expect(codeOf(await put(freeze))).toEqual([403, 'forbidden'])
    expect((await put({ ...freeze, apps: ['shop'] })).status).toBe(201)
  })

  it('that are for some clusters change nothing in others', async () => {
    const token = await tokenOf({ scopes: ['admin'], clusters: ['us-1'] })
    expect(codeOf(await create(token, { app: 'shop' }))).toEqual([403, 'forbidden'])
    expect((await create(token, { app: 'blog' })).status).toBe(201)
    const clusters = await control.call('GET', '/v1/clusters', { token })
    expect(clusters.body.clusters).toMatchObject([{ cluster: 'us-1' }])
    const agents = (name: string) => control.call('GET', `/v1/clusters/${name}/agents`, { token })
    expect(codeOf(await agents('eu-1'))).toEqual([403, 'forbidden'])
    expect((await agents('us-1')).status).toBe(200)
    const wider = { name: 'eve', scopes: ['admin'] }
    const made = await control.call('POST', '/v1/tokens', { token, body: wider })
    expect(codeOf(made)).toEqual([403, 'forbidden'])
  })

  it('end when they expire, and say when', async () => {
    const token = await tokenOf({ scopes: ['read'], expiresInMs: 150 })
    expect((await control.call('GET', '/v1/apps', { token })).status).toBe(200)
    await new Promise((resolve) => setTimeout(resolve, 200))
    const late = await control.call('GET', '/v1/apps', { token })
    expect(codeOf(late)).toEqual([401, 'unauthenticated'])
    expect(late.body.detail).toContain('"bob" has expired on 20')
    const tooLong = { name: 'x', scopes: ['read'], expiresInMs: limits.tokenLifeMs + 1 }
    const refused = await control.call('POST', '/v1/tokens', { body: tooLong })
    expect(codeOf(refused)).toEqual([400, 'invalid-request'])
  })

  it('call as often as they may, each for itself, and are told when to go on', async () => {
    const token = await tokenOf({ scopes: ['read'] })
    const look = () => control.call('GET', '/v1/apps', { token })
    for (let n = 0; n < 40; n++) expect((await look()).status).toBe(200)
    const refused = await look()
    expect(codeOf(refused)).toEqual([429, 'rate-limited'])
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    expect(refused.headers.get('ratelimit-policy')).toBe('"calls";q=40;w=10')
    // Others, and changes, have a budget of their own.
    expect((await control.call('GET', '/v1/apps')).status).toBe(200)
    const statuses = new Set<number>()
    for (let n = 0; n < 12; n++) {
      statuses.add((await control.call('DELETE', '/v1/freezes/none')).status)
    }
    expect([...statuses]).toEqual([404, 429])
    expect((await control.call('GET', '/livez')).status).toBe(200)
  })

  it('that ask for what they may not do are slowed down', async () => {
    const token = await tokenOf({ scopes: ['read'] })
    const statuses: number[] = []
    for (let n = 0; n <= limits.strangerCallsPerWindow; n++) {
      statuses.push((await control.call('GET', '/v1/tokens', { token })).status)
    }
    expect([statuses[0], statuses.at(-1)]).toEqual([403, 429])
    expect((await control.call('GET', '/v1/apps', { token })).status).toBe(200)
  })

  it('that nobody knows are slowed down, and agents are not', async () => {
    const agent = await enrolAgent(control, 'eu-1', 'eu-1-a')
    const guess = () => control.call('GET', '/v1/apps', { token: `swy_admin_${'x'.repeat(43)}` })
    for (let n = 0; n < limits.strangerCallsPerWindow; n++) {
      expect((await guess()).status).toBe(401)
    }
    expect(codeOf(await guess())).toEqual([429, 'rate-limited'])
    for (let n = 0; n < 20; n++) await agent.report({})
    expect((await control.call('GET', '/v1/apps')).status).toBe(200)
  })

  it('leave who, from where and why in the audit', async () => {
    await control.call('PUT', '/v1/apps/shop', {
      body: { ...shop, clusters: ['eu-1'], copies: 2 },
      headers: { 'switchyard-reason': 'more load in December', 'user-agent': 'curl/8\u00e9' },
    })
    const audit = await control.call('GET', '/v1/audit?limit=1')
    expect(audit.body.entries).toMatchObject([
      {
        actor: 'admin',
        reason: 'more load in December',
        origin: { address: expect.stringMatching(/127\.0\.0\.1$/), client: 'curl/8?' },
        type: 'put-app',
      },
    ])
    const bad = await control.call('DELETE', '/v1/apps/shop', {
      headers: { 'switchyard-reason': ' ' },
    })
    expect(codeOf(bad)).toEqual([400, 'invalid-request'])
  })
})

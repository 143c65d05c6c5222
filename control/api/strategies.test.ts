/** Canary steps, pauses, approvals and freeze windows as an operator asks for them over HTTP. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { limits } from '#wire/limits.ts'
import { parsePreviewLink, readPreviewToken } from '#wire/preview-link.ts'
import { type AgentUnderTest, enrolAgent } from '../agent-under-test.ts'
import { type Called, type ControlUnderTest, shop, startControl } from '../control-under-test.ts'

describe('strategies over HTTP', () => {
  let control: ControlUnderTest
  let agent: AgentUnderTest

  beforeEach(async () => {
    control = await startControl(['eu-1'])
    agent = await enrolAgent(control, 'eu-1', 'eu-1-a')
    await control.call('PUT', '/v1/apps/shop', { body: { ...shop, clusters: ['eu-1'] } })
    await create({ version: '1' })
    await settle()
  })
  afterEach(() => control.stop())

  const create = (body: object) =>
    control.call('POST', '/v1/releases', { body: { app: 'shop', ...body } })
  const motion = (what: string, body?: object, id = 'shop-r2') =>
    control.call('POST', `/v1/releases/${id}/${what}`, { body })
  const shown = async (id = 'shop-r2') => (await control.call('GET', `/v1/releases/${id}`)).body
  const codeOf = ({ status, body }: Called) => [status, body.code]

  const follow = () => agent.follow({ 'shop-r1': 1, 'shop-r2': 1 })
  async function settle() {
    for (let n = 0; n < 4; n++) await follow()
  }

  it('a promote is waited for over its step, also when the next one begins at once', async () => {
    const steps = [{ weight: 20 }, { weight: 60, pause: { until: 'promote' } }]
    await create({ version: '2', strategy: 'canary', steps })
    await settle()
    const path = '/v1/releases/shop-r2/promote?wait=active&timeout=10s'
    const waiting = control.call('POST', path, { body: {} })
    await settle()
    expect(await waiting).toMatchObject({ status: 202, body: { id: 'shop-r2' } })
  })

  it('a canary goes from step to step, pauses, and ends at once when it is told to', async () => {
    const steps = [{ weight: 20, pause: { until: 'promote' } }, { weight: 60 }]
    expect((await create({ version: '2', strategy: 'canary', steps })).status).toBe(201)
    await settle()
    expect((await motion('promote')).status).toBe(202)
    await settle()
    expect(await shown()).toMatchObject({
      phase: 'progressing',
      weights: { 'eu-1': 20 },
      steps: [{ state: 'current' }, { state: 'pending' }, { state: 'pending' }],
    })
    const app = await control.call('GET', '/v1/apps/shop')
    expect(app.body.live).toMatchObject({
      'eu-1': { release: 'shop-r1', weights: { 'shop-r2': 20, 'shop-r1': 80 } },
    })
    expect((await motion('pause', { reason: 'a look at the graphs' })).body.paused).toMatchObject({
      by: 'admin',
      reason: 'a look at the graphs',
    })
    expect(codeOf(await motion('promote'))).toEqual([409, 'release-paused'])
    expect((await motion('resume')).body.paused).toBeNull()
    expect((await motion('promote', { full: true })).status).toBe(202)
    await settle()
    expect(await shown()).toMatchObject({ phase: 'live', weights: { 'eu-1': 100 } })
  })

  it('says which field of a plan is wrong', async () => {
    for (const [body, pointer] of [
      [{ strategy: 'canary', steps: [{ weight: 101 }] }, '/steps/0/weight'],
      [{ strategy: 'canary', steps: [{ weight: 9 }, { weight: 8 }] }, '/steps/1/weight'],
      [{ steps: [{ weight: 9 }] }, '/strategy'],
      [{ waves: [{ clusters: ['us-1'] }] }, '/waves/0/clusters'],
      [{ strategy: 'rolling', rolling: { maxSurge: '120%' } }, '/rolling/maxSurge'],
    ] as const) {
      const refused = await create({ version: '2', ...body })
      expect(refused).toMatchObject({ status: 400, body: { code: 'invalid-request' } })
      expect(refused.body.errors).toMatchObject([{ pointer }])
    }
    expect(codeOf(await create({ version: '2', undo: 'shop-r1' }))[0]).toBe(400)
  })

  it('an approval comes from somebody else, and its reason is kept', async () => {
    const body = { ...shop, clusters: ['eu-1'], approvals: 1 }
    await control.call('PUT', '/v1/apps/shop', { body })
    await create({ version: '2' })
    await settle()
    expect(codeOf(await motion('promote'))).toEqual([409, 'approval-required'])
    expect(codeOf(await motion('approve'))).toEqual([409, 'self-approval'])
    const made = await control.call('POST', '/v1/tokens', { body: { name: 'bob', scope: 'admin' } })
    const token = made.body.token as unknown as string
    const approved = await control.call('POST', '/v1/releases/shop-r2/approve', {
      token,
      body: { reason: 'tried it' },
    })
    expect(approved.body.approvals).toMatchObject({
      required: 1,
      given: [{ by: 'bob', reason: 'tried it' }],
    })
    expect((await motion('promote')).status).toBe(202)
  })

  it('a freeze window holds promote back until it is lifted or overridden', async () => {
    const at = (ms: number) => new Date(Date.now() + ms).toISOString()
    const window = { from: at(-60_000), until: at(3_600_000), reason: 'the sale' }
    const put = (more = {}) =>
      control.call('PUT', '/v1/freezes/sale', { body: { ...window, ...more } })
    expect(codeOf(await put({ until: window.from }))).toEqual([400, 'invalid-request'])
    expect(codeOf(await put({ clusters: ['xx'] }))).toEqual([404, 'unknown-cluster'])
    const misspelt = await put({ apps: ['shop', 'shopp'] })
    expect(codeOf(misspelt)).toEqual([404, 'unknown-app'])
    expect(misspelt.body.errors).toEqual([{ pointer: '/apps', message: '"shopp": no such app' }])
    expect(await put()).toMatchObject({ status: 201, body: { active: true, setBy: 'admin' } })
    expect((await put()).status).toBe(200)
    await create({ version: '2' })
    await settle()
    const refused = await motion('promote')
    expect(codeOf(refused)).toEqual([409, 'frozen'])
    expect(refused.body.detail).toContain('"sale" until')
    expect(codeOf(await motion('promote', { override: {} }))).toEqual([400, 'invalid-request'])
    const listed = await control.call('GET', '/v1/freezes')
    expect(listed.body.freezes).toMatchObject([{ name: 'sale', active: true }])
    expect((await motion('promote', { override: { reason: 'it is urgent' } })).status).toBe(202)
    await settle()
    expect((await shown()).phase).toBe('live')
    expect((await control.call('DELETE', '/v1/freezes/sale')).status).toBe(200)
    for (const method of ['GET', 'DELETE']) {
      const gone = await control.call(method, '/v1/freezes/sale')
      expect(codeOf(gone)).toEqual([404, 'not-found'])
      expect(gone.body.fix).toContain('GET /v1/freezes')
    }
  })

  it('a preview link is signed for one candidate, audited, and shown once', async () => {
    const links = (id: string, body: object = {}, more: object = {}) =>
      control.call('POST', `/v1/releases/${id}/preview-links`, { body, ...more })
    expect(codeOf(await links('shop-r1'))).toEqual([409, 'preview-not-linked'])
    expect(codeOf(await links('shop-r9'))).toEqual([404, 'unknown-release'])
    await create({ version: '2', preview: { links: true } })
    const headers = { 'idempotency-key': 'once' }
    const made = await links('shop-r2', { expiresInMs: 60_000, path: '/cart' }, { headers })
    expect(made.status).toBe(201)
    const { token, path, urls, id } = made.body as unknown as Record<string, string>
    expect(path).toBe(`/cart?switchyard-preview=${token}`)
    expect(urls).toContain(`http://${shop.hosts[0]}${path}`)
    const parts = readPreviewToken(token!)!
    const link = parsePreviewLink(parts.payload)
    expect(link).toMatchObject({ id, app: 'shop', release: 'shop-r2' })
    expect(link!.expiresAtMs - Date.now()).toBeGreaterThan(50_000)
    const again = await links('shop-r2', { expiresInMs: 60_000, path: '/cart' }, { headers })
    expect(again.body).toMatchObject({ id, token: null, path: null })
    const audit = await control.call('GET', '/v1/audit?type=preview-link-issued')
    expect(audit.body.entries).toMatchObject([{ type: 'issue-preview-link', status: 201 }])
    expect(audit.text).not.toContain(token)
    expect(codeOf(await links('shop-r2', { expiresInMs: 999 }))).toEqual([400, 'invalid-request'])
    expect(codeOf(await links('shop-r2', { expiresInMs: limits.previewLinkMs + 1 }))).toEqual([
      400,
      'invalid-request',
    ])
    await motion('abort')
    expect(codeOf(await links('shop-r2'))).toEqual([409, 'preview-not-linked'])
  })
})

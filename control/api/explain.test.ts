import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AgentUnderTest, enrolAgent } from '../agent-under-test.ts'
import { type ControlUnderTest, shop, startControl } from '../control-under-test.ts'

describe('explain', () => {
  let control: ControlUnderTest
  let agent: AgentUnderTest
  let beforePreview: number

  beforeAll(async () => {
    control = await startControl(['eu-1'])
    agent = await enrolAgent(control, 'eu-1', 'eu-1-a')
    const body = {
      ...shop,
      clusters: ['eu-1'],
      routes: [
        { name: 'default' },
        {
          name: 'api',
          matches: [{ path: { type: 'PathPrefix', value: '/api' }, method: 'POST' }],
          rewrite: { path: { type: 'ReplacePrefixMatch', value: '/v2' } },
          responseHeaders: { set: [{ name: 'Cache-Control', value: 'no-store' }] },
          timeouts: { requestMs: 1_500 },
          loadBalance: { type: 'header', header: 'X-User' },
        },
      ],
    }
    expect((await control.call('PUT', '/v1/apps/shop', { body })).status).toBe(201)
    beforePreview = control.head()
    const preview = { path: '/test' }
    await control.call('POST', '/v1/releases', {
      body: { app: 'shop', version: '1', autoPromote: false, preview },
    })
    await agent.report({ readyEndpoints: { 'shop-r1': 1 } })
  })
  afterAll(() => control.stop())

  const explain = (body: object, cluster = 'eu-1') =>
    control.call('POST', `/v1/clusters/${cluster}/explain`, { body })

  it('shows candidates in order, why each lost, the rewrite and the release', async () => {
    const before = control.head()
    const preview = await explain({ host: 'shop.example', path: '/test/cart?x=1' })
    expect(preview.body).toMatchObject({
      status: 200,
      revision: beforePreview + 1,
      destination: {
        route: 'preview/shop/shop-r1',
        releases: [{ release: 'shop-r1', weight: 1 }],
        target: '/cart?x=1',
      },
    })
    const candidates = preview.body.candidates as unknown as {
      route: string
      lost: string | null
    }[]
    expect(candidates.map(({ route }) => route)).toEqual([
      'preview/shop/shop-r1',
      'route/shop/default',
      'route/shop/api',
    ])
    expect(candidates.map(({ lost }) => lost === null)).toEqual([true, false, false])
    const posted = await explain({ method: 'POST', host: 'SHOP.example:80', path: '/api/orders' })
    const effects = [
      'response header cache-control is set to no-store',
      'a request takes at most 1.5 s',
      'a value of header x-user keeps its endpoint',
    ]
    const destination = { target: '/v2/orders', effects }
    expect(posted.body).toMatchObject({ status: 503, destination })
    expect(control.head()).toBe(before)
  })

  it('looks at the past when it is told a revision', async () => {
    const request = { host: 'shop.example', path: '/test' }
    const then = await explain({ ...request, revision: beforePreview })
    expect(then.body).toMatchObject({ destination: { route: 'route/shop/default' } })
    const now = await explain(request)
    expect(now.body).toMatchObject({ destination: { route: 'preview/shop/shop-r1' } })
    const future = await explain({ ...request, revision: control.head() + 1 })
    expect([future.status, future.body.code]).toEqual([400, 'invalid-request'])
    expect(future.body.errors).toMatchObject([{ pointer: '/revision' }])
  })

  it('says what has no route, and what no agent would take', async () => {
    expect((await explain({ host: 'other.example', path: '/' })).body).toMatchObject({
      status: 404,
      destination: null,
    })
    const refused = await explain({ host: 'shop.example', path: '/a b' })
    expect([refused.status, refused.body.status]).toEqual([200, 400])
    const injected = await explain({
      host: 'shop.example',
      path: '/',
      headers: [{ name: 'x', value: 'a\r\ntransfer-encoding: chunked' }],
    })
    expect(injected.body.status).toBe(400)
  })

  it('refuses unknown clusters and fields', async () => {
    const request = { host: 'shop.example', path: '/' }
    expect((await explain(request, 'mars')).body.code).toBe('unknown-cluster')
    const answer = await explain({ ...request, verb: 'GET' })
    expect(answer.body.errors).toMatchObject([{ pointer: '/verb' }])
  })

  it('the snapshot can be looked at in the past too, with its own digest', async () => {
    const path = '/v1/clusters/eu-1/snapshot'
    const then = await control.call('GET', `${path}?revision=${beforePreview}`)
    const now = await control.call('GET', path)
    expect(then.body.revision).toBe(beforePreview)
    expect(then.text).not.toContain('shop-r1')
    expect(now.text).toContain('shop-r1')
    expect(then.headers.get('etag')).not.toBe(now.headers.get('etag'))
    const empty = await control.call('GET', `${path}?revision=1`)
    expect(empty.body.objects).toEqual([])
    const answer = await control.call('GET', `${path}?revision=${control.head() + 1}`)
    expect(answer.body.errors).toMatchObject([{ pointer: '?revision' }])
  })
})

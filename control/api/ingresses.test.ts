/** Ingress objects over HTTP: put by agents with their own token, shown to operators. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { digestOf } from '#wire/digest.ts'
import { type AgentUnderTest, enrolAgent } from '../agent-under-test.ts'
import { type ControlUnderTest, shop, startControl } from '../control-under-test.ts'

const place = '/v1/agents/eu-1/ingresses/shop/web'
const shown = '/v1/clusters/eu-1/ingresses'
const intent = (host = 'web.example', more: object = {}) => ({
  uid: 'uid-1',
  hash: digestOf(host),
  class: 'switchyard',
  routes: [{ host, path: { type: 'PathPrefix', value: '/' }, service: 'shop/web:http' }],
  warnings: ['haproxy.org/timeout-check is not done.'],
  ...more,
})

describe('Ingress objects over HTTP', () => {
  let control: ControlUnderTest
  let agent: AgentUnderTest

  beforeEach(async () => {
    control = await startControl(['eu-1', 'us-1'])
    agent = await enrolAgent(control, 'eu-1', 'eu-1-a')
    const other = await enrolAgent(control, 'us-1', 'us-1-a')
    await agent.report()
    await other.report()
  })
  afterEach(() => control.stop())

  const put = (body: object = intent(), path = place) =>
    control.call('PUT', path, { token: agent.token, body })

  it('are put by an agent, listed for agents and shown to operators', async () => {
    expect(await put()).toMatchObject({
      status: 201,
      body: { namespace: 'shop', name: 'web', served: false, refused: null },
    })
    expect((await put()).status).toBe(200)
    const list = async () =>
      (await control.call('GET', '/v1/agents/eu-1/ingresses', { token: agent.token })).body
    expect(await list()).toEqual({
      ingresses: [
        { namespace: 'shop', name: 'web', uid: 'uid-1', hash: intent().hash, served: false },
      ],
    })
    await agent.report()
    expect(await list()).toMatchObject({ ingresses: [{ served: true }] })
    expect((await control.call('GET', shown)).body.ingresses).toEqual([
      {
        cluster: 'eu-1',
        namespace: 'shop',
        name: 'web',
        ...intent(),
        revision: expect.any(Number),
        served: true,
        refused: null,
      },
    ])
    expect(await control.call('GET', '/v1/clusters/us-1/ingresses')).toMatchObject({
      status: 200,
      body: { ingresses: [] },
    })
  })

  it('go, and are gone when they are asked to go again', async () => {
    await put()
    for (let n = 0; n < 2; n++) {
      expect((await control.call('DELETE', place, { token: agent.token })).status).toBe(200)
    }
    expect((await control.call('GET', shown)).body).toEqual({ ingresses: [] })
  })

  it('are explained, and since when', async () => {
    await put(intent('*'))
    const body = { host: '192.0.2.9', path: '/cart' }
    expect(await control.call('POST', '/v1/clusters/eu-1/explain', { body })).toMatchObject({
      status: 200,
      body: {
        status: 200,
        reason: 'the Service shop/web:http',
        destination: { app: 'shop/web', releases: [{ release: 'shop/web:http' }] },
      },
    })
    await put(intent('*', { hash: digestOf('again'), warnings: [] }))
    expect(await control.call('POST', '/v1/clusters/eu-1/blame', { body })).toMatchObject({
      status: 200,
      body: {
        since: { actor: 'agent:eu-1-a', type: 'put-ingress' },
        before: { status: 404 },
      },
    })
  })

  it('that are refused say why, until they are taken', async () => {
    await control.call('PUT', '/v1/apps/shop', {
      body: { ...shop, clusters: ['eu-1'], hosts: ['web.example'] },
    })
    expect(await put()).toMatchObject({ status: 409, body: { code: 'route-conflict' } })
    expect((await control.call('GET', shown)).body.ingresses).toEqual([
      {
        cluster: 'eu-1',
        namespace: 'shop',
        name: 'web',
        refused: { code: 'route-conflict', detail: expect.stringContaining('route/shop/') },
      },
    ])
    await put(intent('other.example'))
    expect((await control.call('GET', shown)).body.ingresses).toMatchObject([{ refused: null }])
    await put()
    expect((await control.call('GET', shown)).body.ingresses).toMatchObject([
      { routes: [{ host: 'other.example' }], refused: { code: 'route-conflict' } },
    ])
    await control.call('DELETE', place, { token: agent.token })
    expect((await control.call('GET', shown)).body).toEqual({ ingresses: [] })
  })

  it('that are refused because of a release are told there too, as long as it has the traffic', async () => {
    await control.call('PUT', '/v1/apps/shop', {
      body: { ...shop, clusters: ['eu-1'], hosts: ['web.example'] },
    })
    const create = (version: string, more = {}) =>
      control.call('POST', '/v1/releases', { body: { app: 'shop', version, ...more } })
    const troublesOf = async (id: string) =>
      (await control.call('GET', `/v1/releases/${id}`)).body.troubles
    await create('1', { autoPromote: true })
    for (let n = 0; n < 4; n++) await agent.follow({ 'shop-r1': 9 })
    expect((await create('2', { preview: { path: '/test' } })).status).toBe(201)
    await put(intent('web.example'))
    const [route] = intent().routes
    const test = { ...route, path: { type: 'PathPrefix', value: '/test' } }
    const testPlace = '/v1/agents/eu-1/ingresses/shop/test'
    await put(intent('web.example', { uid: 'uid-2', routes: [test] }), testPlace)
    expect(await troublesOf('shop-r1')).toEqual([
      'eu-1: Ingress shop/web says the same as route/shop/default, which is older, and is refused',
    ])
    expect(await troublesOf('shop-r2')).toEqual([
      'eu-1: Ingress shop/test says the same as preview/shop/shop-r2, which is older, and is refused',
    ])
    await control.call('DELETE', place, { token: agent.token })
    expect(await troublesOf('shop-r1')).toEqual([])
  })

  it('that were there first are told to agents with who was refused, for a while', async () => {
    await put()
    const list = async () =>
      (await control.call('GET', '/v1/agents/eu-1/ingresses', { token: agent.token })).body
    expect(await list()).toMatchObject({ ingresses: [{ name: 'web' }] })
    const late = { ...shop, clusters: ['eu-1'], hosts: ['web.example'] }
    const asked = (path: string) => control.call('PUT', path, { body: late })
    await asked('/v1/apps/shop?dryRun=true')
    expect((await list()).ingresses).not.toMatchObject([{ claimed: expect.any(String) }])
    expect(await asked('/v1/apps/shop')).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('ingress/shop/web/') },
    })
    const claimed =
      'route/shop/default says the same on web.example: it came later, and was refused'
    expect(await list()).toMatchObject({ ingresses: [{ claimed }] })
    const second = await put(intent(), '/v1/agents/eu-1/ingresses/shop/second')
    expect(second.status).toBe(409)
    expect(await list()).toMatchObject({
      ingresses: [{ claimed: expect.stringContaining('ingress/shop/second/') }],
    })
  })

  it('are not for operators to put, nor for agents of other clusters', async () => {
    const body = intent()
    expect((await control.call('PUT', place, { body })).status).toBe(403)
    const elsewhere = '/v1/agents/us-1/ingresses/shop/web'
    expect((await control.call('PUT', elsewhere, { token: agent.token, body })).status).toBe(401)
    expect((await control.call('GET', '/v1/clusters/eu-9/ingresses')).body.code).toBe(
      'unknown-cluster',
    )
  })

  it('with what no route can have are refused field by field', async () => {
    const bad = [
      [{ host: 'Bad Host' }, '/routes/0/host'],
      [{ service: 'web:http' }, '/routes/0/service'],
      [{ path: { type: 'PathPrefix', value: '/a//b' } }, '/routes/0/path/value'],
    ] as const
    for (const [change, pointer] of bad) {
      const [route] = intent().routes
      const { status, body } = await put(
        intent('web.example', { routes: [{ ...route, ...change }] }),
      )
      expect([status, body.code]).toEqual([400, 'invalid-request'])
      expect(body.errors).toMatchObject([{ pointer }])
    }
  })
})

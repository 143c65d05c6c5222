import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ControlUnderTest, shop, startControl } from '../control-under-test.ts'
import { makeToken } from '../trust/tokens.ts'

describe('who may ask', () => {
  let control: ControlUnderTest
  const tokens: Record<string, string> = {}

  beforeAll(async () => {
    control = await startControl()
    tokens.admin = control.adminToken
    for (const scope of ['release', 'read']) {
      const made = await control.call('POST', '/v1/tokens', { body: { name: `t-${scope}`, scope } })
      tokens[scope] = String(made.body.token)
    }
  })
  afterAll(() => control.stop())

  it('answers health, the OpenAPI document and the page of errors to everybody', async () => {
    for (const path of ['/livez', '/readyz', '/openapi.json', '/docs/errors.md']) {
      expect((await control.call('GET', path, { token: null })).status, path).toBe(200)
    }
  })

  it('answers 401 without a token, with an unknown one and with something else', async () => {
    const wrong = [null, makeToken('admin').token, 'x', `${control.adminToken}x`]
    for (const token of wrong) {
      const { status, body, headers } = await control.call('GET', '/v1/apps', { token })
      expect([status, body.code]).toEqual([401, 'unauthenticated'])
      expect(body.detail).toMatch(token === null ? /needs a token/ : /unknown here or revoked/)
      expect(headers.get('www-authenticate')).toContain('Bearer')
    }
    const basic = { authorization: `Basic ${btoa('a:b')}` }
    const answer = await control.call('GET', '/v1/apps', { token: null, headers: basic })
    expect(answer.status).toBe(401)
  })

  it('gives each scope what it includes and no more', async () => {
    const calls = [
      ['read', 'GET', '/v1/apps', undefined],
      ['read', 'GET', '/metrics', undefined],
      ['read', 'GET', '/v1/clusters/eu-1/snapshot', undefined],
      ['release', 'PUT', '/v1/apps/scoped', shop],
      ['release', 'POST', '/v1/releases/none-r1/promote', undefined],
      ['admin', 'GET', '/v1/tokens', undefined],
      ['admin', 'DELETE', '/v1/clusters/eu-1/agents/none', undefined],
    ] as const
    const order = ['read', 'release', 'admin']
    for (const [needed, method, path, body] of calls) {
      for (const held of order) {
        const { status, body: answer } = await control.call(method, path, {
          token: tokens[held]!,
          body,
        })
        const allowed = order.indexOf(held) >= order.indexOf(needed)
        expect(status === 403, `${held} ${method} ${path}`).toBe(!allowed)
        if (!allowed) expect(answer.code).toBe('forbidden')
      }
    }
  })

  it('takes neither an enrolment token for operators nor an operator for an agent', async () => {
    const enrol = control.enrolmentToken('eu-1')
    expect((await control.call('GET', '/v1/apps', { token: enrol })).status).toBe(403)
    expect((await control.call('GET', '/v1/agents/eu-1/header')).status).toBe(403)
    expect((await control.call('POST', '/v1/agents/enrol', { body: {} })).status).toBe(403)
  })

  it('shuts out a revoked token at once, and changes nothing for it', async () => {
    const made = await control.call('POST', '/v1/tokens', {
      body: { name: 'gone', scope: 'admin' },
    })
    const token = String(made.body.token)
    expect((await control.call('GET', '/v1/tokens', { token })).status).toBe(200)
    expect((await control.call('DELETE', '/v1/tokens/gone')).status).toBeLessThan(300)
    const before = control.head()
    const body = { name: 'more', scope: 'admin' }
    expect((await control.call('POST', '/v1/tokens', { token, body })).status).toBe(401)
    expect(control.head()).toBe(before)
    const listed = await control.call('GET', '/v1/tokens')
    expect(listed.text).not.toContain('gone')
    expect(listed.text).not.toContain('Hash')
  })

  it('reads no body for a caller who may not ask', async () => {
    const neverWhole = new ReadableStream({
      start: (controller) => controller.enqueue(new Uint8Array(1024)),
    })
    const answer = await control.call('PUT', '/v1/apps/x', { token: null, raw: neverWhole })
    expect(answer.status).toBe(401)
  })

  const rawGet = (headers: Record<string, string>) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const { hostname, port } = new URL(control.url)
      const sent = request(
        { hostname, port, path: '/livez', headers, agent: false },
        (response) => {
          let text = ''
          response.on('data', (chunk) => {
            text += chunk
          })
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
        },
      )
      sent.on('error', reject)
      sent.end()
    })

  it('answers on loopback only to its own names: a rebound name is refused', async () => {
    const { port } = new URL(control.url)
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, 'LOCALHOST']) {
      expect((await rawGet({ host })).status, host).toBe(200)
    }
    for (const host of [
      `evil.example:${port}`,
      'localhost.evil.example',
      '127.0.0.1.evil.example',
    ]) {
      const { status, text } = await rawGet({ host })
      expect([status, JSON.parse(text).code], host).toEqual([403, 'foreign-origin'])
    }
  })

  it("refuses calls from other sites' pages, whatever token they carry", async () => {
    const before = control.head()
    for (const origin of [
      'http://evil.example',
      'null',
      'http://localhost:1',
      'https://127.0.0.1',
    ]) {
      const { status, body } = await control.call('PUT', '/v1/apps/x', {
        body: shop,
        headers: { origin },
      })
      expect([status, body.code], origin).toEqual([403, 'foreign-origin'])
    }
    expect(control.head()).toBe(before)
    const own = await control.call('GET', '/livez', { headers: { origin: control.url } })
    expect(own.status).toBe(200)
  })
})

/** What a token that is for one app or one cluster sees and changes of the others: nothing, by any operation. */
import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Called, type ControlUnderTest, shop, startControl } from '../control-under-test.ts'

interface Described {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<Record<string, { readonly security?: readonly { bearer: string[] }[] }>>
    >
  >
}
const document = JSON.parse(
  readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'),
) as Described

const window = { from: '2026-01-01T00:00:00Z', until: '2036-01-02T00:00:00Z' }
const codeOf = ({ status, body }: Called) => [status, body.code]

describe('a limited token', () => {
  let control: ControlUnderTest
  let ofShop: string
  let ofUs: string

  const call = (token: string, method: string, path: string, body?: object) =>
    control.call(method, path, { token, body })
  async function tokenOf(name: string, body: object): Promise<string> {
    const made = await control.call('POST', '/v1/tokens', { body: { name, ...body } })
    expect(made.status).toBe(201)
    return String(made.body.token)
  }

  beforeEach(async () => {
    control = await startControl(['eu-1', 'us-1'])
    await control.call('PUT', '/v1/apps/shop', { body: { ...shop, clusters: ['us-1'] } })
    const secret = { ...shop, clusters: ['eu-1'], hosts: ['secret.example'] }
    await control.call('PUT', '/v1/apps/secret', { body: secret })
    const preview = { links: true }
    await control.call('POST', '/v1/releases', { body: { app: 'secret', version: '1', preview } })
    const freeze = { ...window, apps: ['secret'], clusters: ['eu-1'], reason: 'a secret reason' }
    await control.call('PUT', '/v1/freezes/secret-freeze', { body: freeze })
    await control.call('PUT', '/v1/freezes/all', { body: { ...window, reason: 'all' } })
    const hook = { url: 'http://127.0.0.1:9/secret' }
    await control.call('PUT', '/v1/webhooks/secret-hook', { body: hook })
    ofShop = await tokenOf('shop-token', { scopes: ['admin'], apps: ['shop'] })
    ofUs = await tokenOf('us-token', { scopes: ['admin'], clusters: ['us-1'] })
  })
  afterEach(() => control.stop())

  /** Every operation that an operator's token opens, about what it is not for, with a body that would do. */
  function* operations(): Generator<readonly [method: string, path: string, body?: object]> {
    const names: Record<string, string> = { app: 'secret', id: 'secret-r1', cluster: 'eu-1' }
    const bodies: Record<string, object> = {
      'PUT /v1/apps/{app}': { ...shop, clusters: ['eu-1'], hosts: ['secret.example'], copies: 3 },
      'POST /v1/releases': { app: 'secret', version: '2' },
      'PUT /v1/freezes/{name}': { ...window, apps: ['shop'], clusters: ['us-1'], reason: 'mine' },
      'POST /v1/clusters/{cluster}/explain': { host: 'secret.example', path: '/' },
      'POST /v1/clusters/{cluster}/blame': { host: 'secret.example', path: '/' },
      'POST /v1/tokens': { name: 'wider', scopes: ['admin'] },
      'PUT /v1/webhooks/{name}': { url: 'http://127.0.0.1:9/mine' },
    }
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, { security }] of Object.entries(methods)) {
        const scope = security?.[0]?.bearer[0]
        if (!scope || scope === 'agent' || scope === 'enrolment') continue
        const name = path.includes('freezes')
          ? 'secret-freeze'
          : path.includes('webhooks')
            ? 'secret-hook'
            : 'admin'
        const at = path.replaceAll(/\{(\w+)\}/g, (_, key: string) => {
          if (key === 'agent') return 'eu-1-a'
          return names[key] ?? (key === 'keyId' ? '0'.repeat(16) : name)
        })
        const query = path.endsWith('/diff') ? '?from=1' : ''
        yield [method.toUpperCase(), at + query, bodies[`${method.toUpperCase()} ${path}`]]
      }
    }
  }

  it('gets nothing of what it is not for, and changes nothing, by any operation', async () => {
    const head = control.head()
    let asked = 0
    for (const [method, path, body] of operations()) {
      for (const token of [ofShop, ofUs]) {
        const tries =
          method === 'GET' || /explain|blame|test$/.test(path) ? [''] : ['', '?dryRun=true']
        for (const query of tries) {
          const got = await call(token, method, path + query, body)
          const what = `${method} ${path}${query} of ${token === ofShop ? 'shop' : 'us-1'}`
          asked++
          expect(got.status, `${what}: ${got.text}`).not.toBe(500)
          // A refusal says what was asked for; an answer nothing of it.
          if (got.status < 300) expect(got.text, what).not.toContain('secret')
          if (method !== 'GET') expect([403, 200], `${what}: ${got.text}`).toContain(got.status)
          expect(control.head(), what).toBe(head)
        }
      }
    }
    expect(asked).toBeGreaterThan(100)
  })

  it('cannot replace a freeze that holds for others by one of its own', async () => {
    const mine = { ...window, until: '2026-01-01T00:00:01Z', apps: ['shop'], reason: 'mine' }
    for (const name of ['all', 'secret-freeze']) {
      expect(codeOf(await call(ofShop, 'PUT', `/v1/freezes/${name}`, mine))).toEqual([
        403,
        'forbidden',
      ])
    }
    const local = { ...window, clusters: ['us-1'], reason: 'mine' }
    expect(codeOf(await call(ofUs, 'PUT', '/v1/freezes/all', local))).toEqual([403, 'forbidden'])
    expect((await call(ofShop, 'PUT', '/v1/freezes/mine', mine)).status).toBe(201)
    expect((await call(ofShop, 'PUT', '/v1/freezes/mine', mine)).status).toBe(200)
  })

  it('sees the freezes that hold for what it is for', async () => {
    const names = async (token: string) => {
      const { body } = await call(token, 'GET', '/v1/freezes')
      return (body.freezes as unknown as { name: string }[]).map(({ name }) => name)
    }
    expect([await names(ofShop), await names(ofUs)]).toEqual([['all'], ['all']])
    expect(codeOf(await call(ofShop, 'GET', '/v1/freezes/secret-freeze'))).toEqual([
      404,
      'not-found',
    ])
  })

  it('is not given the answer that a call of somebody else got, for knowing its key', async () => {
    const headers = { 'idempotency-key': 'deploy-17' }
    const body = { ...shop, clusters: ['eu-1'], hosts: ['secret.example'] }
    const put = (token?: string, query = '') =>
      control.call('PUT', `/v1/apps/secret${query}`, { body, headers, ...(token && { token }) })
    expect((await put()).status).toBe(200)
    for (const query of ['', '?dryRun=true']) {
      expect(codeOf(await put(ofShop, query))).toEqual([403, 'forbidden'])
    }
    expect((await put()).headers.get('idempotent-replayed')).toBe('true')
    const lift = () =>
      control.call('DELETE', '/v1/freezes/mine', {
        token: ofShop,
        headers: { 'idempotency-key': 'x' },
      })
    await call(ofShop, 'PUT', '/v1/freezes/mine', { ...window, apps: ['shop'], reason: 'mine' })
    expect((await lift()).status).toBe(200)
    expect((await lift()).headers.get('idempotent-replayed')).toBe('true')
  })
})

describe('approvals', () => {
  let control: ControlUnderTest
  beforeEach(async () => {
    control = await startControl(['eu-1'])
  })
  afterEach(() => control.stop())

  it('are not done away with by a token that may not override them', async () => {
    const app = { ...shop, clusters: ['eu-1'], approvals: 2 }
    const made = await control.call('POST', '/v1/tokens', {
      body: { name: 'ci', scopes: ['release'] },
    })
    const put = (approvals: number, token?: string) =>
      control.call('PUT', '/v1/apps/shop', {
        body: { ...app, approvals },
        ...(token && { token }),
      })
    const ci = String(made.body.token)
    expect((await put(2, ci)).status).toBe(201)
    expect((await put(3, ci)).status).toBe(200)
    const refused = await put(0, ci)
    expect(codeOf(refused)).toEqual([403, 'forbidden'])
    expect(refused.body.detail).toContain('fewer need the scope "override"')
    expect((await put(0)).status).toBe(200)
  })
})

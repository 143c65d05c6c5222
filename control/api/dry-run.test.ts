/** Every mutation over HTTP: what the dry run foretells is what the real call then does, and it leaves no trace. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DryRunView, dryRunView } from '#wire/dry-run.ts'
import type { SnapshotObject } from '#wire/object.ts'
import { type AgentUnderTest, enrolAgent } from '../agent-under-test.ts'
import {
  type Called,
  type CallOptions,
  type ControlUnderTest,
  shop,
  startControl,
} from '../control-under-test.ts'

describe('?dryRun=true', () => {
  let control: ControlUnderTest
  let agent: AgentUnderTest
  beforeAll(async () => {
    control = await startControl(['eu-1'])
    agent = await enrolAgent(control, 'eu-1', 'eu-1-a')
    await agent.report()
  })
  afterAll(() => control.stop())

  async function dryRun(method: string, path: string, options: CallOptions = {}): Promise<Called> {
    const before = await control.traces()
    const called = await control.call(method, `${path}?dryRun=true`, options)
    expect(await control.traces()).toEqual(before)
    return called
  }

  const snapshot = async () =>
    (await control.call('GET', '/v1/clusters/eu-1/snapshot')).body as unknown as {
      readonly digest: string
      readonly objects: readonly SnapshotObject[]
    }

  /** The events of the newest record, as `/v1/events` shows them. */
  async function newestEvents(): Promise<unknown> {
    const response = await fetch(`${control.url}/v1/events?after=${control.head() - 1}`, {
      headers: { authorization: `Bearer ${control.adminToken}` },
    })
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    for (let text = ''; ; ) {
      text += (await reader.read()).value
      const data = /^data: (.*)$/m.exec(text)?.[1]
      if (!data) continue
      await reader.cancel()
      return JSON.parse(data).events
    }
  }

  /** Times differ between the two calls, and so does what is made of them. */
  const timeless = (value: unknown) =>
    JSON.parse(JSON.stringify(value), (name, held) => (/^atMs$|AtMs$|^etag$/.test(name) ? 0 : held))

  async function foretold(method: string, path: string, body?: object): Promise<DryRunView> {
    const options = body ? { body } : {}
    const told = await dryRun(method, path, options)
    expect(told.status, told.text).toBe(200)
    const view = dryRunView.parse(told.body)
    const { digest } = await snapshot()
    const real = await control.call(method, path, options)
    expect(view.status).toBe(real.status)
    expect(view.revision).toBe(control.head())
    expect(timeless(view.events)).toEqual(timeless(await newestEvents()))
    const withoutSecret = Object.entries(real.body).map(([name, value]) => [
      name,
      name === 'token' || name === 'secret' ? null : value,
    ])
    expect(timeless(view.body)).toEqual(timeless(Object.fromEntries(withoutSecret)))
    const { digest: after } = await snapshot()
    const change = view.clusters['eu-1']
    expect([change?.from ?? digest, change?.to ?? digest]).toEqual([digest, after])
    return view
  }

  const settle = async (readyEndpoints: Record<string, number>) => {
    for (let n = 0; n < 4; n++) {
      const acked = { appliedMs: 1, activeForMs: 1 }
      const positions = (await snapshot()).objects.flatMap((held) => {
        if (held.kind !== 'position') return []
        const { app, next, generation } = held
        return [[app, { prepared: next?.generation ?? 0, active: generation, ...acked }]]
      })
      await agent.report({ readyEndpoints, positions: Object.fromEntries(positions) })
    }
  }

  it('foretells every step of a release, and leaves no trace', async () => {
    const app = { ...shop, clusters: ['eu-1'] }
    const put = await foretold('PUT', '/v1/apps/shop', app)
    expect(put.clusters['eu-1']!.words).toContain(
      'Route default of shop is new: /* on shop.example.',
    )
    expect(put.agents).toEqual([
      { cluster: 'eu-1', agent: 'eu-1-a', why: 'must serve', now: 'current' },
    ])
    await foretold('POST', '/v1/releases', { app: 'shop', version: '1' })
    await settle({ 'shop-r1': 1 })
    const preview = { path: '/test' }
    await foretold('POST', '/v1/releases', { app: 'shop', version: '2', preview })
    await settle({ 'shop-r1': 1, 'shop-r2': 1 })
    const freeze = { from: '2020-01-01T00:00:00Z', until: '2099-01-01T00:00:00Z', reason: 'rest' }
    await foretold('PUT', '/v1/freezes/rest', freeze)
    const frozen = await dryRun('POST', '/v1/releases/shop-r2/promote', { body: {} })
    expect(frozen.body).toMatchObject({ code: 'frozen', dryRun: true })
    await foretold('DELETE', '/v1/freezes/rest')
    await foretold('POST', '/v1/releases/shop-r2/pause', { reason: 'lunch' })
    await foretold('POST', '/v1/releases/shop-r2/resume', {})
    const promote = await foretold('POST', '/v1/releases/shop-r2/promote', {})
    expect(promote.agents).toMatchObject([{ agent: 'eu-1-a', why: 'must acknowledge' }])
    await settle({ 'shop-r1': 1, 'shop-r2': 1 })
    const rollback = await foretold('POST', '/v1/releases/shop-r2/rollback', {})
    expect(rollback.warnings).toEqual([])
    await settle({ 'shop-r1': 1, 'shop-r2': 1 })
    await foretold('POST', '/v1/releases/shop-r2/decommission', {})
    await settle({ 'shop-r1': 1 })
    await foretold('POST', '/v1/releases', { app: 'shop', version: '3' })
    await foretold('POST', '/v1/releases/shop-r3/abort', {})
    await settle({ 'shop-r1': 1 })
    await foretold('PUT', '/v1/apps/shop', { ...app, hosts: ['shop.test'] })
    const gone = await foretold('DELETE', '/v1/apps/shop')
    expect(gone.clusters['eu-1']!.removed.map(({ key }) => key)).toContain('route/shop/default')
  })

  it('leaves no trace of any change that the document lists', async () => {
    const bodies: Readonly<Record<string, object>> = {
      'put /v1/apps/{app}': { ...shop, clusters: ['eu-1'], hosts: ['traces.example'] },
      'post /v1/releases': { app: 'traces', version: '1' },
      'put /v1/freezes/{name}': {
        from: '2020-01-01T00:00:00Z',
        until: '2020-01-02T00:00:00Z',
        reason: 'rest',
      },
      'post /v1/tokens': { name: 'traces', scope: 'read' },
      'put /v1/webhooks/{name}': { url: 'https://hooks.example/in', events: ['switch-completed'] },
    }
    const app = { ...shop, clusters: ['eu-1'], hosts: ['traces.example'] }
    await control.call('PUT', '/v1/apps/traces', { body: app })
    const values = { app: 'traces', id: 'traces-r1', cluster: 'eu-1', agent: 'eu-1-a', name: 'x' }
    const { body: document } = await control.call('GET', '/openapi.json')
    const statuses = new Map<string, number>()
    for (const [path, methods] of Object.entries(document.paths as unknown as object)) {
      for (const [method, operation] of Object.entries(methods)) {
        const { parameters = [] } = operation as { parameters?: { name: string }[] }
        if (!parameters.some(({ name }) => name === 'dryRun')) continue
        const real = path.replaceAll(/\{(\w+)\}/g, (_, name) => values[name as 'app'])
        const key = `${method} ${path}`
        const options = method === 'delete' ? {} : { body: bodies[key] ?? {} }
        const called = await dryRun(method.toUpperCase(), real, options)
        statuses.set(key, called.status)
        expect(called.body[called.status === 200 ? 'accepted' : 'dryRun'], key).toBe(true)
      }
    }
    for (const key of Object.keys(bodies)) expect(statuses.get(key), key).toBe(200)
    expect(statuses.size).toBeGreaterThanOrEqual(18)
    await control.call('DELETE', '/v1/apps/traces')
  })

  it('foretells webhooks without making a secret', async () => {
    const hook = { url: 'https://hooks.example/in', events: ['switch-completed'] }
    const made = await foretold('PUT', '/v1/webhooks/ops', hook)
    expect(JSON.stringify(made)).not.toContain('whsec_')
    await foretold('DELETE', '/v1/webhooks/ops')
  })

  it('foretells tokens without making one', async () => {
    const made = await foretold('POST', '/v1/tokens', { name: 'ci', scope: 'read' })
    expect(made).toMatchObject({ status: 201, clusters: {}, agents: [] })
    expect(JSON.stringify(made)).not.toMatch(/swy_|Hash/)
    await foretold('DELETE', '/v1/tokens/ci')
  })

  it('foretells what is forgotten', async () => {
    await enrolAgent(control, 'eu-1', 'eu-1-b')
    await foretold('DELETE', '/v1/clusters/eu-1/agents/eu-1-b')
  })

  it('refuses as the real call does, and says that it was a dry run', async () => {
    const cases: [string, string, CallOptions][] = [
      ['POST', '/v1/releases', { body: { app: 'none', version: '1' } }],
      ['PUT', '/v1/apps/shop', { body: { clusters: [] } }],
      ['PUT', '/v1/apps/x', { body: { ...shop, clusters: ['eu-1'], hosts: ['*'] } }],
      ['DELETE', '/v1/apps/none', { headers: { 'if-match': '"0"' } }],
      ['POST', '/v1/releases/shop-r9/promote', { body: {} }],
      ['POST', '/v1/tokens', { token: null, body: {} }],
    ]
    for (const [method, path, options] of cases) {
      const told = await dryRun(method, path, options)
      const real = await control.call(method, path, options)
      expect(real.status).toBeGreaterThanOrEqual(400)
      expect(told.status).toBe(real.status)
      expect(told.body).toEqual({ ...real.body, dryRun: true })
    }
  })

  it('uses no key, and knows one that is used', async () => {
    const body = { ...shop, clusters: ['eu-1'], hosts: ['blog.example'] }
    const keyed = { body, headers: { 'idempotency-key': 'once' } }
    await dryRun('PUT', '/v1/apps/blog', keyed)
    const real = await control.call('PUT', '/v1/apps/blog', keyed)
    expect(real.headers.get('idempotent-replayed')).toBeNull()
    const told = await dryRun('PUT', '/v1/apps/blog', keyed)
    expect(told.body).toMatchObject({
      accepted: true,
      revision: control.head(),
      status: 201,
      body: real.body,
      events: [],
      clusters: {},
      agents: [],
      warnings: [{ code: 'key-answered' }],
    })
    const other = { ...keyed, body: { ...body, copies: 2 } }
    const refused = await dryRun('PUT', '/v1/apps/blog', other)
    expect(refused.body).toMatchObject({ code: 'idempotency-key-reused', dryRun: true })
  })

  it('honours If-Match, and asks the compiler', async () => {
    const body = { ...shop, clusters: ['eu-1'], hosts: ['blog.example'] }
    const stale = { body, headers: { 'if-match': '"00"' } }
    expect((await dryRun('PUT', '/v1/apps/blog', stale)).body.code).toBe('state-changed')
    const matches = Array.from({ length: 13 }, (_, n) => ({
      headers: [{ name: 'x', value: `${n}` }],
    }))
    const routes = Array.from({ length: 6 }, (_, n) => ({
      name: `r${n}`,
      matches: matches.map((match) => ({ ...match, method: `M${n}` })),
    }))
    const crowded = await dryRun('PUT', '/v1/apps/blog', { body: { ...body, routes } })
    expect(crowded.body).toMatchObject({ code: 'too-many-matches', dryRun: true })
  })

  it('is never taken for a real call by a slip of the pen', async () => {
    const body = { ...shop, clusters: ['eu-1'], hosts: ['slip.example'] }
    const before = control.head()
    for (const query of ['dryrun=true', 'dryRun=yes', 'dryRun', 'dryRun=true&dryRun=true']) {
      const { status } = await control.call('PUT', `/v1/apps/slip?${query}`, { body })
      expect(status).toBe(400)
    }
    expect(control.head()).toBe(before)
    await control.call('PUT', '/v1/apps/slip?dryRun=false', { body })
    expect(control.head()).toBe(before + 1)
  })

  it('shows the largest app whole', async () => {
    const routes = Array.from({ length: 1_024 }, (_, n) => ({
      name: `r${n}`,
      matches: [{ path: { type: 'PathPrefix', value: `/${n}` } }],
    }))
    const body = { ...shop, clusters: ['eu-1'], hosts: ['big.example'], routes }
    const told = await dryRun('PUT', '/v1/apps/big', { body })
    const change = dryRunView.parse(told.body).clusters['eu-1']!
    expect([change.put.length, change.omitted]).toEqual([1_025, 0])
  })
})

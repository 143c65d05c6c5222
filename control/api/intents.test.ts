import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ControlUnderTest, shop, startControl } from '../control-under-test.ts'

describe('operations that change something', () => {
  let control: ControlUnderTest
  beforeAll(async () => {
    control = await startControl()
  })
  afterAll(() => control.stop())

  const on = (host: string) => ({ ...shop, hosts: [host] })

  it('answer with the revision that they made', async () => {
    const created = await control.call('PUT', '/v1/apps/first', { body: on('first.example') })
    expect(created.status).toBe(201)
    expect(Number(created.headers.get('switchyard-revision'))).toBe(control.head())
    const replaced = await control.call('PUT', '/v1/apps/first', {
      body: { ...on('first.example'), copies: 2 },
    })
    expect(replaced.status).toBe(200)
    expect(Number(replaced.headers.get('switchyard-revision'))).toBe(control.head())
  })

  it('repeated with the same Idempotency-Key get the recorded answer and change nothing', async () => {
    const headers = { 'idempotency-key': 'once' }
    const put = () => control.call('PUT', '/v1/apps/once', { body: on('once.example'), headers })
    const first = await put()
    await control.call('DELETE', '/v1/apps/once')
    const before = control.head()
    const second = await put()
    expect([second.status, second.body]).toEqual([first.status, first.body])
    expect(second.headers.get('switchyard-revision')).toBe(first.headers.get('switchyard-revision'))
    expect(second.headers.get('idempotent-replayed')).toBe('true')
    expect(first.headers.get('idempotent-replayed')).toBeNull()
    expect(control.head()).toBe(before)
  })

  it('with the same key and another body are refused', async () => {
    const headers = { 'idempotency-key': 'other' }
    await control.call('PUT', '/v1/apps/other', { body: on('other.example'), headers })
    const before = control.head()
    for (const [path, body] of [
      ['/v1/apps/other', on('changed.example')],
      ['/v1/apps/another', on('other.example')],
    ] as const) {
      const answer = await control.call('PUT', path, { body, headers })
      expect([answer.status, answer.body.code]).toEqual([422, 'idempotency-key-reused'])
    }
    expect(control.head()).toBe(before)
  })

  it('repeated at the same moment are taken once', async () => {
    const before = control.head()
    const headers = { 'idempotency-key': 'crowd' }
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        control.call('PUT', '/v1/apps/crowd', { body: on('crowd.example'), headers }),
      ),
    )
    for (const answer of answers) expect(answer.body).toEqual(answers[0]!.body)
    expect(control.head()).toBe(before + 1)
  })

  it('keep the recorded answer over a restart', async () => {
    const headers = { 'idempotency-key': 'kept' }
    const put = () => control.call('PUT', '/v1/apps/kept', { body: on('kept.example'), headers })
    const first = await put()
    await control.restart()
    const second = await put()
    expect([second.status, second.body]).toEqual([first.status, first.body])
  })

  it('with a current If-Match are taken; the ETag changes with the app and only then', async () => {
    await control.call('PUT', '/v1/apps/tagged', { body: on('tagged.example') })
    const read = () => control.call('GET', '/v1/apps/tagged')
    const etag = (await read()).headers.get('etag')!
    expect(etag).toMatch(/^"[^"]+"$/)
    expect((await read()).headers.get('etag')).toBe(etag)
    const body = { ...on('tagged.example'), copies: 3 }
    const put = () =>
      control.call('PUT', '/v1/apps/tagged', { body, headers: { 'if-match': etag } })
    expect((await put()).status).toBe(200)
    expect((await read()).headers.get('etag')).not.toBe(etag)
    const late = await put()
    expect([late.status, late.body.code]).toEqual([412, 'state-changed'])
  })

  it('say that the change was accepted when the wait runs out', async () => {
    const body = { cluster: 'eu-1', agent: 'eu-1-silent', publicKey: 'A'.repeat(43) }
    const token = control.enrolmentToken('eu-1')
    const enrolled = await control.call('POST', '/v1/agents/enrol', { token, body })
    expect(enrolled.status).toBe(200)
    const before = control.head()
    const path = '/v1/apps/late?wait=active&timeout=50ms'
    const answer = await control.call('PUT', path, { body: on('late.example') })
    expect([answer.status, answer.body.code]).toEqual([504, 'wait-timeout'])
    expect(answer.body.revision).toBe(before + 1)
    expect((await control.call('GET', '/v1/apps/late')).status).toBe(200)
    await control.call('DELETE', '/v1/clusters/eu-1/agents/eu-1-silent')
  })

  it('show a new token once', async () => {
    const headers = { 'idempotency-key': 'token' }
    const make = () =>
      control.call('POST', '/v1/tokens', { body: { name: 'ci', scope: 'release' }, headers })
    const first = await make()
    expect(first).toMatchObject({ status: 201, body: { name: 'ci', scopes: ['release'] } })
    expect(String(first.body.token)).toMatch(/^swy_release_/)
    const second = await make()
    expect([second.status, second.body]).toEqual([
      201,
      {
        name: 'ci',
        scopes: ['release'],
        apps: null,
        clusters: null,
        expiresAtMs: null,
        token: null,
      },
    ])
    const apps = await control.call('GET', '/v1/apps', { token: String(first.body.token) })
    expect(apps.status).toBe(200)
  })

  it('are listed under their names and gone when deleted', async () => {
    const listed = await control.call('GET', '/v1/apps')
    const apps = (listed.body.apps as unknown as { app: string }[]).map(({ app }) => app)
    expect(apps).toEqual([...apps].sort())
    expect(apps).toContain('first')
    expect((await control.call('DELETE', '/v1/apps/first')).status).toBeLessThan(300)
    expect((await control.call('GET', '/v1/apps/first')).status).toBe(404)
  })
})

describe('enrolment', () => {
  let control: ControlUnderTest
  beforeAll(async () => {
    control = await startControl()
  })
  afterAll(() => control.stop())

  const body = { cluster: 'eu-1', agent: 'eu-1-a', publicKey: 'A'.repeat(43) }

  it('gives an agent its token, the epoch and two keys to pin', async () => {
    const token = control.enrolmentToken('eu-1')
    const answer = await control.call('POST', '/v1/agents/enrol', { token, body })
    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({ cluster: 'eu-1', agent: 'eu-1-a', nats: null })
    expect((answer.body.controlKeys as unknown as string[]).length).toBe(2)
    const own = String(answer.body.token)
    const header = await control.call('GET', '/v1/agents/eu-1/header', { token: own })
    expect([header.status, typeof header.body.header]).toEqual([200, 'object'])
    const elsewhere = await control.call('GET', '/v1/agents/us-1/header', { token: own })
    expect(elsewhere.status).toBe(401)
    const agents = await control.call('GET', '/v1/clusters/eu-1/agents')
    expect(agents.text).toContain('"agent":"eu-1-a"')
  })

  it("refuses another cluster's token, and changes nothing", async () => {
    const before = control.head()
    const token = control.enrolmentToken('us-1')
    const answer = await control.call('POST', '/v1/agents/enrol', { token, body })
    expect([answer.status, answer.body.code]).toEqual([403, 'forbidden'])
    expect(control.head()).toBe(before)
  })

  it('shuts a forgotten agent out', async () => {
    const token = control.enrolmentToken('eu-1')
    const enrolled = await control.call('POST', '/v1/agents/enrol', { token, body })
    const own = String(enrolled.body.token)
    expect((await control.call('DELETE', '/v1/clusters/eu-1/agents/eu-1-a')).status).toBeLessThan(
      300,
    )
    const header = await control.call('GET', '/v1/agents/eu-1/header', { token: own })
    expect(header.status).toBe(401)
  })
})

/** Webhooks against real receivers: signed, in order, at least once, whatever a receiver does. */
import { readdirSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ControlUnderTest, shop, startControl } from '../control-under-test.ts'
import { openReceiver, type Receiver } from './receiver.fixture.ts'

const timing = {
  timeoutMs: 250,
  retry: { firstMs: 20, mostMs: 80 },
  failingAfter: { attempts: 4, ms: 60_000 },
}
let control: ControlUnderTest
let receiver: Receiver
beforeEach(async () => {
  control = await startControl(['eu-1', 'us-1'], { webhookTiming: timing })
  receiver = await openReceiver()
})
afterEach(async () => {
  await control.stop()
  await receiver.die()
})

async function set(name: string, body: object = {}, url = receiver.url) {
  const answer = await control.call('PUT', `/v1/webhooks/${name}`, { body: { url, ...body } })
  return { ...answer, secret: String(answer.body.secret) }
}
const putApp = (app: string, more: object = {}) =>
  control.call('PUT', `/v1/apps/${app}`, { body: { ...shop, hosts: [`${app}.example`], ...more } })
const view = async (name: string) => (await control.call('GET', `/v1/webhooks/${name}`)).body
const ids = () => receiver.got.map(({ message }) => message.id)

async function until(what: string, holds: () => unknown): Promise<void> {
  for (let n = 0; n < 400; n++) {
    if (await holds()) return
    await delay(10)
  }
  throw new Error(`${what}: not within 4 s`)
}

describe('a message', () => {
  it('is signed so that the library of the specification believes it, and says what happened', async () => {
    const { secret, status } = await set('audit')
    expect(status).toBe(201)
    await putApp('cart')
    await until('a message', () => receiver.got.length === 1)
    const [{ headers, body }] = receiver.got as [Receiver['got'][0]]
    const message = new Webhook(secret).verify(body, headers) as Record<string, unknown>
    expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow()
    const epochId = control.served.control.turns.state().epoch!.id
    expect(message).toMatchObject({
      type: 'app-created',
      id: `evt_${epochId}_${control.head()}`,
      revision: control.head(),
      actor: 'admin',
      app: 'cart',
      release: null,
      sentence: 'App cart was created in eu-1 and us-1.',
      events: [{ type: 'app-created', app: 'cart', sentence: expect.any(String) }],
    })
    expect(headers['webhook-id']).toBe(message.id)
    expect(Math.abs(Date.now() - Date.parse(String(message.timestamp)))).toBeLessThan(60_000)
  })

  it('says why, when somebody said why', async () => {
    await set('audit')
    await set('chat', { format: 'slack' })
    const headers = { 'switchyard-reason': 'ticket 7' }
    await control.call('PUT', '/v1/apps/cart', { body: shop, headers })
    const said = (text: string) => receiver.got.some(({ body }) => body.includes(text))
    await until('the message of audit', () => said('"reason":"ticket 7"'))
    await until('the message of chat', () => said('(by admin: ticket 7)'))
  })

  it('holds no hash of a secret', async () => {
    await set('audit')
    await control.call('POST', '/v1/tokens', { body: { name: 'ci', scope: 'read' } })
    await until('a message', () => receiver.got.length === 1)
    expect(receiver.got[0]!.body).not.toMatch(/[0-9a-f]{64}/)
  })

  it('is a sentence for Slack, with nothing that Slack would read as markup', async () => {
    await set('chat', { format: 'slack' })
    await putApp('cart')
    await until('a message', () => receiver.got.length === 1)
    expect(receiver.got[0]!.message).toEqual({
      text: 'App cart was created in eu-1 and us-1. (by admin)',
    })
  })

  it('is sent only for the events and apps that are wanted', async () => {
    await set('some', { events: ['app-*'], apps: ['cart'] })
    await putApp('other')
    await control.call('POST', '/v1/tokens', { body: { name: 'ci', scope: 'read' } })
    await putApp('cart')
    await until('all is looked at', async () => (await view('some')).behind === 0)
    expect(receiver.got.map(({ message }) => message.app)).toEqual(['cart'])
  })
})

describe('delivery', () => {
  it('is in order and without a gap while the receiver answers 500, and repeats have one id', async () => {
    await set('audit')
    receiver.answer = 500
    await putApp('a')
    await putApp('b')
    await until('two attempts', () => receiver.got.length >= 2)
    expect(new Set(ids()).size).toBe(1)
    expect(await view('audit')).toMatchObject({ state: 'retrying', last: { status: 500 } })
    receiver.answer = 204
    await until('both are taken', async () => (await view('audit')).behind === 0)
    const apps = receiver.got.map(({ message }) => message.app)
    expect(apps.filter((app, n) => app !== apps[n - 1])).toEqual(['a', 'b'])
    expect(await view('audit')).toMatchObject({ state: 'ok', failures: 0, failingSinceMs: null })
  })

  it('is tried on when nobody answers in time, and when nobody listens', async () => {
    await set('audit')
    receiver.answer = 'hang'
    await putApp('a')
    await until('a time-out', async () => (await view('audit')).failures === 1)
    expect(await view('audit')).toMatchObject({ last: { reason: 'no answer within 250 ms' } })
    await receiver.die()
    await until('a refused connection', async () =>
      JSON.stringify(await view('audit')).includes('no connection: ECONNREFUSED'),
    )
    receiver.answer = 200
    await receiver.comeBack()
    await until('it is taken', async () => (await view('audit')).behind === 0)
  })

  it('counts as failing after some attempts, says so, and goes on by itself', async () => {
    await set('audit')
    receiver.answer = 503
    await putApp('a')
    await until('failing', async () => (await view('audit')).state === 'failing')
    const metrics = async () => (await control.call('GET', '/metrics')).text
    expect(await metrics()).toContain('switchyard_webhook_failing{webhook="audit"} 1')
    receiver.answer = 200
    await until('ok', async () => (await view('audit')).state === 'ok')
    expect(await metrics()).toContain('switchyard_webhook_failing{webhook="audit"} 0')
    const codes = control.said.map(({ code }) => code).filter((code) => code.startsWith('webhook'))
    expect(codes).toEqual(['webhook-failing', 'webhook-recovered'])
  })

  it('takes 410 for failing at once', async () => {
    await set('audit')
    receiver.answer = 410
    await putApp('a')
    await until('failing', async () => (await view('audit')).state === 'failing')
    expect(await view('audit')).toMatchObject({ failures: 1 })
  })

  it('follows no redirect and reads no answer', async () => {
    const other = await openReceiver()
    await set('audit')
    receiver.answer = 307
    receiver.location = other.url
    await putApp('a')
    await until('a failure', async () => Number((await view('audit')).failures) > 0)
    expect(other.got).toEqual([])
    expect(JSON.stringify(await view('audit'))).toContain('redirects are not followed')
    receiver.answer = 'flood'
    await until('it is taken', async () => (await view('audit')).behind === 0)
    await other.die()
  })

  it('of a receiver that hangs holds up neither turns nor another webhook', async () => {
    const other = await openReceiver()
    receiver.answer = 'hang'
    await set('slow')
    await set('quick', {}, other.url)
    await putApp('a')
    const began = performance.now()
    for (let n = 0; n < 5; n++) await putApp(`b-${n}`)
    await until('the quick one has all', () => other.got.length === 6)
    expect(performance.now() - began).toBeLessThan(2_000)
    expect(Number((await view('slow')).behind)).toBeGreaterThanOrEqual(6)
    await other.die()
  })

  it('goes on where it was after a restart', async () => {
    await set('audit')
    await putApp('a')
    await until('the first', async () => (await view('audit')).behind === 0)
    await control.restart()
    await putApp('b')
    await until('the second', async () => (await view('audit')).behind === 0)
    expect(receiver.got.map(({ message }) => message.app)).toEqual(['a', 'b'])
  })

  it('repeats, and loses nothing, when the cursor is lost', async () => {
    await set('audit')
    await putApp('a')
    await until('the first', async () => (await view('audit')).behind === 0)
    await until('it is written', () =>
      control.folder.read('webhook-cursors.json')?.includes('audit'),
    )
    await delay(50)
    control.folder.write('webhook-cursors.json', '{"aud')
    await control.restart()
    await until('the repeat', () => receiver.got.length === 2)
    expect(new Set(ids()).size).toBe(1)
  })
})

describe('a webhook', () => {
  it('shows its secret once, and neither its address nor its secret ever again', async () => {
    const { secret } = await set('audit')
    expect(secret).toMatch(/^whsec_/)
    const changed = await set('audit', { events: ['app-*'] })
    expect([changed.status, changed.body.secret]).toEqual([200, null])
    const { webhooks } = control.served.control.turns.state()
    const shown = JSON.stringify([await view('audit'), [...webhooks], control.said])
    expect(shown).not.toMatch(/secret-path|whsec_\w/)
    expect(await view('audit')).toMatchObject({ origin: new URL(receiver.url).origin })
    const file = control.folder.file('webhook-audit.secret')
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('keeps secret and place when its address changes', async () => {
    const other = await openReceiver()
    const { secret } = await set('audit')
    receiver.answer = 500
    await putApp('a')
    await until('a failure', async () => Number((await view('audit')).failures) > 0)
    await set('audit', {}, other.url)
    await until('the other has it', () => other.got.length > 0)
    expect(other.got[0]!.message.app).toBe('a')
    expect(new Webhook(secret).verify(other.got[0]!.body, other.got[0]!.headers)).toBeTruthy()
    await other.die()
  })

  it('that is removed is told nothing more, and one made anew has another secret', async () => {
    const first = await set('audit')
    await control.call('DELETE', '/v1/webhooks/audit')
    const again = await set('audit')
    expect(again.status).toBe(201)
    expect(again.secret).not.toBe(first.secret)
    await putApp('a')
    await until('a message', () => receiver.got.length === 1)
    expect(() =>
      new Webhook(again.secret).verify(receiver.got[0]!.body, receiver.got[0]!.headers),
    ).not.toThrow()
    await control.call('DELETE', '/v1/webhooks/audit')
    await putApp('b')
    await delay(100)
    expect(receiver.got).toHaveLength(1)
    expect(control.folder.read('webhook-audit.secret')).toBeNull()
  })

  it('whose secret is lost says so', async () => {
    await set('audit')
    control.folder.remove('webhook-audit.secret')
    await putApp('a')
    await until('a failure', async () => Number((await view('audit')).failures) > 0)
    expect(JSON.stringify(await view('audit'))).toContain('set the webhook again')
    await set('audit')
    await until('it is taken', async () => (await view('audit')).behind === 0)
  })

  it('can be tried by hand', async () => {
    const { secret } = await set('audit')
    const tried = await control.call('POST', '/v1/webhooks/audit/test')
    expect(tried.body).toMatchObject({ status: 200, reason: null })
    const { body, headers } = receiver.got[0]!
    expect(new Webhook(secret).verify(body, headers)).toMatchObject({ type: 'webhook-test' })
    receiver.answer = 404
    expect((await control.call('POST', '/v1/webhooks/audit/test')).body).toMatchObject({
      status: 404,
      reason: 'answered 404',
    })
    expect((await control.call('POST', '/v1/webhooks/none/test')).status).toBe(404)
  })

  it.each([
    ['ftp://chat.example/x', 'begins with https:// or http://'],
    ['https://user:password@chat.example/x', 'without user and password'],
    ['https://chat.example/#x', 'without a fragment'],
    ['chat.example', 'begins with https:// or http://'],
  ])('does not take the address %s', async (url, why) => {
    const { status, text } = await set('audit', {}, url)
    expect([status, text.includes(why)]).toEqual([400, true])
  })

  it('leaves no trace of a dry run', async () => {
    const before = readdirSync(control.folder.path)
    const body = { url: receiver.url }
    const dry = await control.call('PUT', '/v1/webhooks/audit?dryRun=true', { body })
    expect([dry.status, dry.text.includes('"secret":null')]).toEqual([200, true])
    expect(readdirSync(control.folder.path)).toEqual(before)
    await set('audit')
    const test = await control.call('POST', '/v1/webhooks/audit/test?dryRun=true')
    expect([test.status, receiver.got.length]).toEqual([400, 0])
  })

  it('is for admins alone', async () => {
    const made = await control.call('POST', '/v1/tokens', {
      body: { name: 'ci', scope: 'release' },
    })
    const token = String(made.body.token)
    for (const [method, path] of [
      ['GET', '/v1/webhooks'],
      ['GET', '/v1/webhooks/audit'],
      ['PUT', '/v1/webhooks/audit'],
      ['DELETE', '/v1/webhooks/audit'],
      ['POST', '/v1/webhooks/audit/test'],
    ] as const) {
      expect((await control.call(method, path, { token })).status, `${method} ${path}`).toBe(403)
    }
  })
})

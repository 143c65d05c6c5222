import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { limits } from '#wire/limits.ts'
import { type ControlUnderTest, shop, startControl } from '../control-under-test.ts'
import { bodiesAtOnceMax } from './operation.ts'

describe('bad input changes nothing', () => {
  let control: ControlUnderTest
  let before: number

  beforeAll(async () => {
    control = await startControl()
    expect((await control.call('PUT', '/v1/apps/shop', { body: shop })).status).toBe(201)
  })
  afterAll(() => control.stop())
  beforeEach(() => {
    before = control.head()
  })
  afterEach(() => expect(control.head()).toBe(before))

  const put = (body: unknown) => control.call('PUT', '/v1/apps/shop', { body })
  const errorsOf = (answer: { body: { [name: string]: unknown } }) =>
    (answer.body.errors ?? []) as { pointer: string; message: string }[]
  const route = (more: object) => ({ ...shop, routes: [{ name: 'a', ...more }] })

  it.each([
    ['a missing field', { hosts: ['a.b'], platform: shop.platform }, '/clusters', 'is missing'],
    ['an unknown field', { ...shop, weight: 1 }, '/weight', 'known here: clusters, hosts'],
    [
      'an unknown field deep inside',
      route({ matches: [{ paths: 1 }] }),
      '/routes/0/matches/0/paths',
      'known here: path, method, headers',
    ],
    ['a wrong type', { ...shop, copies: '3' }, '/copies', 'number'],
    [
      'a number past its limit',
      { ...shop, copies: limits.copiesPerRelease + 1 },
      '/copies',
      'at most 1000',
    ],
    ['a number below its limit', { ...shop, copies: 0 }, '/copies', 'at least 1'],
    ['an empty list', { ...shop, clusters: [] }, '/clusters', 'at least 1 item'],
    ['an unknown platform', { ...shop, platform: { type: 'moon' } }, '/platform/type', "'local'"],
    ['a host with a port', { ...shop, hosts: ['shop.example:80'] }, '/hosts/0', 'DNS name'],
    [
      'a path with a dot segment',
      route({ matches: [{ path: { type: 'Exact', value: '/a/../b' } }] }),
      '/routes/0/matches/0/path/value',
      'segments',
    ],
    [
      'a response header that frames the message',
      route({ responseHeaders: { set: [{ name: 'Content-Length', value: '5' }] } }),
      '/routes/0/responseHeaders/set/0/name',
      'frames or routes the message',
    ],
    [
      'a response header that ends its line',
      route({ responseHeaders: { add: [{ name: 'x-a', value: 'b\r\nset-cookie: c' }] } }),
      '/routes/0/responseHeaders/add/0/value',
      'no CR, LF',
    ],
    [
      'an attempt that takes longer than its request',
      route({ timeouts: { requestMs: 10, backendRequestMs: 20 } }),
      '/routes/0/timeouts/backendRequestMs',
      'at most `requestMs`',
    ],
    [
      'a time beyond a day',
      route({ timeouts: { idleMs: limits.routeTimeoutMs + 1 } }),
      '/routes/0/timeouts/idleMs',
      'at most 86400000',
    ],
    [
      'a load balancing that there is none of',
      route({ loadBalance: { type: 'moon' } }),
      '/routes/0/loadBalance/type',
      "'round-robin'",
    ],
    [
      'a prefix rewrite of an exact match',
      route({
        matches: [{ path: { type: 'Exact', value: '/a' } }],
        rewrite: { path: { type: 'ReplacePrefixMatch', value: '/' } },
      }),
      '/routes/0/rewrite/path',
      'PathPrefix',
    ],
    [
      'CR and LF in a header value',
      route({ requestHeaders: { set: [{ name: 'x-a', value: 'b\r\nset-cookie: c' }] } }),
      '/routes/0/requestHeaders/set/0/value',
      'CR, LF',
    ],
    [
      'NUL in a header value',
      route({ matches: [{ headers: [{ name: 'x-a', value: 'a\0' }] }] }),
      '/routes/0/matches/0/headers/0/value',
      'NUL',
    ],
    [
      'a header name with a colon',
      route({ requestHeaders: { remove: ['x-a:'] } }),
      '/routes/0/requestHeaders/remove/0',
      'field name',
    ],
    [
      'a header that frames the message',
      route({ requestHeaders: { set: [{ name: 'Transfer-Encoding', value: 'x' }] } }),
      '/routes/0/requestHeaders/set/0/name',
      'cannot be changed',
    ],
    [
      'two actions on one header',
      route({ requestHeaders: { add: [{ name: 'x-a', value: '1' }], remove: ['X-A'] } }),
      '/routes/0/requestHeaders',
      'one action',
    ],
    ['a route name twice', { ...shop, routes: [{ name: 'a' }, { name: 'a' }] }, '/routes', 'once'],
    ['a host twice', { ...shop, hosts: ['a.b', 'a.b'] }, '/hosts', 'once'],
    ['no clusters', { ...shop, clusters: [] }, '/clusters', '1'],
    ['a list instead of an object', [shop], '', 'object'],
    ['null', null, '', 'object'],
  ])('%s: the field is named, with the fix', async (_, body, pointer, message) => {
    const answer = await put(body)
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid-request'])
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(errorsOf(answer)[0]).toMatchObject({ pointer })
    expect(errorsOf(answer)[0]!.message).toContain(message)
    expect(answer.body).toMatchObject({ type: '/docs/errors.md#invalid-request', status: 400 })
  })

  it('names every field at fault at once, and not without end', async () => {
    const answer = await put({ ...shop, copies: 0, hosts: ['UPPER'], drainDeadlineMs: -1 })
    expect(errorsOf(answer).map((error) => error.pointer)).toEqual([
      '/hosts/0',
      '/copies',
      '/drainDeadlineMs',
    ])
    const many = await put({ ...shop, hosts: Array.from({ length: 64 }, () => 'UPPER') })
    expect(errorsOf(many).length).toBe(32)
  })

  it('keys that JavaScript objects have by nature are fields like any other', async () => {
    const raw = JSON.stringify(shop).replace('{', '{"__proto__":{"copies":9},"constructor":1,')
    const headers = { 'content-type': 'application/json' }
    const answer = await control.call('PUT', '/v1/apps/shop', { raw, headers })
    expect(errorsOf(answer).map((error) => error.pointer)).toEqual(['/__proto__', '/constructor'])
  })

  it('malformed JSON, wrong encoding and other media types are refused', async () => {
    const call = (raw: BodyInit, type: string) =>
      control.call('PUT', '/v1/apps/shop', { raw, headers: { 'content-type': type } })
    for (const raw of ['{', '{"a":1}}', "{'a':1}", 'NaN', new Uint8Array([0x22, 0xff, 0x22])]) {
      const answer = await call(raw, 'application/json')
      expect([answer.status, answer.body.code]).toEqual([400, 'invalid-request'])
    }
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp']) {
      const answer = await call(JSON.stringify(shop), type)
      expect([answer.status, answer.body.code]).toEqual([415, 'unsupported-media-type'])
    }
    const empty = await control.call('PUT', '/v1/apps/shop')
    expect([empty.status, empty.body.code]).toEqual([400, 'invalid-request'])
  })

  it('deep nesting is refused like any other fault', async () => {
    const raw = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
    const headers = { 'content-type': 'application/json' }
    expect((await control.call('PUT', '/v1/apps/shop', { raw, headers })).status).toBe(400)
  })

  describe('the size of a body', () => {
    const padded = (bytes: number) => JSON.stringify(shop).padEnd(bytes, ' ')
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'size' }
    const streamed = (text: string) => new Blob([text]).stream()

    it.each([
      ['declared', (text: string) => text],
      ['streamed', streamed],
    ] as const)('one byte past the limit is refused when %s', async (_, send) => {
      const raw = send(padded(limits.requestBodyBytes + 1)) as BodyInit
      const answer = await control.call('PUT', '/v1/apps/shop', { raw, headers })
      expect([answer.status, answer.body.code]).toEqual([413, 'body-too-large'])
      expect(answer.body.limitBytes).toBe(limits.requestBodyBytes)
    })
    it('bodies that are read at once are bounded', { timeout: 20_000 }, async () => {
      const open: ReadableStreamDefaultController<Uint8Array>[] = []
      const slow = () =>
        new ReadableStream<Uint8Array>({
          start(controller) {
            controller.enqueue(new Uint8Array([0x7b]))
            open.push(controller)
          },
        })
      const slowCall = () => control.call('PUT', '/v1/apps/shop', { raw: slow(), headers })
      const calls = Array.from({ length: bodiesAtOnceMax }, slowCall)
      let refused = await control.call('PUT', '/v1/apps/shop', { raw: '{', headers })
      for (let n = 0; n < 100 && refused.status !== 503; n++) {
        refused = await control.call('PUT', '/v1/apps/shop', { raw: '{', headers })
      }
      expect([refused.status, refused.body.code]).toEqual([503, 'overloaded'])
      expect(refused.headers.get('retry-after')).toBe('1')
      for (const controller of open) controller.close()
      expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(calls.map(() => 400))
      expect((await control.call('PUT', '/v1/apps/shop', { raw: '{', headers })).status).toBe(400)
    })
    it('at the limit it is read', async () => {
      const raw = streamed(`"${'x'.repeat(limits.requestBodyBytes - 2)}"`)
      const answer = await control.call('PUT', '/v1/apps/shop', { raw, headers })
      expect([answer.status, answer.body.code]).toEqual([400, 'invalid-request'])
    })
  })

  it('unknown addresses, methods and query fields are refused by name', async () => {
    const unknown = await control.call('GET', '/v1/nothing')
    expect([unknown.status, unknown.body.code]).toEqual([404, 'not-found'])
    const method = await control.call('PATCH', '/v1/apps/shop', { body: shop })
    expect([method.status, method.body.code]).toEqual([405, 'method-not-allowed'])
    expect(method.headers.get('allow')).toBe('GET, HEAD, PUT, DELETE')
    for (const [query, pointer] of [
      ['phase=flying', '?phase'],
      ['colour=red', '?colour'],
      ['limit=1001', '?limit'],
      ['app=shop&app=toys', '?app'],
    ]) {
      const answer = await control.call('GET', `/v1/releases?${query}`)
      expect([answer.status, errorsOf(answer)[0]?.pointer]).toEqual([400, pointer])
    }
    const path = await control.call('GET', '/v1/apps/Not_A_Name')
    expect([path.status, errorsOf(path)[0]?.pointer]).toEqual([400, '{app}'])
  })

  it.each([
    ['GET', '/v1/apps/none', 404, 'unknown-app'],
    ['DELETE', '/v1/apps/none', 404, 'unknown-app'],
    ['GET', '/v1/releases/none-r1', 404, 'unknown-release'],
    ['POST', '/v1/releases/none-r1/promote', 404, 'unknown-release'],
    ['GET', '/v1/clusters/none/agents', 404, 'unknown-cluster'],
    ['GET', '/v1/clusters/none/snapshot', 404, 'unknown-cluster'],
    ['DELETE', '/v1/clusters/none/agents/a', 404, 'unknown-cluster'],
    ['DELETE', '/v1/clusters/eu-1/agents/none', 404, 'unknown-agent'],
    ['DELETE', '/v1/tokens/none', 404, 'not-found'],
  ])('%s %s is %i %s', async (method, path, status, code) => {
    const answer = await control.call(method, path)
    expect([answer.status, answer.body.code]).toEqual([status, code])
    expect(answer.body.title).toBeTruthy()
    expect(answer.body.detail).toBeTruthy()
  })

  it('an app for a cluster that does not exist is refused', async () => {
    const answer = await put({ ...shop, clusters: ['eu-1', 'mars'] })
    expect([answer.status, answer.body.code]).toEqual([404, 'unknown-cluster'])
  })

  it('a release of an unknown app is refused', async () => {
    const body = { app: 'none', version: '1' }
    const answer = await control.call('POST', '/v1/releases', { body })
    expect([answer.status, answer.body.code]).toEqual([404, 'unknown-app'])
  })

  it('the same match on the same host is a conflict, with the other route named', async () => {
    const answer = await control.call('PUT', '/v1/apps/toys', { body: shop })
    expect([answer.status, answer.body.code]).toEqual([409, 'route-conflict'])
    expect(answer.text).toContain('shop')
  })

  it('a stale If-Match is refused, and a current one is not', async () => {
    const headers = { 'if-match': '"an-older-state"' }
    const answer = await control.call('PUT', '/v1/apps/shop', {
      body: { ...shop, copies: 7 },
      headers,
    })
    expect([answer.status, answer.body.code]).toEqual([412, 'state-changed'])
    const shown = await control.call('GET', '/v1/apps/shop')
    expect(shown.body.copies).toBe(1)
  })

  it('an Idempotency-Key with spaces or too long is refused', async () => {
    for (const key of ['two words', 'x'.repeat(limits.idempotencyKeyChars + 1)]) {
      const headers = { 'idempotency-key': key }
      const answer = await control.call('PUT', '/v1/apps/shop', { body: shop, headers })
      expect([answer.status, errorsOf(answer)[0]?.pointer]).toEqual([400, 'idempotency-key'])
    }
  })

  it.each(['10x', '-1', 'soon', '61s', '1e3'])('timeout=%s is refused', async (timeout) => {
    const path = `/v1/apps/shop?wait=active&timeout=${timeout}`
    const answer = await control.call('PUT', path, { body: shop })
    expect([answer.status, errorsOf(answer)[0]?.pointer]).toEqual([400, '?timeout'])
  })
})

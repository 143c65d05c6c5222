import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ControlUnderTest, shop, startControl } from '../control-under-test.ts'

describe('what control shows', () => {
  let control: ControlUnderTest
  beforeAll(async () => {
    control = await startControl()
    await control.call('PUT', '/v1/apps/shop', { body: shop })
    await control.call('POST', '/v1/releases', { body: { app: 'shop', version: '0.0.1' } })
  })
  afterAll(() => control.stop())

  it('a release, with its ETag, in the list of its app', async () => {
    const listed = await control.call('GET', '/v1/releases?app=shop')
    const [release] = listed.body.releases as unknown as { id: string; etag: string }[]
    expect(release!.id).toBe('shop-r1')
    const shown = await control.call('GET', '/v1/releases/shop-r1')
    expect(shown.headers.get('etag')).toBe(`"${shown.body.etag}"`)
    expect(shown.body).toMatchObject({ app: 'shop', version: '0.0.1', strategy: 'blueGreen' })
    const others = await control.call('GET', '/v1/releases?app=other')
    expect(others.body.releases).toEqual([])
  })

  it('the clusters and their snapshots; the digest is the ETag', async () => {
    const clusters = (await control.call('GET', '/v1/clusters')).body.clusters as unknown as {
      cluster: string
      digest: string
    }[]
    expect(clusters.map((one) => one.cluster)).toEqual(['eu-1', 'us-1'])
    const path = '/v1/clusters/eu-1/snapshot'
    const snapshot = await control.call('GET', path)
    const etag = snapshot.headers.get('etag')!
    expect(snapshot.body.digest).toBe(clusters[0]!.digest)
    expect(etag).toBe(`"${clusters[0]!.digest}"`)
    const objects = snapshot.body.objects as unknown as { key: string }[]
    expect(objects.map((object) => object.key).sort()).toEqual([
      'backend/shop-r1',
      'position/shop',
      'route/shop/default',
    ])
    for (const match of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const same = await control.call('GET', path, { headers: { 'if-none-match': match } })
      expect([same.status, same.text], match).toEqual([304, ''])
    }
    await control.call('PUT', '/v1/apps/toys', { body: { ...shop, hosts: ['toys.example'] } })
    const changed = await control.call('GET', path, { headers: { 'if-none-match': etag } })
    expect(changed.status).toBe(200)
    expect(changed.headers.get('etag')).not.toBe(etag)
  })

  it('nothing that a read has changed', async () => {
    const before = control.head()
    for (const path of [
      '/livez',
      '/readyz',
      '/metrics',
      '/openapi.json',
      '/v1/apps',
      '/v1/apps/shop',
      '/v1/releases',
      '/v1/releases/shop-r1',
      '/v1/clusters',
      '/v1/clusters/eu-1/agents',
      '/v1/clusters/eu-1/snapshot',
      '/v1/tokens',
    ]) {
      const answer = await control.call('GET', path)
      expect(answer.status, path).toBe(200)
      const head = await control.call('HEAD', path)
      expect([head.status, head.text], path).toEqual([200, ''])
    }
    expect(control.head()).toBe(before)
  })

  it('what has happened, as events resumed by Last-Event-ID, without hashes of tokens', async () => {
    const read = async (headers: Record<string, string>, until: string) => {
      const aborted = new AbortController()
      const response = await fetch(`${control.url}/v1/events`, {
        headers: { authorization: `Bearer ${control.adminToken}`, ...headers },
        signal: aborted.signal,
      })
      expect(response.headers.get('content-type')).toBe('text/event-stream')
      let text = ''
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        text += chunk
        if (text.includes(until)) break
      }
      aborted.abort()
      return text
    }
    const head = control.head()
    const all = await read({}, `id: ${head}\n`)
    expect(all).toContain('"type":"app-created"')
    expect(all).toContain('"actor":"operator"')
    expect(all).not.toMatch(/tokenHash/i)
    const rest = await read({ 'last-event-id': '1' }, `id: ${head}\n`)
    expect(rest).not.toMatch(/^id: 1$/m)
    expect(rest).toMatch(/^id: 2$/m)
    const live = read({ 'last-event-id': String(head) }, `id: ${head + 1}\n`)
    await control.call('PUT', '/v1/apps/books', { body: { ...shop, hosts: ['books.example'] } })
    expect(await live).toContain('"app":"books"')
    const bad = await control.call('GET', '/v1/events', { headers: { 'last-event-id': 'x' } })
    expect([bad.status, bad.body.code]).toEqual([400, 'invalid-request'])
  })

  it('metrics that move with what happens', async () => {
    const value = async (name: string) => {
      const { text } = await control.call('GET', '/metrics')
      return Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${name} `))
          ?.split(' ')[1] ?? 0,
      )
    }
    const requests =
      'switchyard_http_requests_total{method="PUT",route="/v1/apps/{app}",status="200"}'
    const turns = 'switchyard_turn_seconds_count{kind="intent"}'
    const before = [await value(requests), await value(turns)]
    await control.call('PUT', '/v1/apps/shop', { body: { ...shop, drainDeadlineMs: 1_000 } })
    expect([await value(requests), await value(turns)]).toEqual([before[0]! + 1, before[1]! + 1])
    expect(await value('switchyard_log_position')).toBe(control.head())
    expect(await value('switchyard_publish_lag{cluster="eu-1"}')).toBe(0)
    expect(await value('switchyard_ready')).toBe(1)
    expect(await value('switchyard_releases{phase="starting"}')).toBe(1)
    const unknown = 'switchyard_http_requests_total{method="GET",route="unknown",status="404"}'
    await control.call('GET', '/secret/path')
    expect(await value(unknown)).toBe(1)
    const body = { cluster: 'us-1', agent: 'us-1-a', publicKey: 'A'.repeat(43) }
    await control.call('POST', '/v1/agents/enrol', { token: control.enrolmentToken('us-1'), body })
    expect(await value('switchyard_agents{cluster="us-1",condition="unseen"}')).toBe(1)
  })
})

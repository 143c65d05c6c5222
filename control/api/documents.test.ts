import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AnyDocument, appDocument, documentSchemas } from '#wire/document.ts'
import { type AgentUnderTest, enrolAgent } from '../agent-under-test.ts'
import { type ControlUnderTest, shop, startControl } from '../control-under-test.ts'

describe('what control exports', () => {
  let control: ControlUnderTest
  let agent: AgentUnderTest
  const labels = { team: 'web' }
  const spec = {
    ...shop,
    clusters: ['eu-1'],
    routes: [
      { name: 'b', matches: [{ method: 'GET', headers: [{ name: 'X-Team', value: 'blue' }] }] },
      { name: 'a', hosts: ['a.example'], rewrite: { hostname: 'b.example' } },
    ],
  }
  beforeAll(async () => {
    control = await startControl(['eu-1'])
    agent = await enrolAgent(control, 'eu-1', 'eu-1-a')
    await agent.report()
    await control.call('PUT', '/v1/apps/shop', { body: { ...spec, labels } })
    await control.call('PUT', '/v1/apps/blog', {
      body: { ...shop, hosts: ['blog.example'], clusters: ['eu-1'] },
    })
  })
  afterAll(() => control.stop())

  const exported = async (from = control, query = '') =>
    (await from.call('GET', `/v1/export${query}`)).body.documents as unknown as AnyDocument[]

  /** Sends the documents as `apply` would. */
  async function apply(to: ControlUnderTest, documents: readonly AnyDocument[]): Promise<void> {
    for (const { kind, metadata, spec } of documents) {
      const { labels } = metadata
      const { status, text } =
        kind === 'App'
          ? await to.call('PUT', `/v1/apps/${metadata.name}`, { body: { ...spec, labels } })
          : await to.call('POST', '/v1/releases', { body: spec })
      expect(status, text).toBeLessThan(300)
    }
  }

  /** The first release of its app. */
  async function goLive(body: { readonly app: string; readonly [field: string]: string }) {
    await control.call('POST', '/v1/releases', { body })
    const id = `${body.app}-r1`
    for (let n = 0; n < 4; n++) {
      const view = await control.call('GET', `/v1/releases/${id}`)
      const generation =
        (view.body.switch as unknown as { generation: number } | null)?.generation ?? 0
      const acked = { prepared: generation, active: generation, appliedMs: 1, activeForMs: 1 }
      await agent.report({ readyEndpoints: { [id]: 1 }, positions: { [body.app]: acked } })
    }
  }

  it('is every app as the document that would make it, by name', async () => {
    const documents = await exported()
    expect(documents.map(({ kind, metadata }) => [kind, metadata.name])).toEqual([
      ['App', 'blog'],
      ['App', 'shop'],
    ])
    expect(documents[1]).toEqual(
      appDocument.parse({
        apiVersion: 'switchyard.dev/v1',
        kind: 'App',
        metadata: { name: 'shop', labels },
        spec,
      }),
    )
  })

  it('changes nothing when it is sent back', async () => {
    const held = async () => [
      await control.call('GET', '/v1/apps').then(({ body }) => body),
      await control.call('GET', '/v1/clusters/eu-1/snapshot').then(({ body }) => body.objects),
    ]
    const before = await held()
    for (const { metadata, spec } of await exported()) {
      const body = { ...spec, labels: metadata.labels }
      const told = await control.call('PUT', `/v1/apps/${metadata.name}?dryRun=true`, { body })
      expect(told.body).toMatchObject({ status: 200, events: [], clusters: {} })
      await control.call('PUT', `/v1/apps/${metadata.name}`, { body })
    }
    expect(await held()).toEqual(before)
  })

  it('names the live version, and makes the same on an empty control', async () => {
    await goLive({ app: 'shop', version: '1' })
    expect(await exported(control, '?kind=Release')).toMatchObject([
      { metadata: { name: 'shop' }, spec: { app: 'shop', version: '1' } },
    ])
    const ofShop = await exported(control, '?app=shop')
    expect(ofShop.map((one) => one.kind)).toEqual(['App', 'Release'])
    const other = await startControl(['eu-1'])
    try {
      await apply(other, await exported())
      expect(await exported(other, '?kind=App')).toEqual(await exported(control, '?kind=App'))
      const { body } = await other.call('GET', '/v1/releases/shop-r1')
      expect(body).toMatchObject({ version: '1', phase: 'starting' })
    } finally {
      await other.stop()
    }
  })

  it('says of a release in Kubernetes what its pods are made of', async () => {
    const platform = { type: 'kubernetes', namespace: 'web', port: 8080 }
    for (const [app, made] of [
      ['pods', { image: 'pods:1' }],
      ['there', { deployment: 'there-blue' }],
    ] as const) {
      const body = { ...shop, hosts: [`${app}.example`], clusters: ['eu-1'], platform }
      await control.call('PUT', `/v1/apps/${app}`, { body })
      await goLive({ app, version: '1', ...made })
      const [, release] = await exported(control, `?app=${app}`)
      expect(release!.spec).toMatchObject({ app, version: '1', ...made })
    }
  })

  it('has the freeze windows too', async () => {
    const body = { from: '2026-12-24T16:00:00Z', until: '2026-12-27T08:00:00Z', reason: 'holidays' }
    await control.call('PUT', '/v1/freezes/christmas', { body })
    const [freeze] = await exported(control, '?kind=Freeze')
    expect(freeze).toMatchObject({ kind: 'Freeze', metadata: { name: 'christmas' }, spec: body })
    const path = '/v1/freezes/christmas?dryRun=true'
    const told = await control.call('PUT', path, { body: freeze!.spec })
    expect(told.body).toMatchObject({ events: [] })
    await control.call('DELETE', '/v1/freezes/christmas', { body: {} })
  })

  it('comes with schemas for editors, without a token', async () => {
    for (const name of Object.keys(documentSchemas)) {
      const { status, headers, text } = await control.call('GET', `/v1/schemas/${name}.json`, {
        token: null,
      })
      expect(status).toBe(200)
      expect(headers.get('content-type')).toBe('application/schema+json')
      const file = new URL(`../../docs/schemas/${name}.json`, import.meta.url)
      expect(text).toBe(readFileSync(file, 'utf8'))
    }
  })
})

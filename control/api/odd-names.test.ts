import { expect, it } from 'vitest'
import { clusterName } from '#wire/names.ts'
import { shop, startControl } from '../control-under-test.ts'

it('names that plain objects have already end no control', async () => {
  const control = await startControl(['eu-1'])
  const match = (value: string) => ({ matches: [{ path: { type: 'PathPrefix', value } }] })
  const put = (app: string, value: string) =>
    control.call('PUT', `/v1/apps/${app}`, {
      body: {
        ...shop,
        clusters: ['eu-1'],
        hosts: [`${app}.example`],
        routes: [{ name: 'constructor', ...match(value) }],
      },
    })
  for (const app of ['shop', 'constructor']) {
    expect((await put(app, '/')).status).toBe(201)
    expect((await put(app, '/a')).status).toBe(200)
    const made = await control.call('POST', '/v1/releases', { body: { app, version: '1' } })
    expect(made.status).toBe(201)
  }
  expect(clusterName.safeParse('constructor').error?.issues[0]?.message).toContain('cannot name')
  await control.stop()
})

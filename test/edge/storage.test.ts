/** The object fills: it says so in good time, and packing old records makes room and loses nothing. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { shop } from '../../control/control-under-test.ts'
import { recordsKept } from '../../control/workers/object-pages.ts'
import { type ControlOnWorkerd, startControl } from './control-under-test.ts'

const limitBytes = 4_500_000
const appends = recordsKept + 128

let control: ControlOnWorkerd
beforeEach(async () => {
  control = await startControl(['eu-1'], {
    variables: { SWITCHYARD_STORAGE_BYTES: String(limitBytes) },
    rates: { reads: 9_999, changes: 9_999 },
  })
})
afterEach(() => control.stop())

const get = async (path: string) => (await control.call('GET', path)).body
const changes = (n: number) => ({
  ...shop,
  clusters: ['eu-1'],
  routes: Array.from({ length: 12 }, (_, i) => ({
    name: `r${i}`,
    matches: [{ path: { type: 'PathPrefix', value: `/${n}/${'path'.repeat(20)}/${i}` } }],
  })),
})

it('warns from half of the limit on, and is compacted', { timeout: 180_000 }, async () => {
  expect(await get('/readyz')).not.toHaveProperty('warnings')
  const key = { 'idempotency-key': 'first' }
  const first = await control.call('PUT', '/v1/apps/shop', { body: changes(0), headers: key })
  for (let n = 1; n < appends; n++) {
    const { status } = await control.call('PUT', '/v1/apps/shop', { body: changes(n) })
    if (status !== 200) throw new Error(`change ${n}: ${status}`)
  }
  const full = await get('/readyz')
  expect(full.status).toBe('ready')
  expect(full.warnings).toMatchObject([
    { code: 'storage-filling', fix: expect.stringContaining('/edge/compact') },
  ])
  let last = full
  for (let n = appends; last.code !== 'storage-full' && n < 2 * appends; n++) {
    last = (await control.call('PUT', '/v1/apps/shop', { body: changes(n) })).body
  }
  expect(last).toMatchObject({ status: 507, code: 'storage-full' })
  const version = { body: { app: 'shop', version: '1' } }
  expect((await control.call('POST', '/v1/releases', version)).status).toBe(507)
  const button = await control.call('POST', '/v1/releases/shop-r9/rollback')
  expect(button.body.code, 'a button is heard').toBe('unknown-release')
  const looks = async () => [
    await get('/v1/audit?limit=5&to=40'),
    await get('/v1/clusters/eu-1/snapshot?revision=20'),
    (await (await control.worker.transfer('GET')).text()).split('\n'),
  ]
  const before = await looks()
  const compacted = (await (await control.worker.ask('POST', '/edge/compact')).json()) as {
    records: number
    bytesBefore: number
    bytes: number
  }
  console.log(`compacted: ${JSON.stringify(compacted)}`)
  expect(compacted).toMatchObject({ isDone: true })
  expect(compacted.records).toBeGreaterThanOrEqual(128 - 64)
  expect(compacted.bytes).toBeLessThan(compacted.bytesBefore)
  expect(await looks()).toEqual(before)
  await control.restart()
  expect(await looks()).toEqual(before)
  expect((await control.call('POST', '/v1/releases', version)).status).toBe(201)
  const again = await control.call('PUT', '/v1/apps/shop', { body: changes(0), headers: key })
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  expect(again.body).toEqual(first.body)
})

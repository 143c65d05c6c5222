/** A restored control must not move the fleet back in time (DESIGN D3), until somebody says so. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { canonicalBytes } from '#wire/digest.ts'
import type { Epoch } from '#wire/header.ts'
import type { Report } from '#wire/report.ts'
import { generateKey, keyIdOf, type SigningKey, seal } from '#wire/signature.ts'
import { recover } from './commands.ts'
import { type ControlUnderTest, shop, startControl } from './control-under-test.ts'

describe('a log behind the fleet', () => {
  let control: ControlUnderTest
  let key: SigningKey
  let token: string
  let epoch: Epoch

  beforeEach(async () => {
    control = await startControl(['eu-1'])
    key = (await generateKey()).key
    const body = { cluster: 'eu-1', agent: 'eu-1-a', publicKey: key.publicKey }
    const enrolled = await control.call('POST', '/v1/agents/enrol', {
      token: control.enrolmentToken('eu-1'),
      body,
    })
    token = String(enrolled.body.token)
    epoch = enrolled.body.epoch as unknown as Epoch
  })
  afterEach(() => control.stop())

  async function report(seen: Epoch, revision: number, sequence: number) {
    const message: Report = {
      cluster: 'eu-1',
      agent: 'eu-1-a',
      instance: '0'.repeat(16),
      startedAtMs: 1,
      sequence,
      epoch: seen,
      revision,
      digest: '0'.repeat(64),
      formats: [1],
      stale: false,
      drift: null,
      workers: 1,
      positions: {},
      readyEndpoints: {},
      inUse: {},
      refusals: [],
      pinnedKeys: [keyIdOf(key.publicKey)],
    }
    const body = await seal(canonicalBytes(message), key)
    return control.call('POST', '/v1/agents/eu-1/reports', { token, body })
  }
  const put = () => control.call('PUT', '/v1/apps/shop', { body: { ...shop, clusters: ['eu-1'] } })

  it.each([
    ['a later revision', {}, 1_000],
    ['a later epoch', { number: 7 }, 1],
    ['the same epoch of another history', { id: 'f'.repeat(16) }, 1],
  ])('is noticed by a report of %s: nothing is taken, all is shown', async (_, seen, revision) => {
    expect((await control.call('GET', '/readyz')).status).toBe(200)
    const head = control.head()
    expect((await report({ ...epoch, ...seen }, revision, 1)).status).toBe(202)
    const ready = await control.call('GET', '/readyz')
    expect([ready.status, ready.body.code]).toEqual([503, 'log-behind-fleet'])
    const refused = await put()
    expect([refused.status, refused.body.code]).toEqual([503, 'log-behind-fleet'])
    expect(control.head()).toBe(head)
    expect((await control.call('GET', '/v1/clusters')).status).toBe(200)
    expect((await control.call('GET', '/livez')).status).toBe(200)
    expect((await control.call('GET', '/metrics')).text).toContain('switchyard_ready 0')
  })

  it('is settled by recover, above every epoch that was seen', async () => {
    await report({ ...epoch, number: 7 }, 1_000, 1)
    expect((await put()).status).toBe(503)
    await control.served.stop()
    const clocks = { now: Date.now, monotonicMs: () => performance.now() }
    const number = await recover({ folder: control.folder, ...clocks, wrapLog: (log) => log })
    expect(number).toBe(8)
    await control.restart()
    expect((await control.call('GET', '/readyz')).status).toBe(200)
    await report({ ...epoch, number: 7 }, 1_000, 2)
    expect((await put()).status).toBe(201)
  })
})

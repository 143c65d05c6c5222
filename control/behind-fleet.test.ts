/** A restored control must not move the fleet back in time (DESIGN D3), until somebody says so. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AgentUnderTest, enrolAgent } from './agent-under-test.ts'
import { type ControlUnderTest, shop, startControl } from './control-under-test.ts'
import { recover } from './node/commands.ts'

describe('a log behind the fleet', () => {
  let control: ControlUnderTest
  let agent: AgentUnderTest

  beforeEach(async () => {
    control = await startControl(['eu-1'])
    agent = await enrolAgent(control, 'eu-1', 'eu-1-a')
  })
  afterEach(() => control.stop())

  const put = () => control.call('PUT', '/v1/apps/shop', { body: { ...shop, clusters: ['eu-1'] } })

  it.each([
    ['a later revision', {}, 1_000],
    ['a later epoch', { number: 7 }, 1],
    ['the same epoch of another history', { id: 'f'.repeat(16) }, 1],
  ])('is noticed by a report of %s: nothing is taken, all is shown', async (_, seen, revision) => {
    expect((await control.call('GET', '/readyz')).status).toBe(200)
    const head = control.head()
    const said = { epoch: { ...agent.epoch, ...seen }, revision }
    expect((await agent.report(said)).status).toBe(202)
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
    const later = { epoch: { ...agent.epoch, number: 7 }, revision: 1_000 }
    await agent.report(later)
    expect((await put()).status).toBe(503)
    await control.served.stop()
    const clocks = { now: Date.now, monotonicMs: () => performance.now() }
    const number = await recover({ folder: control.folder, ...clocks, wrapLog: (log) => log })
    expect(number).toBe(8)
    await control.restart()
    expect((await control.call('GET', '/readyz')).status).toBe(200)
    await agent.report(later)
    expect((await put()).status).toBe(201)
  })
})

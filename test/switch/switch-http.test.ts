/** The rows of the switch over HTTP with real agents. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Rejected } from '../../deploy/local/control-client.ts'
import { openTunnel } from '../../deploy/local/exchanges.ts'
import { until } from '../../deploy/local/until.ts'
import { openStage, type Stage } from '../stage.ts'
import { createHttpWorld, lateAgents } from './http-world.ts'
import { switchCases } from './switch.cases.ts'

let stage: Stage
let row = 0
beforeAll(async () => {
  stage = await openStage({ agentsPerCluster: 3, later: lateAgents })
}, 120_000)
afterAll(() => stage?.close(), 60_000)

switchCases('over HTTP with real agents', () => createHttpWorld(stage, `row-${++row}`))

describe('what only real programs show', { timeout: 60_000 }, () => {
  const active = { wait: 'active', timeoutMs: 10_000 } as const

  it('at the drain deadline agents close what is open with 1001, and it may be decommissioned', async () => {
    const { client, targets } = stage.fleet
    await stage.putApp('drains', { drainDeadlineMs: 500 })
    const first = (await stage.release({ app: 'drains', version: '1', autoPromote: true })).id
    const second = (await stage.release({ app: 'drains', version: '2' })).id
    const tunnel = await openTunnel(targets(['eu-1-a'])[0]!, 'drains.example')
    await client.step(second, 'promote', active)
    expect(await tunnel.say('open')).toBe('1: open')
    expect(await tunnel.closed).toBe(1001)
    await until(
      'it is free',
      () => client.getRelease(first),
      (view) => view.ledger.mayDecommission,
    )
  })

  it('?wait=active waits for every agent, and says so when the time runs out', async () => {
    const { fleet } = stage
    await stage.putApp('waits')
    const pilot = fleet.pid('us-1-b.pilot')!
    process.kill(pilot, 'SIGSTOP')
    const change = { hosts: ['waits.example', 'other.example'] }
    const waiting = stage.putApp('waits', change, { wait: 'active', timeoutMs: 800 })
    const refused = await waiting.catch((error: unknown) => error)
    process.kill(pilot, 'SIGCONT')
    expect(refused).toBeInstanceOf(Rejected)
    expect((refused as Rejected).problem).toMatchObject({ status: 504, code: 'wait-timeout' })
    await stage.putApp('waits', change, active)
  })
})

/** The object sleeps when nothing happens: without a connection to NATS, and out of memory. */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../../deploy/local/until.ts'
import { openStage, type Stage } from '../stage.ts'
import { type OverNats, startOverNats } from './over-nats.ts'
import { openSwitching } from './switching.ts'

/**
 * Workerd evicts an object that nothing has happened in for 10 s; counts of calls are kept for as long
 * before. Resolves with how often it was woken to see that.
 */
async function untilEvicted(lives: () => number, wake: () => Promise<unknown>): Promise<number> {
  const before = lives()
  for (const [n, pauseMs] of [24_000, 30_000, 40_000, 60_000].entries()) {
    await delay(pauseMs)
    await wake()
    if (lives() > before) return n + 1
  }
  throw new Error('the object stays in memory')
}

describe('an object over NATS', () => {
  let edge: OverNats
  afterEach(() => edge?.stop())
  const letGo = () => until('let go', edge.proxy.open, (open) => open === 0, 30_000)

  it('lets go of NATS after each event and leaves memory', { timeout: 240_000 }, async () => {
    edge = await startOverNats(['eu-1'])
    const shop = await openSwitching(edge.control, 120_000)
    await letGo()
    expect(edge.lives()).toBe(1)
    const seen = edge.proxy.seen()
    const woken = await untilEvicted(edge.lives, () => edge.control.call('GET', '/v1/apps/shop'))
    await letGo()
    // One alarm that was set while something was open is left to ring.
    const mostly = seen + woken + 1
    expect(edge.proxy.seen(), 'nobody connects while nothing happens').toBeLessThanOrEqual(mostly)

    expect((await shop.motion('promote', 'shop-r2')).status).toBeLessThan(300)
    await letGo()
    expect((await shop.position()).next, 'it is being prepared').toBeTruthy()
    await shop.untilLive('shop-r2')
    expect((await shop.shown('shop-r1')).phase).not.toBe('live')
    await letGo()
  })
})

describe('a fleet whose control sleeps', () => {
  let stage: Stage
  afterEach(() => stage?.close())

  it('serves, and wakes it for the next release', { timeout: 300_000 }, async () => {
    stage = await openStage({ runtime: 'workers', nats: true, logFormat: 'json' })
    const { fleet } = stage
    const lives = () =>
      readFileSync(fleet.logFile('control'), 'utf8').split('"control-started"').length - 1
    await stage.putApp('shop')
    await stage.release({ app: 'shop', version: '1', autoPromote: true })
    const first = fleet.agents[0]!.name
    await untilEvicted(lives, async () => {
      expect((await stage.get(first, 'shop')).version).toBe('1')
      await fetch(`${fleet.controlUrl}/livez`)
    })
    const { id } = await stage.release({ app: 'shop', version: '2' })
    await fleet.client.step(id, 'promote', { wait: 'active', timeoutMs: 30_000 })
    for (const { name } of fleet.agents) expect((await stage.get(name, 'shop')).version).toBe('2')
  })
})

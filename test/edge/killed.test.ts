/**
 * Workerd is killed with -9 between any two steps of a switch; the object goes on from its log and its
 * alarm, and the switch ends on exactly one side.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../../deploy/local/until.ts'
import { type ControlUnderTest, startControl } from './control-under-test.ts'
import { openSwitching, type Switching } from './switching.ts'

/** No machine is so slow that it passes. */
const deadlineMs = 600_000

describe('workerd killed with -9', () => {
  let control: ControlUnderTest
  let shop: Switching

  beforeEach(async () => {
    control = await startControl(['eu-1'])
  })
  afterEach(() => control.stop())

  it('between prepare and commit', async () => {
    shop = await openSwitching(control, deadlineMs)
    expect((await shop.motion('promote', 'shop-r2')).status).toBeLessThan(300)
    expect((await shop.position()).next, 'it is being prepared').toBeTruthy()
    await control.restart()
    expect((await shop.position()).next, 'it still is').toBeTruthy()
    await shop.untilLive('shop-r2')
    expect((await shop.shown('shop-r1')).phase).not.toBe('live')
  })

  it('between commit and the last acknowledgement', async () => {
    shop = await openSwitching(control, deadlineMs)
    await shop.motion('promote', 'shop-r2')
    await shop.follow(shop.agents, false)
    const committed = await shop.position()
    expect(committed.next ?? null, 'it is decided').toBeNull()
    await shop.follow(shop.agents.slice(0, 1))
    await control.restart()
    expect(await shop.position()).toEqual(committed)
    await shop.untilLive('shop-r2')
  })

  it('at any moment of a call, which counts once', { timeout: 120_000 }, async () => {
    shop = await openSwitching(control, deadlineMs)
    for (const [n, ms] of [0, 1, 2, 4, 8, 16, 32, 64].entries()) {
      const [what, to, from] =
        n % 2 === 0
          ? (['promote', 'shop-r2', 'shop-r1'] as const)
          : (['rollback', 'shop-r1', 'shop-r2'] as const)
      const key = crypto.randomUUID()
      const asked = shop.motion(what, 'shop-r2', key).catch(() => null)
      await delay(ms)
      await control.restart()
      const first = await asked
      const again = await shop.motion(what, 'shop-r2', key)
      expect(again.status, `${what} killed after ${ms} ms: ${again.text}`).toBeLessThan(300)
      if (first) {
        const named = (name: string) => [first.headers.get(name), again.headers.get(name)]
        const [before, after] = named('switchyard-revision')
        expect(after).toBe(before)
      }
      await shop.untilLive(to)
      expect((await shop.shown(from)).phase).not.toBe('live')
    }
  })

  it('is woken by its alarm after that: nobody asks anything', { timeout: 120_000 }, async () => {
    shop = await openSwitching(control, 2_000)
    const promotedMs = Date.now()
    await shop.motion('promote', 'shop-r2')
    await control.restart()
    // Of its log only: no request wakes it.
    await until(
      'time has ended the switch',
      () => control.said,
      (said) => said.some(({ events }) => `${events}`.includes('switch-aborted')),
      60_000,
      100,
    )
    const audit = await control.call('GET', '/v1/audit?limit=1')
    const [newest] = audit.body.entries as unknown as { atMs: number; actor: string }[]
    expect(newest!.actor).toBe('clock')
    expect(newest!.atMs).toBeGreaterThanOrEqual(promotedMs + 2_000)
    expect((await shop.position()).next ?? null).toBeNull()
  })
})

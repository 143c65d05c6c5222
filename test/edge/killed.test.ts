/**
 * Workerd is killed with -9 between any two steps of a switch; the object goes on from its log and its
 * alarm, and the switch ends on exactly one side.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ControlUnderTest, startControl } from './control-under-test.ts'
import { openSwitching, type Switching } from './switching.ts'

describe('workerd killed with -9', () => {
  let control: ControlUnderTest
  let shop: Switching

  beforeEach(async () => {
    control = await startControl(['eu-1'])
    shop = await openSwitching(control)
  })
  afterEach(() => control.stop())

  it('between prepare and commit', async () => {
    expect((await shop.motion('promote', 'shop-r2')).status).toBeLessThan(300)
    expect((await shop.position()).next, 'it is being prepared').toBeTruthy()
    await control.restart()
    expect((await shop.position()).next, 'it still is').toBeTruthy()
    await shop.untilLive('shop-r2')
    expect((await shop.shown('shop-r1')).phase).not.toBe('live')
  })

  it('between commit and the last acknowledgement', async () => {
    await shop.motion('promote', 'shop-r2')
    await shop.follow(shop.agents, false)
    const committed = await shop.position()
    expect(committed.next ?? null, 'it is decided').toBeNull()
    await shop.follow(shop.agents.slice(0, 1))
    await control.restart()
    expect(await shop.position()).toEqual(committed)
    await shop.untilLive('shop-r2')
  })

  it('at any moment of a call, which counts once', { timeout: 60_000 }, async () => {
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

  it('is woken by its alarm after that: nobody asks anything', async () => {
    const promotedMs = Date.now()
    await shop.motion('promote', 'shop-r2')
    await control.restart()
    // The deadline of the switch is 2 s; no request comes before twice that.
    await delay(4_500)
    const askedMs = Date.now()
    const audit = await control.call('GET', '/v1/audit?limit=1')
    const [newest] = audit.body.entries as unknown as { atMs: number; actor: string }[]
    expect(newest!.actor, 'time has ended the switch').toBe('clock')
    expect(newest!.atMs).toBeGreaterThanOrEqual(promotedMs + 2_000)
    expect(newest!.atMs, 'before anybody asked').toBeLessThan(askedMs - 500)
    expect((await shop.position()).next ?? null).toBeNull()
  })
})

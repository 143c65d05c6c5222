/**
 * Workerd is killed with -9 between any two steps of a switch; the object goes on from its log and its
 * alarm, and the switch ends on exactly one side.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PositionObject, SnapshotObject } from '#wire/object.ts'
import { type AgentUnderTest, enrolAgent } from '../../control/agent-under-test.ts'
import { type ControlUnderTest, shop, startControl } from './control-under-test.ts'

describe('workerd killed with -9', () => {
  let control: ControlUnderTest
  let agents: AgentUnderTest[]

  beforeEach(async () => {
    control = await startControl(['eu-1'])
    agents = [
      await enrolAgent(control, 'eu-1', 'eu-1-a'),
      await enrolAgent(control, 'eu-1', 'eu-1-b'),
    ]
    await control.call('PUT', '/v1/apps/shop', { body: { ...shop, clusters: ['eu-1'] } })
    await release('1')
    await follow()
    await motion('promote', 'shop-r1')
    await untilLive('shop-r1')
    await release('2')
    await follow()
  })
  afterEach(() => control.stop())

  const release = (version: string) =>
    control.call('POST', '/v1/releases', {
      body: { app: 'shop', version, autoPromote: false, deadlineMs: 2_000 },
    })
  const motion = (what: string, id: string, key: string = crypto.randomUUID()) =>
    control.call('POST', `/v1/releases/${id}/${what}`, { headers: { 'idempotency-key': key } })
  const shown = async (id: string) => (await control.call('GET', `/v1/releases/${id}`)).body
  async function position(): Promise<PositionObject> {
    const snapshot = await control.call('GET', '/v1/clusters/eu-1/snapshot')
    const objects = snapshot.body.objects as unknown as SnapshotObject[]
    return objects.find((object) => object.kind === 'position')!
  }
  /** These agents follow the position: prepared for what is next, active with what is. */
  async function follow(who = agents, acknowledges = true): Promise<void> {
    const held = await position()
    for (const agent of who) {
      await agent.report({
        readyEndpoints: { 'shop-r1': 1, 'shop-r2': 1 },
        positions: {
          shop: {
            prepared: held.next?.generation ?? 0,
            active: acknowledges ? held.generation : 0,
            appliedMs: 1,
            activeForMs: 1,
          },
        },
      })
    }
  }
  async function untilLive(id: string): Promise<void> {
    for (let n = 0; n < 50; n++) {
      if ((await shown(id)).phase === 'live') return
      await follow()
    }
    throw new Error(`${id} is not live: ${JSON.stringify(await shown(id))}`)
  }

  it('between prepare and commit', async () => {
    expect((await motion('promote', 'shop-r2')).status).toBeLessThan(300)
    expect((await position()).next, 'it is being prepared').toBeTruthy()
    await control.restart()
    expect((await position()).next, 'it still is').toBeTruthy()
    await untilLive('shop-r2')
    expect((await shown('shop-r1')).phase).not.toBe('live')
  })

  it('between commit and the last acknowledgement', async () => {
    await motion('promote', 'shop-r2')
    await follow(agents, false)
    const committed = await position()
    expect(committed.next ?? null, 'it is decided').toBeNull()
    await follow(agents.slice(0, 1))
    await control.restart()
    expect(await position()).toEqual(committed)
    await untilLive('shop-r2')
  })

  it('at any moment of a call, which counts once', { timeout: 60_000 }, async () => {
    for (const [n, ms] of [0, 1, 2, 4, 8, 16, 32, 64].entries()) {
      const [what, to, from] =
        n % 2 === 0
          ? (['promote', 'shop-r2', 'shop-r1'] as const)
          : (['rollback', 'shop-r1', 'shop-r2'] as const)
      const key = crypto.randomUUID()
      const asked = motion(what, 'shop-r2', key).catch(() => null)
      await delay(ms)
      await control.restart()
      const first = await asked
      const again = await motion(what, 'shop-r2', key)
      expect(again.status, `${what} killed after ${ms} ms: ${again.text}`).toBeLessThan(300)
      if (first) {
        const named = (name: string) => [first.headers.get(name), again.headers.get(name)]
        const [before, after] = named('switchyard-revision')
        expect(after).toBe(before)
      }
      await untilLive(to)
      expect((await shown(from)).phase).not.toBe('live')
    }
  })

  it('is woken by its alarm after that: nobody asks anything', async () => {
    const promotedMs = Date.now()
    await motion('promote', 'shop-r2')
    await control.restart()
    // The deadline of the switch is 2 s; no request comes before twice that.
    await delay(4_500)
    const askedMs = Date.now()
    const audit = await control.call('GET', '/v1/audit?limit=1')
    const [newest] = audit.body.entries as unknown as { atMs: number; actor: string }[]
    expect(newest!.actor, 'time has ended the switch').toBe('clock')
    expect(newest!.atMs).toBeGreaterThanOrEqual(promotedMs + 2_000)
    expect(newest!.atMs, 'before anybody asked').toBeLessThan(askedMs - 500)
    expect((await position()).next ?? null).toBeNull()
  })
})

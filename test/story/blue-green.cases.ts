/** Chapter 1: two versions side by side, one switch, and back; nothing that is open is cut. */
import { afterAll, describe, expect, test } from 'vitest'
import { createHistory } from '../../bench/load/history.ts'
import { lastSentMs } from '../../bench/load/verdict.ts'
import { Rejected } from '../../deploy/local/control-client.ts'
import { type OpenTunnel, openStream, openTunnel } from '../../deploy/local/exchanges.ts'
import { until, untilPhase } from '../../deploy/local/until.ts'
import type { Stage } from '../stage.ts'
import { underLoad } from './scene.ts'

const app = 'shop'
const authority = 'shop.example'

export function blueGreenChapter(stageOf: () => Stage): void {
  describe('blue-green', () => {
    const tunnels: OpenTunnel[] = []
    let blue = ''
    let green = ''
    afterAll(() => Promise.all(tunnels.map((tunnel) => tunnel.close())))

    test('the first release of an app goes live by itself', async () => {
      const stage = stageOf()
      await stage.putApp(app, { copies: 2 })
      blue = (await stage.release({ app, version: '0.0.1', autoPromote: true })).id
      for (const { name } of stage.fleet.agents) {
        expect(await stage.get(name, app)).toMatchObject({ status: 200, version: '0.0.1' })
      }
    })

    test('the candidate answers on its preview only, rewritten to its root', async () => {
      const stage = stageOf()
      const history = createHistory('0.0.1')
      await underLoad(stage, app, history, async () => {
        const intent = { app, version: '0.0.2', preview: { path: '/test' } }
        green = (await stage.release(intent)).id
        for (const { name } of stage.fleet.agents) {
          const preview = () => stage.get(name, app, '/test/cart')
          const seen = await until(
            'preview',
            preview,
            ({ status, version }) => status === 200 && version === '0.0.2',
          )
          expect(seen).toMatchObject({ version: '0.0.2', path: '/cart' })
          expect(await stage.get(name, app, '/testing')).toMatchObject({ version: '0.0.1' })
          expect(await stage.get(name, app, '/cart')).toMatchObject({ version: '0.0.1' })
        }
      })
    })

    test('after promote has answered no new request reaches blue, and what is open stays', async () => {
      const stage = stageOf()
      const { client } = stage.fleet
      const history = createHistory('0.0.1')
      const [target] = stage.fleet.targets()
      let promoted: { calledMs: number; answeredMs: number } | null = null
      const result = await underLoad(stage, app, history, async () => {
        const stream = await openStream(target!, authority, 1_500)
        const tunnel = await openTunnel(target!, authority)
        tunnels.push(tunnel)
        expect(stream.version).toBe('0.0.1')
        expect(await tunnel.say('before')).toBe('0.0.1: before')
        promoted = await history.move('0.0.2', () =>
          client.step(green, 'promote', { wait: 'active', timeoutMs: 10_000 }),
        )
        expect((await client.getRelease(green)).phase).toBe('live')
        expect(await tunnel.say('after')).toBe('0.0.1: after')
        expect(await stream.finished).toEqual({ bytes: 300_000, whole: true })
      })
      const { calledMs, answeredMs } = promoted!
      const lastMs = lastSentMs(result.samples, '0.0.1')!
      console.log(
        `promote: answered in ${(answeredMs - calledMs).toFixed(1)} ms, last request on 0.0.1 sent ` +
          `${(lastMs - calledMs).toFixed(1)} ms after the call`,
      )
    })

    test('rollback is the same in reverse, in under a second', async () => {
      const stage = stageOf()
      const { client } = stage.fleet
      const history = createHistory('0.0.2')
      await underLoad(stage, app, history, async () => {
        const { calledMs, answeredMs } = await history.move('0.0.1', () =>
          client.step(green, 'rollback', { wait: 'active', timeoutMs: 10_000 }),
        )
        expect(answeredMs - calledMs).toBeLessThan(1_000)
        expect((await client.getRelease(green)).phase).toBe('retired')
        expect((await client.getRelease(blue)).phase).toBe('live')
      })
    })

    test('decommission is refused with the ledger while exchanges are open, and succeeds afterwards', async () => {
      const stage = stageOf()
      const { client } = stage.fleet
      const history = createHistory('0.0.1')
      await underLoad(stage, app, history, async () => {
        await history.move('0.0.2', () =>
          client.step(green, 'promote', { wait: 'active', timeoutMs: 10_000 }),
        )
        expect(await tunnels[0]!.say('still here')).toBe('0.0.1: still here')
        const refused = await client.step(blue, 'decommission').catch((error: unknown) => error)
        expect(refused).toBeInstanceOf(Rejected)
        expect((refused as Rejected).problem).toMatchObject({ status: 409, code: 'in-use' })
        expect(JSON.stringify((refused as Rejected).problem)).toContain('inUse')
        await tunnels[0]!.close()
        await until(
          'blue is not in use',
          () => client.getRelease(blue),
          (view) => view.ledger.mayDecommission,
        )
        await client.step(blue, 'decommission')
        await untilPhase(client, blue, 'decommissioned')
      })
    })
  })
}

/** Chapter 3, over NATS: the server stops, comes back, is wiped, is rolled back; traffic does not notice. */
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createHistory } from '../../bench/load/history.ts'
import type { Stage } from '../stage.ts'
import { underLoad } from './scene.ts'

const app = 'nats'
const convergeMs = 30_000

export function natsChapter(stageOf: () => Stage): void {
  describe('NATS', () => {
    let live = '1'
    let number = 1
    const natsFolder = (stage: Stage) => join(stage.folder, 'nats')
    const backup = (stage: Stage) => join(stage.folder, 'nats.older')

    const prepare = async (stage: Stage) => {
      await stage.putApp(app)
      await stage.release({ app, version: live, autoPromote: true })
      await stage.fleet.stopOne('nats')
      await cp(natsFolder(stage), backup(stage), { recursive: true })
      await stage.fleet.startOne('nats')
    }

    /** `away` runs while NATS is stopped; afterwards a whole release must still go through. */
    async function outage(stage: Stage, away: () => Promise<void>): Promise<void> {
      const history = createHistory(live)
      const next = String(++number)
      await underLoad(stage, app, history, async () => {
        await stage.fleet.stopOne('nats')
        await away()
        await delay(1_000)
        await stage.fleet.startOne('nats')
        const backAt = performance.now()
        const { id } = await stage.release({ app, version: next })
        await history.move(next, () =>
          stage.fleet.client.step(id, 'promote', { wait: 'active', timeoutMs: convergeMs }),
        )
        expect(performance.now() - backAt).toBeLessThan(convergeMs)
      })
      live = next
    }

    test('stopped and started again', { timeout: 90_000 }, async () => {
      await prepare(stageOf())
      await outage(stageOf(), async () => {})
    })

    test('wiped', { timeout: 90_000 }, async () => {
      await outage(stageOf(), () => rm(natsFolder(stageOf()), { recursive: true }))
    })

    test('rolled back to an older data folder', { timeout: 90_000 }, async () => {
      const stage = stageOf()
      await outage(stage, async () => {
        await rm(natsFolder(stage), { recursive: true })
        await cp(backup(stage), natsFolder(stage), { recursive: true })
      })
    })
  })
}

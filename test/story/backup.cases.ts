/** Chapter 3, over both: a control plane from an old backup must not move the fleet back in time. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createHistory } from '../../bench/load/history.ts'
import { Rejected } from '../../deploy/local/control-client.ts'
import { until } from '../../deploy/local/until.ts'
import type { Stage } from '../stage.ts'
import { underLoad } from './scene.ts'

const app = 'backup'

export function backupChapter(stageOf: () => Stage): void {
  describe('control from an old backup', () => {
    test('publishes nothing until recover, and traffic stays where it was', {
      timeout: 120_000,
    }, async () => {
      const stage = stageOf()
      const { fleet } = stage
      const { client } = fleet
      const folder = join(stage.folder, 'control')
      const older = join(stage.folder, 'older.backup')
      await stage.putApp(app)
      const first = await stage.release({ app, version: '1', autoPromote: true })
      await fleet.runControl('backup', older)
      const second = await stage.release({ app, version: '2' })
      await client.step(second.id, 'promote', { wait: 'active', timeoutMs: 10_000 })

      const history = createHistory('2')
      await underLoad(stage, app, history, async () => {
        await fleet.stopOne('control')
        await rm(folder, { recursive: true })
        await fleet.runControl('restore', older)
        await fleet.startOne('control')

        const readiness = await until(
          'control says why it is not ready',
          async () => (await fetch(`${fleet.controlUrl}/readyz`)).text(),
          (text) => text.includes('log-behind-fleet'),
        )
        expect(readiness).toContain('log-behind-fleet')
        const refused = await stage.putApp(app, { copies: 2 }).catch((error: unknown) => error)
        expect(refused).toBeInstanceOf(Rejected)
        expect((refused as Rejected).problem.code).toBe('log-behind-fleet')
        for (const { name } of fleet.agents) {
          expect(await stage.get(name, app)).toMatchObject({ version: '2' })
        }

        // `recover` takes the backup's word: 1 is live again, everywhere, under a higher epoch.
        await fleet.stopOne('control')
        await fleet.runControl('recover')
        await history.move('1', async () => {
          await fleet.startOne('control')
          for (const { name } of fleet.agents) {
            await until(
              `${name} has come back to 1`,
              () => stage.get(name, app),
              ({ version }) => version === '1',
            )
          }
        })
        expect((await client.getRelease(first.id)).phase).toBe('live')
      })
    })
  })
}

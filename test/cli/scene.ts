/** For tests of `switchyard`: a real control, an agent that does as it is told, and a desk in front. */
import type { SnapshotObject } from '#wire/object.ts'
import type { Report } from '#wire/report.ts'
import { createDesk, type DeskUnderTest } from '../../cli/desk-under-test.ts'
import { enrolAgent } from '../../control/agent-under-test.ts'
import { type ControlUnderTest, shop, startControl } from '../../control/control-under-test.ts'

export interface Scene {
  readonly control: ControlUnderTest
  readonly desk: DeskUnderTest
  /** The agent reports as long as `work` runs, so that switches come to their end. */
  following<T>(work: Promise<T>, said?: Partial<Report>): Promise<T>
  /** The agent reports some times. */
  settle(said?: Partial<Report>): Promise<void>
  /** The app and its first release, live. */
  openShop(): Promise<void>
  close(): Promise<void>
}

const everyMs = 20

export async function openScene(): Promise<Scene> {
  const control = await startControl(['eu-1'])
  const agent = await enrolAgent(control, 'eu-1', 'eu-1-a')
  const desk = createDesk({ SWITCHYARD_URL: control.url, SWITCHYARD_TOKEN: control.adminToken })

  async function follow(said: Partial<Report> = {}) {
    const snapshot = await control.call('GET', '/v1/clusters/eu-1/snapshot')
    const objects = snapshot.body.objects as unknown as SnapshotObject[]
    const positions: Record<string, Report['positions'][string]> = {}
    const ready: Record<string, number> = {}
    for (const object of objects) {
      if (object.kind === 'position') {
        const { generation: active, next } = object
        positions[object.app] = {
          prepared: next?.generation ?? 0,
          active,
          appliedMs: 1.5,
          activeForMs: 1,
        }
      }
      if (object.kind === 'backend') ready[object.release] = 1
    }
    await agent.report({ positions, readyEndpoints: ready, ...said })
  }
  const settle = async (said: Partial<Report> = {}) => {
    for (let n = 0; n < 5; n++) await follow(said)
  }

  return {
    control,
    desk,
    settle,
    async following(work, said) {
      let done = false
      const ended = () => {
        done = true
      }
      work.then(ended, ended)
      while (!done) {
        await follow(said)
        await new Promise((next) => setTimeout(next, everyMs))
      }
      return work
    },
    async openShop() {
      await control.call('PUT', '/v1/apps/shop', { body: { ...shop, clusters: ['eu-1'] } })
      await control.call('POST', '/v1/releases', { body: { app: 'shop', version: '1' } })
      await settle()
    },
    async close() {
      await control.stop()
      desk.remove()
    },
  }
}

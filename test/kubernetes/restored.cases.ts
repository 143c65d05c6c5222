/**
 * Chapter 12: etcd is restored from an older state, in which what was removed since is there again. Nobody's request
 * fails, what the snapshot does not want goes once more, and the next release works; no agent is restarted.
 */
import { expect, test } from 'vitest'
import { createHistory } from '../../bench/load/history.ts'
import { until } from '../../deploy/local/until.ts'
import { keptEtcd } from '../lab/etcd.ts'
import { underLoad } from '../story/scene.ts'
import { imageOf } from './images.ts'
import { decommission, everywhere, expectVersion, live, untilGone } from './scene.ts'
import type { StoryStage } from './story-stage.ts'

const app = 'restored'
const copies = 2
/** What follows the API server by versions that it has never had: who restores etcd restarts it. */
const followers = ['kube-controller-manager', 'kube-scheduler', 'kubelet']

export function restoredChapter(stageOf: () => StoryStage): void {
  test('etcd is restored from before a promotion', { timeout: 400_000 }, async ({ skip }) => {
    const stage = stageOf()
    const { client, home } = stage
    if (!home.lab) return skip('only a lab restores its etcd')
    const { lab } = home
    await stage.putApp(app, { intent: { copies } })
    const first = { app, version: '1', image: imageOf('1'), autoPromote: true }
    const { id: blue } = await stage.release(first)
    const { id: green } = await stage.release({ app, version: '2', image: imageOf('2') })
    const agents = async () => (await everywhere(stage, (one) => one.agents())).flat()
    const restarts = async () => (await agents()).map(({ name, uid }) => `${name} ${uid}`).sort()
    const before = await restarts()
    const etcd = keptEtcd(lab)
    await etcd.keep()

    const history = createHistory('1')
    await underLoad(stage, app, history, async () => {
      // Each agent has to see all endpoints again, now that the API server is back.
      const promote = () => client.step(green, 'promote', live)
      await history.move('2', () => until('it is promoted', promote, Boolean, 60_000, 200))
      await decommission(client, blue)
      await everywhere(stage, (cluster) => untilGone(cluster, 'deployment', blue))

      await etcd.restore()
      await until('what was', () => home.read('deployment', blue), Boolean, 60_000, 50)
      for (const name of followers) {
        await lab.part(name).kill()
        lab.part(name).start()
      }
      await untilGone(home, 'deployment', blue)
      await untilGone(home, 'service', blue)

      const next = { app, version: '1-again', image: imageOf('1'), autoPromote: true }
      await history.move('1', () => stage.release(next, 120_000))
    })
    await expectVersion(stage, app, '1')
    expect(await restarts()).toEqual(before)
  })
}

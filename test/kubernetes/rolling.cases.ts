/** Chapter 3: Kubernetes replaces the pods of one Deployment; what fails pauses with Kubernetes' own reason. */
import { describe, expect, test } from 'vitest'
import { createHistory } from '../../bench/load/history.ts'
import { until, untilPhase } from '../../deploy/local/until.ts'
import { underLoad } from '../story/scene.ts'
import { expectVersion, untilReplicas, untilWaits } from './scene.ts'
import { imageOf, type KubernetesStage, missingImage } from './stage.ts'

const app = 'rolling'
const copies = 3
/** Bounds that are quick to reach. */
const hurry = { maxSurge: 1, maxUnavailable: 0, progressDeadlineMs: 5_000 }

export function rollingChapter(stageOf: () => KubernetesStage): void {
  describe('rolling', () => {
    let first = ''
    let uid = ''

    test('the pods of the live Deployment are replaced by those of the next version', async () => {
      const stage = stageOf()
      await stage.putApp(app, { intent: { copies } })
      first = (await stage.release({ app, version: '1', image: imageOf('1'), autoPromote: true }))
        .id
      uid = (await stage.read('deployment', first)).metadata.uid
      const history = createHistory('1')
      await underLoad(stage, app, history, async () => {
        await history.move('2', () =>
          stage.release({
            ...{ app, version: '2', image: imageOf('2'), strategy: 'rolling' as const },
            ...{ rolling: hurry, autoPromote: true },
          }),
        )
      })
      await expectVersion(stage, app, '2')
      const { metadata } = await untilReplicas(stage, first, copies)
      expect(metadata.uid).toBe(uid)
      expect(metadata.labels).toMatchObject({ 'switchyard.dev/release': 'rolling-r2' })
    })

    test.each([
      ['an image that cannot be pulled', missingImage, 'lost', /ImagePullBackOff|ErrImagePull/],
      ['pods that are never ready', imageOf('never'), 'never', /ready/],
    ])('%s pauses it with the reason, and rollback goes back', async (_, image, version, words) => {
      const stage = stageOf()
      const { client } = stage.fleet
      await underLoad(stage, app, createHistory('2'), async () => {
        const { id } = await client.createRelease({
          ...{ app, version, image, strategy: 'rolling', rolling: hurry },
        })
        const { waiting } = await untilWaits(stage, id, 'paused', /ProgressDeadlineExceeded/)
        console.log(`${id}: ${waiting?.message}`)
        expect(waiting?.message).toMatch(words)
        await until(
          'Kubernetes has stopped replacing',
          () => stage.read('deployment', first),
          ({ spec }) => spec.paused === true,
        )
        await client.step(id, 'rollback')
        await untilPhase(client, 'rolling-r2', 'live', 40_000)
      })
      await untilReplicas(stage, first, copies)
      await expectVersion(stage, app, '2')
    })

    test('undo of a former release is a rolling release of its version', async () => {
      const stage = stageOf()
      const history = createHistory('2')
      await underLoad(stage, app, history, async () => {
        await history.move('1', () =>
          stage.release({
            app,
            undo: first,
            strategy: 'rolling',
            rolling: hurry,
            autoPromote: true,
          }),
        )
      })
      await expectVersion(stage, app, '1')
      expect((await untilReplicas(stage, first, copies)).metadata.uid).toBe(uid)
    })
  })
}

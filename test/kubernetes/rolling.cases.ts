/** Chapter 4: Kubernetes replaces the pods of one Deployment; what fails pauses with Kubernetes' own reason. */
import { describe, expect, test } from 'vitest'
import { createHistory } from '../../bench/load/history.ts'
import { type OpenStream, openStream } from '../../deploy/local/exchanges.ts'
import { until, untilPhase } from '../../deploy/local/until.ts'
import { underLoad } from '../story/scene.ts'
import { brokenVersion, crashingVersion, imageOf, missingImage } from './images.ts'
import { everywhere, expectVersion, untilReplicas, untilWaits } from './scene.ts'
import type { StoryStage } from './story-stage.ts'

const app = 'rolling'
const copies = 3
/** As with a preStop hook: whoever has not heard yet that a pod goes is answered. */
const env = { DRAIN_MS: '3000' }
/** Longer than it takes to replace all pods. */
const streamMs = 20_000
const streamsPerAgent = 3
const oneByOne = { maxSurge: 1, maxUnavailable: 0 }
/** For what never gets ready. */
const hurry = { ...oneByOne, progressDeadlineMs: 5_000 }

export function rollingChapter(stageOf: () => StoryStage): void {
  describe('rolling', () => {
    let first = ''
    let uids: readonly string[] = []

    test('the pods of the live Deployment are replaced by those of the next version', async () => {
      const stage = stageOf()
      await stage.putApp(app, { intent: { copies }, env })
      first = (await stage.release({ app, version: '1', image: imageOf('1'), autoPromote: true }))
        .id
      uids = await everywhere(
        stage,
        async ({ read }) => (await read('deployment', first)).metadata.uid,
      )
      const history = createHistory('1')
      await underLoad(stage, app, history, async () => {
        const streams = await openStreams(stage)
        await history.move('2', () =>
          stage.release({
            ...{ app, version: '2', image: imageOf('2'), strategy: 'rolling' as const },
            ...{ rolling: oneByOne, autoPromote: true },
          }),
        )
        // Every stream is still open, on a pod that goes: new requests reach new pods alone.
        const onPods = await goingPods(stage)
        for (const { version, pod } of streams) {
          expect(version).toBe('1')
          expect(onPods).toContain(pod)
        }
        await expectVersion(stage, app, '2')
        for (const { finished } of streams) {
          expect(await finished).toEqual({ bytes: 300_000, whole: true })
        }
      })
      await expectVersion(stage, app, '2')
      const replaced = await everywhere(stage, (cluster) => untilReplicas(cluster, first, copies))
      for (const [n, { metadata }] of replaced.entries()) {
        expect(metadata.uid).toBe(uids[n])
        expect(metadata.labels).toMatchObject({ 'switchyard.dev/release': 'rolling-r2' })
      }
    })

    test.each([
      ['an image that cannot be pulled', missingImage, 'lost', /ImagePullBackOff|ErrImagePull/],
      ['pods that crash again and again', imageOf(crashingVersion), 'crash', /CrashLoopBackOff/],
      ['pods that are never ready', imageOf(brokenVersion), brokenVersion, /ready/],
    ])('%s pauses it with the reason, and rollback goes back', async (_, image, version, words) => {
      const stage = stageOf()
      const { client } = stage
      await underLoad(stage, app, createHistory('2'), async () => {
        const { id } = await client.createRelease({
          ...{ app, version, image, strategy: 'rolling', rolling: hurry },
        })
        const { waiting } = await untilWaits(stage, id, 'paused', /ProgressDeadlineExceeded/)
        console.log(`${id}: ${waiting?.message}`)
        expect(waiting?.message).toMatch(words)
        await everywhere(stage, ({ name, read }) =>
          until(
            `Kubernetes has stopped replacing in ${name}`,
            () => read('deployment', first),
            ({ spec }) => spec.paused === true,
          ),
        )
        await client.step(id, 'rollback')
        await untilPhase(client, 'rolling-r2', 'live', 120_000)
      })
      await everywhere(stage, (cluster) => untilReplicas(cluster, first, copies))
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
            rolling: oneByOne,
            autoPromote: true,
          }),
        )
      })
      await expectVersion(stage, app, '1')
      const back = await everywhere(stage, (cluster) => untilReplicas(cluster, first, copies))
      expect(back.map(({ metadata }) => metadata.uid)).toEqual(uids)
    })
  })
}

async function openStreams(stage: StoryStage): Promise<readonly OpenStream[]> {
  const opened = (await stage.targets()).flatMap((target) =>
    Array.from({ length: streamsPerAgent }, () => openStream(target, `${app}.example`, streamMs)),
  )
  return Promise.all(opened)
}

/** Of all clusters: those that were told to end and have not ended yet. */
async function goingPods(stage: StoryStage): Promise<readonly string[]> {
  const found = await everywhere(stage, ({ read }) =>
    read<{ items: { metadata: { name: string; deletionTimestamp?: string } }[] }>(
      ...['pods', '--selector', `switchyard.dev/app=${app}`],
    ),
  )
  return found
    .flatMap(({ items }) => items)
    .filter(({ metadata }) => metadata.deletionTimestamp)
    .map(({ metadata }) => metadata.name)
}

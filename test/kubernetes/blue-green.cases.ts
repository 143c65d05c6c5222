/** Chapter 1: releases by image. Two versions side by side, one switch, and back; nothing that is open is cut. */
import { describe, expect, test } from 'vitest'
import { createHistory } from '../../bench/load/history.ts'
import { lastSentMs } from '../../bench/load/verdict.ts'
import { openStream } from '../../deploy/local/exchanges.ts'
import { until } from '../../deploy/local/until.ts'
import { underLoad } from '../story/scene.ts'
import { imageOf } from './images.ts'
import { decommission, everywhere, expectVersion, live, untilGone } from './scene.ts'
import type { StoryStage } from './story-stage.ts'

const app = 'shop'
const authority = `${app}.example`
/** Promised (P9). */
const rollbackMsMax = 1_000

export function blueGreenChapter(stageOf: () => StoryStage): void {
  describe('blue-green by image', () => {
    let blue = ''
    let green = ''

    test('the first release is made of the template, and goes live by itself', async () => {
      const stage = stageOf()
      await stage.putApp(app, { intent: { copies: 2 } })
      const first = { app, version: '1', image: imageOf('1'), autoPromote: true }
      blue = (await stage.release(first)).id
      await expectVersion(stage, app, '1')
      await everywhere(stage, async (cluster) => {
        const { metadata, spec } = await cluster.read('deployment', blue)
        expect(spec.replicas).toBe(2)
        expect(metadata.labels).toMatchObject({
          'app.kubernetes.io/name': app,
          'app.kubernetes.io/version': '1',
          'app.kubernetes.io/managed-by': 'switchyard',
          'switchyard.dev/release': blue,
        })
        expect((await cluster.read('deployment', app)).spec.replicas).toBe(0)
      })
    })

    test('the candidate answers on its preview only, rewritten to its root', async () => {
      const stage = stageOf()
      await underLoad(stage, app, createHistory('1'), async () => {
        const intent = { app, version: '2', image: imageOf('2'), preview: { path: '/test' } }
        green = (await stage.release(intent)).id
        await until(
          'the preview at every agent',
          async () => Object.values(await stage.ask(app, '/test/cart')),
          (answers) =>
            answers.every(({ version, path }) => version === '2' && path === '/cart') &&
            answers.length > 0,
        )
        await expectVersion(stage, app, '1')
      })
    })

    test('after promote has answered no new request reaches blue, and a stream at each agent ends on blue', async () => {
      const stage = stageOf()
      const { client } = stage
      const history = createHistory('1')
      let promoted = { calledMs: 0, answeredMs: 0 }
      const result = await underLoad(stage, app, history, async () => {
        const targets = await stage.targets()
        const streams = await Promise.all(
          targets.map((target) => openStream(target, authority, 2_000)),
        )
        for (const { version } of streams) expect(version).toBe('1')
        promoted = await history.move('2', () => client.step(green, 'promote', live))
        expect((await client.getRelease(green)).phase).toBe('live')
        for (const { finished } of streams) {
          expect(await finished).toEqual({ bytes: 300_000, whole: true })
        }
      })
      const { calledMs, answeredMs } = promoted
      console.log(
        `promote: answered in ${(answeredMs - calledMs).toFixed(1)} ms, last request on blue sent ` +
          `${((lastSentMs(result.samples, '1') ?? calledMs) - calledMs).toFixed(1)} ms after the call`,
      )
    })

    test('rollback is the same in reverse, without a preparation', async () => {
      const stage = stageOf()
      const { client } = stage
      const history = createHistory('2')
      await underLoad(stage, app, history, async () => {
        const { calledMs, answeredMs } = await history.move('1', () =>
          client.step(green, 'rollback', live),
        )
        console.log(`rollback: answered in ${(answeredMs - calledMs).toFixed(1)} ms`)
        expect(answeredMs - calledMs).toBeLessThan(rollbackMsMax)
        expect((await client.getRelease(blue)).phase).toBe('live')
      })
    })

    test('decommission takes Deployment and Service of blue away, and nobody notices', async () => {
      const stage = stageOf()
      const { client } = stage
      const history = createHistory('1')
      await underLoad(stage, app, history, async () => {
        await history.move('2', () => client.step(green, 'promote', live))
        await decommission(client, blue)
        await everywhere(stage, async (cluster) => {
          await untilGone(cluster, 'deployment', blue)
          await untilGone(cluster, 'service', blue)
        })
      })
      await expectVersion(stage, app, '2')
    })
  })
}

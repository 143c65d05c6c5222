/** Chapter 2: a share of the users first, in both clusters; whoever has seen the new version stays with it. */
import { describe, expect, test } from 'vitest'
import { createHistory } from '../../bench/load/history.ts'
import { type LoadResult, monotonicMs, type Sample } from '../../bench/load/plan.ts'
import { isShare, shareOf, wentBack } from '../../bench/load/users.ts'
import { until, untilPhase } from '../../deploy/local/until.ts'
import { expectFlawless } from '../story/scene.ts'
import { imageOf } from './images.ts'
import { expectVersion, live } from './scene.ts'
import type { StoryStage } from './story-stage.ts'

const app = 'canary'
const users = 300
const weights = [10, 50, 100]

export function canaryChapter(stageOf: () => StoryStage): void {
  describe('canary', () => {
    test(`${weights.join(', then ')} percent of the users, and nobody goes back`, async () => {
      const stage = stageOf()
      const { client } = stage
      await stage.putApp(app)
      await stage.release({ app, version: '1', image: imageOf('1'), autoPromote: true })
      const history = createHistory('1')
      const steps: { weight: number; calledMs: number; answeredMs: number; untilMs: number }[] = []
      const load = await stage.load(app, { users })
      const untilMostHaveAsked = async () => {
        const { done } = await load.counts()
        await until('more have asked', load.counts, (now) => now.done > done + 2 * users, 60_000)
      }
      let result: LoadResult
      try {
        const { id } = await stage.release({
          ...{ app, version: '2', image: imageOf('2'), strategy: 'canary' as const },
          steps: weights.map((weight) => ({ weight, pause: { until: 'promote' as const } })),
        })
        for (const weight of weights) {
          const after = weight === 100 ? '2' : ['2', '1']
          const moved = await history.move(after, () => client.step(id, 'promote', live))
          await untilMostHaveAsked()
          steps.push({ weight, ...moved, untilMs: monotonicMs() })
        }
        await untilPhase(client, id, 'live')
      } finally {
        result = await load.stop()
      }
      expectFlawless(result, history)
      const { samples } = result
      for (const { weight, answeredMs, untilMs } of steps) {
        const share = shareOf(samples, '2', answeredMs, untilMs)
        console.log(`${weight} %: answered ${share.answered} of the ${share.users} users who asked`)
        expect(isShare(share, weight), `${weight} %: ${JSON.stringify(share)}`).toBe(true)
      }
      expect(wentBack(samples.map(byNobody), '2', steps)).toEqual([])
      await expectVersion(stage, app, '2')
    })
  })
}

/** Behind a Service nobody sees which of its agents has answered. */
const byNobody = (sample: Sample, n: number): Sample => ({ ...sample, target: String(n) })

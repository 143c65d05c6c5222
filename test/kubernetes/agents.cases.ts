/** Chapter 6: the agents themselves are replaced, one after another, while everybody asks through their Service. */
import { describe, expect, test } from 'vitest'
import { createHistory } from '../../bench/load/history.ts'
import { underLoad } from '../story/scene.ts'
import { imageOf } from './images.ts'
import { everywhere, expectVersion } from './scene.ts'
import { type StoryStage, systemNamespace } from './story-stage.ts'

const app = 'steady'
const ratePerSecond = 500

export interface HowOftenReplaced {
  readonly times: number
}

export function agentsChapter(stageOf: () => StoryStage, { times }: HowOftenReplaced): void {
  describe('the agents', () => {
    test(`restarted one after another, ${times} times, in both clusters at once: nobody notices`, {
      timeout: 120_000 + times * 120_000,
    }, async () => {
      const stage = stageOf()
      await stage.putApp(app, { intent: { copies: 2 } })
      await stage.release({ app, version: '1', image: imageOf('1'), autoPromote: true })
      const scene = async () => {
        for (let time = 0; time < times; time++) {
          const before = await uidsOf(stage)
          await everywhere(stage, async (cluster) => {
            const restart = ['rollout', 'restart', 'statefulset/switchyard-agent']
            await cluster.kubectl([...restart, '-n', systemNamespace])
            await cluster.untilAgentsReady()
          })
          const after = await uidsOf(stage)
          expect(after.size).toBe(before.size)
          for (const uid of before) expect(after).not.toContain(uid)
        }
      }
      const result = await underLoad(stage, app, createHistory('1'), scene, { ratePerSecond })
      console.log(
        `agents restarted: ${result.samples.length} requests, 0 failed, ${result.lost} idle connections closed`,
      )
      await expectVersion(stage, app, '1')
    })
  })
}

async function uidsOf(stage: StoryStage): Promise<ReadonlySet<string>> {
  const agents = await everywhere(stage, (cluster) => cluster.agents())
  return new Set(agents.flat().map(({ uid }) => uid))
}

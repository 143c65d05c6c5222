/**
 * The story on a real Kubernetes, twice: `deploy/all-in-one` in one cluster, `deploy/agent-only` in another, agents
 * and applications as pods, under an open-loop load inside both that counts every failed and misrouted request.
 */
import { afterAll, afterEach, beforeAll, describe } from 'vitest'
import { whyNoLab } from '../lab/availability.ts'
import { adoptedChapter } from './adopted.cases.ts'
import { agentsChapter } from './agents.cases.ts'
import { badInputChapter } from './bad-input.cases.ts'
import { blueGreenChapter } from './blue-green.cases.ts'
import { canaryChapter } from './canary.cases.ts'
import { faultsChapter } from './faults.cases.ts'
import { flipsChapter } from './flips.cases.ts'
import { ingressChapter } from './ingress.cases.ts'
import { isLong } from './long-form.ts'
import { openStory } from './open-story.ts'
import { outsideContexts } from './outside-place.ts'
import { restoredChapter } from './restored.cases.ts'
import { rollingChapter } from './rolling.cases.ts'
import { scaleChapter } from './scale.cases.ts'
import type { StoryStage } from './story-stage.ts'
import { underOurFeetChapter } from './under-our-feet.cases.ts'

const often = isLong()
  ? { cycles: { exiting: 50, draining: 10 }, agents: 5, flips: 100, selectorFlips: 50 }
  : { cycles: { exiting: 5, draining: 2 }, agents: 1, flips: 10, selectorFlips: 6 }
const away = { apiServerMs: isLong() ? 600_000 : 60_000, clusterMs: 60_000 }
const whyNot = outsideContexts() ? null : whyNoLab({ nodes: true, images: true })

describe.skipIf(whyNot)('the story on Kubernetes', { timeout: 300_000 }, () => {
  let stage: StoryStage
  beforeAll(async () => {
    stage = await openStory((line) => console.log(line))
  }, 1_800_000)
  afterAll(() => stage?.close(), 300_000)
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail' && stage) console.log(await stage.tails())
  })

  blueGreenChapter(() => stage)
  canaryChapter(() => stage)
  adoptedChapter(() => stage)
  rollingChapter(() => stage)
  scaleChapter(() => stage, often.cycles)
  agentsChapter(() => stage, { times: often.agents })
  badInputChapter(() => stage)
  underOurFeetChapter(() => stage)
  faultsChapter(() => stage, away)
  flipsChapter(() => stage, { flips: often.flips })
  ingressChapter(() => stage, { flips: often.selectorFlips })
  restoredChapter(() => stage)
})

/**
 * The story on a real Kubernetes: control and two agents as processes in a lab's network, the applications as its
 * pods, under an open-loop load that counts every failed and every misrouted request.
 */
import { afterAll, afterEach, beforeAll, describe } from 'vitest'
import { whyNoLab } from '../lab/availability.ts'
import { adoptedChapter } from './adopted.cases.ts'
import { badInputChapter } from './bad-input.cases.ts'
import { blueGreenChapter } from './blue-green.cases.ts'
import { isLong } from './long-form.ts'
import { rollingChapter } from './rolling.cases.ts'
import { scaleChapter } from './scale.cases.ts'
import { type KubernetesStage, openStage } from './stage.ts'

const cycles = isLong() ? 50 : 2

describe.skipIf(whyNoLab({ nodes: true }))('the story on Kubernetes', { timeout: 90_000 }, () => {
  let stage: KubernetesStage
  beforeAll(async () => {
    stage = await openStage((line) => console.log(line))
  }, 300_000)
  afterAll(() => stage?.close())
  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail' || !stage) return
    console.log(stage.fleet.tails())
    const kinds = 'deployments,replicasets,pods,services,endpointslices'
    console.log(await stage.cluster.kubectl(['get', kinds, '--namespace', 'shop', '--show-labels']))
  })

  blueGreenChapter(() => stage)
  adoptedChapter(() => stage)
  rollingChapter(() => stage)
  scaleChapter(() => stage, { cycles })
  badInputChapter(() => stage)
})

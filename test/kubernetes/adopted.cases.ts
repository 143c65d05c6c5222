/** Chapter 3: Deployments that are there already, `app-blue` and `app-green`, are released as they are. */
import { describe, expect, test } from 'vitest'
import { createHistory } from '../../bench/load/history.ts'
import { underLoad } from '../story/scene.ts'
import { imageOf } from './images.ts'
import { decommission, everywhere, expectVersion, live, untilGone } from './scene.ts'
import { shopDeployment } from './shop-deployment.ts'
import type { StoryStage } from './story-stage.ts'

const app = 'web'
const deploymentOf = (color: string, version: string) => {
  const labels = { run: 'app', version: `0.0.${version}` }
  const env = { VERSION: labels.version }
  return shopDeployment({ name: `app-${color}`, labels, env }, imageOf(version))
}

export function adoptedChapter(stageOf: () => StoryStage): void {
  describe('blue-green with Deployments that are there', () => {
    let blue = ''
    let green = ''

    test('app-blue is adopted as it is: its pods stay', async () => {
      const stage = stageOf()
      await stage.putApp(app)
      await everywhere(stage, async ({ apply, kubectl }) => {
        await apply(deploymentOf('blue', '1'), deploymentOf('green', '2'))
        await kubectl([
          ...['wait', 'deployment/app-blue', 'deployment/app-green', '--namespace', 'shop'],
          ...['--for=condition=Available', '--timeout=60s'],
        ])
      })
      const before = await podsOf(stage, '0.0.1')
      const first = { app, version: '0.0.1', deployment: 'app-blue', autoPromote: true }
      blue = (await stage.release(first)).id
      await expectVersion(stage, app, '0.0.1')
      expect(await podsOf(stage, '0.0.1')).toEqual(before)
    })

    test('promote to app-green and rollback under load', async () => {
      const stage = stageOf()
      const { client } = stage
      const history = createHistory('0.0.1')
      await underLoad(stage, app, history, async () => {
        green = (await stage.release({ app, version: '0.0.2', deployment: 'app-green' })).id
        for (let round = 0; round < 3; round++) {
          await history.move('0.0.2', () => client.step(green, 'promote', live))
          await history.move('0.0.1', () => client.step(green, 'rollback', live))
        }
        await history.move('0.0.2', () => client.step(green, 'promote', live))
      })
    })

    test('decommission scales app-blue to nothing and gives it back', async () => {
      const stage = stageOf()
      const { client } = stage
      await underLoad(stage, app, createHistory('0.0.2'), async () => {
        await decommission(client, blue)
        await everywhere(stage, (cluster) => untilGone(cluster, 'service', blue))
      })
      await everywhere(stage, async ({ read }) => {
        const { metadata, spec } = await read('deployment', 'app-blue')
        expect(spec.replicas).toBe(0)
        expect(metadata.labels).toEqual({ run: 'app', version: '0.0.1' })
      })
    })
  })
}

/** Of all clusters. */
const podsOf = (stage: StoryStage, version: string) =>
  everywhere(stage, async ({ read }) => {
    const { items } = await read<{ items: { metadata: { uid: string } }[] }>(
      ...['pods', '--selector', `run=app,version=${version}`],
    )
    return items.map(({ metadata }) => metadata.uid)
  })

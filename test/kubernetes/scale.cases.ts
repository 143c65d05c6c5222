/** Chapter 5: others scale and restart a Deployment, again and again, and its pods end at once when told to. */
import { describe, test } from 'vitest'
import { createHistory } from '../../bench/load/history.ts'
import { until } from '../../deploy/local/until.ts'
import { imageOf } from './images.ts'
import { isLong } from './long-form.ts'
import { everywhere, underDeaths, untilReplicas } from './scene.ts'
import { namespace, type StoryCluster, type StoryStage } from './story-stage.ts'

const app = 'scaled'
/** Of both clusters together. The short form runs beside other tests on one small machine. */
const ratePerSecond = isLong() ? 500 : 200

export interface HowLong {
  /** Cycles of 1 → 10 → 2, and restarts. */
  readonly cycles: number
}

export function scaleChapter(stageOf: () => StoryStage, { cycles }: HowLong): void {
  describe('pods without a preStop hook that exit at once on SIGTERM', () => {
    let release = ''
    const scaleTo = async (cluster: StoryCluster, count: number) => {
      const scale = ['scale', 'deployment', release, '--namespace', namespace]
      await cluster.kubectl([...scale, `--replicas=${count}`])
      await untilReplicas(cluster, release, count)
    }

    test(`scaled 1 → 10 → 2, ${cycles} times`, { timeout: 60_000 + cycles * 90_000 }, async () => {
      const stage = stageOf()
      await stage.putApp(app, { env: { ON_SIGTERM: 'exit' } })
      const first = { app, version: '1', image: imageOf('1'), autoPromote: true }
      release = (await stage.release(first)).id
      const scene = async () => {
        for (let cycle = 0; cycle < cycles; cycle++) {
          for (const count of [1, 10, 2]) {
            await everywhere(stage, (cluster) => scaleTo(cluster, count))
          }
        }
      }
      await underDeaths(stage, app, createHistory('1'), scene, { ratePerSecond })
    })

    test(`restarted ${cycles} times`, { timeout: 60_000 + cycles * 60_000 }, async () => {
      const stage = stageOf()
      const scene = async () => {
        for (let cycle = 0; cycle < cycles; cycle++) {
          await everywhere(stage, (cluster) => restart(cluster, release))
        }
      }
      await underDeaths(stage, app, createHistory('1'), scene, { ratePerSecond })
    })
  })
}

interface Observed {
  readonly metadata: { readonly generation: number }
  readonly spec: { readonly replicas: number }
  readonly status: {
    readonly observedGeneration?: number
    readonly updatedReplicas?: number
    readonly availableReplicas?: number
    readonly replicas?: number
  }
}

async function restart(cluster: StoryCluster, deployment: string): Promise<void> {
  await cluster.kubectl(['rollout', 'restart', `deployment/${deployment}`, '-n', namespace])
  await until(
    `${deployment} has restarted in ${cluster.name}`,
    () => cluster.read<Observed>('deployment', deployment),
    ({ metadata, spec, status }) =>
      status.observedGeneration === metadata.generation &&
      status.updatedReplicas === spec.replicas &&
      status.availableReplicas === spec.replicas &&
      status.replicas === spec.replicas,
    60_000,
    200,
  )
}

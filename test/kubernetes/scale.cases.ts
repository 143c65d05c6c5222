/** Chapter 5: others scale and restart a Deployment, again and again; nothing tells the agents before its pods do. */
import { afterAll, describe, test } from 'vitest'
import { createHistory } from '../../bench/load/history.ts'
import { imageOf } from './images.ts'
import { everywhere, underDeaths, untilObject, untilReplicas } from './scene.ts'
import { namespace, type StoryCluster, type StoryStage } from './story-stage.ts'

/** Of both clusters together. */
const ratePerSecond = 500

/** Cycles of 1 → 10 → 2, and restarts. */
export interface HowManyCycles {
  readonly exiting: number
  readonly draining: number
}

const kinds = [
  { name: 'exiting', what: 'exit at once on SIGTERM', onSigterm: 'exit', mayBeCut: undefined },
  {
    name: 'draining',
    what: 'close their listener on SIGTERM and finish what is in flight',
    onSigterm: 'drain',
    mayBeCut: ['sent'],
  },
] as const

export function scaleChapter(stageOf: () => StoryStage, cyclesOf: HowManyCycles): void {
  describe.each(kinds)(
    'pods without a preStop hook that $what',
    ({ name, onSigterm, mayBeCut }) => {
      const app = `scaled-${name}`
      const cycles = cyclesOf[name]
      let release = ''
      const scaleTo = async (cluster: StoryCluster, count: number) => {
        const scale = ['scale', 'deployment', release, '--namespace', namespace]
        await cluster.kubectl([...scale, `--replicas=${count}`])
        await untilReplicas(cluster, release, count)
      }
      // The next chapters need the room.
      afterAll(async () => {
        const scale = ['scale', 'deployment', release, '--namespace', namespace, '--replicas=0']
        if (release) await everywhere(stageOf(), ({ kubectl }) => kubectl(scale))
      }, 60_000)
      const underAll = async (scene: () => Promise<void>) => {
        await underDeaths(stageOf(), app, createHistory('1'), scene, { ratePerSecond }, mayBeCut)
      }

      test(`scaled 1 → 10 → 2, ${cycles} times`, {
        timeout: 60_000 + cycles * 90_000,
      }, async () => {
        const stage = stageOf()
        await stage.putApp(app, { env: { ON_SIGTERM: onSigterm } })
        const first = { app, version: '1', image: imageOf('1'), autoPromote: true }
        release = (await stage.release(first)).id
        await underAll(async () => {
          for (let cycle = 0; cycle < cycles; cycle++) {
            for (const count of [1, 10, 2]) {
              await everywhere(stage, (cluster) => scaleTo(cluster, count))
            }
          }
        })
      })

      test(`restarted ${cycles} times`, { timeout: 60_000 + cycles * 60_000 }, async () => {
        const stage = stageOf()
        await underAll(async () => {
          for (let cycle = 0; cycle < cycles; cycle++) {
            await everywhere(stage, (cluster) => restart(cluster, release))
          }
        })
      })
    },
  )
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
  await untilObject<Observed>(
    `${deployment} has restarted`,
    cluster,
    ['deployment', deployment],
    ({ metadata, spec, status }) =>
      status.observedGeneration === metadata.generation &&
      status.updatedReplicas === spec.replicas &&
      status.availableReplicas === spec.replicas &&
      status.replicas === spec.replicas,
    60_000,
  )
}

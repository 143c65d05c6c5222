/** Chapter 3: Deployments that are there already, `app-blue` and `app-green`, are released as they are. */
import { describe, expect, test } from 'vitest'
import { createHistory } from '../../bench/load/history.ts'
import { defaultKinds, type LoadResult } from '../../bench/load/plan.ts'
import { until } from '../../deploy/local/until.ts'
import { demoPort, demoService } from '../lab/demo-image.ts'
import { expectFlawless, underLoad } from '../story/scene.ts'
import { imageOf } from './images.ts'
import { decommission, everywhere, expectVersion, live, untilGone } from './scene.ts'
import { shopDeployment } from './shop-deployment.ts'
import { namespace, type StoryLoad, type StoryStage } from './story-stage.ts'

const app = 'web'
/** The application's own Service, whose clients are inside the cluster and pass the agents by. */
const front = 'front'
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
      const service = demoService(front, { run: 'app', version: '0.0.1' })
      await everywhere(stage, async ({ apply, kubectl }) => {
        await apply(service, deploymentOf('blue', '1'), deploymentOf('green', '2'))
        await kubectl([
          ...['wait', 'deployment/app-blue', 'deployment/app-green', '--namespace', 'shop'],
          ...['--for=condition=Available', '--timeout=60s'],
        ])
      })
      const platform = { type: 'kubernetes', namespace, port: demoPort, service: front } as const
      await stage.putApp(app, { intent: { platform } })
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

    test("the application's own Service follows each POST, and clients inside the cluster with it", async () => {
      const stage = stageOf()
      const { client } = stage
      await untilSelects(stage, '0.0.2')
      const plan = { ratePerSecond: 100, freshShare: 1, kinds: defaultKinds.slice(0, 1) }
      const history = createHistory('0.0.1')
      // What is selected since the test before is not yet what every node goes by.
      const { answer: load } = await history.move('0.0.2', async () => {
        const started = await stage.load(app, plan, front)
        await untilAnswers(started, '0.0.2')
        return started
      })
      let result: LoadResult
      try {
        for (const [step, version] of [
          ['rollback', '0.0.1'],
          ['promote', '0.0.2'],
        ] as const) {
          await history.move(version, async () => {
            await client.step(green, step, live)
            await untilSelects(stage, version)
            await untilAnswers(load, version)
          })
        }
      } finally {
        result = await load.stop()
      }
      expectFlawless(result, history)
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

/** In every cluster. */
const untilSelects = (stage: StoryStage, version: string) =>
  everywhere(stage, ({ name, read }) =>
    until(
      `${front} in ${name} selects ${version}`,
      () => read<{ spec: { selector: object } }>('service', front),
      ({ spec }) => JSON.stringify(spec.selector) === JSON.stringify({ run: 'app', version }),
      30_000,
    ),
  )

/** So many in a row, of all clusters together, that none of them can be left behind. */
const inRow = 50

/** kube-proxy of each node follows in its own time; from then on this version alone. */
async function untilAnswers(load: StoryLoad, version: string): Promise<void> {
  let before = (await load.counts()).byVersion
  const answered = async () => {
    const now = (await load.counts()).byVersion
    const more = Object.keys(now).map((one) => [one, now[one]! - (before[one] ?? 0)] as const)
    const others = more.some(([one, count]) => one !== version && count > 0)
    if (others) before = now
    return others ? 0 : (now[version] ?? 0) - (before[version] ?? 0)
  }
  await until(`${front} answers with ${version}`, answered, (count) => count >= inRow, 30_000, 50)
}

/** Of all clusters. */
const podsOf = (stage: StoryStage, version: string) =>
  everywhere(stage, async ({ read }) => {
    const { items } = await read<{ items: { metadata: { uid: string } }[] }>(
      ...['pods', '--selector', `run=app,version=${version}`],
    )
    return items.map(({ metadata }) => metadata.uid)
  })

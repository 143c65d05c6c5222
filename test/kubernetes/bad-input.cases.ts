/** Chapter 7: what cannot work says what is wrong, where, and what to do; everybody else is served on. */
import { describe, expect, test } from 'vitest'
import { createHistory } from '../../bench/load/history.ts'
import { until } from '../../deploy/local/until.ts'
import { demoPort } from '../lab/demo-image.ts'
import { underLoad } from '../story/scene.ts'
import { imageOf, missingImage } from './images.ts'
import { closedNamespace } from './outside-place.ts'
import { everywhere, expectVersion, untilWaits } from './scene.ts'
import type { StoryStage } from './story-stage.ts'

const app = 'careful'
const authorityOf = (name: string) => `${name}.example`

export function badInputChapter(stageOf: () => StoryStage): void {
  describe('bad input', () => {
    const refusedIn = async (
      stage: StoryStage,
      intent: Parameters<StoryStage['release']>[0],
      words: RegExp,
    ) => {
      const { id } = await stage.client.createRelease(intent)
      const { phase } = await untilWaits(stage, id, 'endpoints', words)
      expect(phase).toBe('starting')
      return id
    }

    test('a Deployment that is not there, and an image that cannot be pulled', async () => {
      const stage = stageOf()
      const { client } = stage
      await stage.putApp(app)
      await stage.release({ app, version: '1', image: imageOf('1'), autoPromote: true })
      await underLoad(stage, app, createHistory('1'), async () => {
        const nowhere = await refusedIn(
          stage,
          { app, version: '2', deployment: 'app-nowhere' },
          /Deployment "app-nowhere" in namespace "shop" is not there/,
        )
        await client.step(nowhere, 'abort')
        const lost = await refusedIn(
          stage,
          { app, version: '3', image: missingImage },
          /ErrImagePull|ImagePullBackOff/,
        )
        await client.step(lost, 'abort')
      })
      await expectVersion(stage, app, '1')
    })

    test('a namespace that did not opt in, and one that is not there', async () => {
      const stage = stageOf()
      await everywhere(stage, ({ kubectl }) => kubectl(['create', 'namespace', closedNamespace]))
      for (const [name, words] of [
        [closedNamespace, /namespace "closed" has not opted in: kubectl apply -n closed/],
        ['nowhere', /namespace "nowhere" is not there: kubectl create namespace nowhere/],
      ] as const) {
        const platform = { type: 'kubernetes', namespace: name, port: demoPort } as const
        await stage.putApp(name, { intent: { hosts: [authorityOf(name)], platform } })
        const id = await refusedIn(stage, { app: name, version: '1', image: imageOf('1') }, words)
        await stage.client.step(id, 'abort')
      }
      const made = await everywhere(stage, ({ kubectl }) =>
        kubectl(['get', 'deployments,services', '-n', closedNamespace]),
      )
      for (const text of made) expect(text).toBe('')
    })

    test('two apps that claim one Deployment: who came first keeps it, and both say so', async () => {
      const stage = stageOf()
      const { client } = stage
      const holder = (await client.releases('web')).find(({ phase }) => phase === 'live')!
      await stage.putApp('thief')
      await underLoad(stage, 'web', createHistory(holder.version), async () => {
        const thief = await refusedIn(
          stage,
          { app: 'thief', version: '1', deployment: 'app-green' },
          new RegExp(`"app-green" in namespace "shop" is claimed by ${holder.id}`),
        )
        await everywhere(stage, ({ name, kubectl }) =>
          until(
            `the Deployment in ${name} says it too`,
            () => kubectl(['events', '-n', 'shop', '--for', 'deployment/app-green']),
            (text) => text.includes('thief-r1 names Deployment "app-green" too, and is refused'),
          ),
        )
        await client.step(thief, 'abort')
      })
      await expectVersion(stage, 'web', holder.version)
    })
  })
}

/** Chapter 8: others delete what is ours, and Ingress objects want what releases have. */
import { beforeAll, describe, expect, test } from 'vitest'
import { createHistory } from '../../bench/load/history.ts'
import { until } from '../../deploy/local/until.ts'
import { deploy } from '../install/rendered.ts'
import { demoPort, demoService } from '../lab/demo-image.ts'
import { underLoad } from '../story/scene.ts'
import { imageOf } from './images.ts'
import { expectVersion, untilReplicas } from './scene.ts'
import { shopDeployment } from './shop-deployment.ts'
import { namespace, type StoryStage } from './story-stage.ts'

const app = 'kept'
const copies = 2
/** A busy machine takes its time. */
const withinMs = 120_000

interface Named {
  readonly metadata: { readonly name: string; readonly uid: string }
}

export function underOurFeetChapter(stageOf: () => StoryStage): void {
  describe('deleted under our feet', () => {
    let release = ''
    const troublesOf = async (id: string) =>
      (await stageOf().client.getRelease(id)).troubles.join('\n')

    beforeAll(async () => {
      const stage = stageOf()
      await stage.putApp(app, { intent: { copies } })
      const first = { app, version: '1', image: imageOf('1'), autoPromote: true }
      release = (await stage.release(first)).id
    }, 300_000)

    test('EndpointSlices, then the Service: the pods are served on, and both are made again', async () => {
      const { home } = stageOf()
      const slices = async () => {
        const labels = ['endpointslices', '-l', `switchyard.dev/release=${release}`]
        const { items } = await home.read<{ items: (Named & { endpoints?: unknown[] })[] }>(
          ...labels,
        )
        return items
      }
      const service = () => home.read<Named>('service', release)
      const isMadeAgain =
        (before: Named) =>
        ({ metadata }: Named) =>
          metadata.uid !== before.metadata.uid
      await underLoad(stageOf(), app, createHistory('1'), async () => {
        for (const kind of ['endpointslice', 'service'] as const) {
          const [slice] = await slices()
          const was = kind === 'service' ? await service() : slice!
          await home.kubectl(['delete', kind, was.metadata.name, '-n', namespace])
          if (kind === 'service') await until('the Service', service, isMadeAgain(was), withinMs)
          await until(
            'its endpoints',
            slices,
            ([one]) =>
              one !== undefined && isMadeAgain(slice!)(one) && one.endpoints?.length === copies,
            withinMs,
          )
        }
      })
      await expectVersion(stageOf(), app, '1')
    })

    test('a Deployment is made again; other apps do not notice', async () => {
      const stage = stageOf()
      const { home } = stage
      await stage.putApp('neighbour')
      const next = { app: 'neighbour', version: '1', image: imageOf('1'), autoPromote: true }
      await stage.release(next)
      await underLoad(stage, 'neighbour', createHistory('1'), async () => {
        const before = await home.read<Named>('deployment', release)
        await home.kubectl(['delete', 'deployment', release, '-n', namespace])
        const { metadata } = await untilReplicas(home, release, copies)
        expect(metadata.uid).not.toBe(before.metadata.uid)
      })
      await until(
        'it answers again',
        () => expectVersion(stage, app, '1').then(() => true),
        Boolean,
      )
    })

    test('a namespace: the release says so, and is back with the namespace', async () => {
      const stage = stageOf()
      const { client, home } = stage
      const own = 'doomed'
      const open = async () => {
        await home.kubectl(['create', 'namespace', own])
        await home.kubectl(['apply', '-n', own, '-k', `${deploy}/namespace`])
        await home.kubectl(['label', 'namespace', own, 'switchyard.dev/managed=true'])
        const template = shopDeployment({ name: own, replicas: 0 })
        await home.kubectl(['apply', '-n', own, '-f', '-'], JSON.stringify(template))
      }
      await open()
      const platform = { type: 'kubernetes', namespace: own, port: demoPort } as const
      await client.putApp(own, { clusters: [home.name], hosts: [`${own}.example`], platform })
      const first = { app: own, version: '1', image: imageOf('1'), autoPromote: true }
      const { id } = await stage.release(first)
      const answers = async () =>
        Object.entries(await stage.ask(own)).filter(([at]) => at.startsWith(home.name))
      await underLoad(stage, 'neighbour', createHistory('1'), async () => {
        await home.kubectl(['delete', 'namespace', own, '--timeout=180s'])
        await until(
          'the release says it',
          () => troublesOf(id),
          (text) =>
            text.includes(`namespace "${own}" is not there: kubectl create namespace ${own}`),
          withinMs,
        )
        await open()
        await until(
          'every agent of the cluster has it again',
          answers,
          (all) => all.length > 0 && all.every(([, { version }]) => version === '1'),
          withinMs,
          200,
        )
      })
      await until(
        'nothing is wrong',
        () => troublesOf(id),
        (text) => text === '',
        withinMs,
      )
      await home.kubectl(['delete', 'namespace', own, '--wait=false'])
    })
  })

  describe('an Ingress and a release that say the same', () => {
    test('the older route stays: the Ingress is refused, and both say so', async () => {
      const stage = stageOf()
      const { client, home } = stage
      const [{ id } = { id: '' }] = await client.releases(app)
      await underLoad(stage, app, createHistory('1'), async () => {
        await home.apply(plain, ingress('late', `${app}.example`))
        await until(
          'the release says it',
          async () => (await client.getRelease(id)).troubles.join('\n'),
          (text) =>
            text.includes(`${home.name}: Ingress ${namespace}/late says the same as route/${app}/`),
          withinMs,
        )
        const shown = await client.call<{ ingresses: readonly Refused[] }>(
          ...(['GET', `/v1/clusters/${home.name}/ingresses`] as const),
        )
        expect(shown.ingresses).toContainEqual(
          expect.objectContaining({
            name: 'late',
            refused: { code: 'route-conflict', detail: expect.stringContaining(`route/${app}/`) },
          }),
        )
        await until(
          'the Ingress says it',
          () => home.kubectl(['events', '-n', namespace, '--for', 'ingress/late']),
          (text) => /Warning +Refused .*route-conflict/.test(text),
        )
      })
      await home.kubectl(['delete', 'ingress', 'late', '-n', namespace])
      await until(
        'it is over',
        async () => (await client.getRelease(id)).troubles,
        (troubles) => troubles.length === 0,
        withinMs,
      )
    })

    test('the older Ingress stays: the app is refused, and named it', async () => {
      const { client, home } = stageOf()
      await home.apply(plain, ingress('early', 'early.example'))
      await until(
        'it is a route',
        () =>
          client.call<{ ingresses: readonly Refused[] }>(
            'GET',
            `/v1/clusters/${home.name}/ingresses`,
          ),
        ({ ingresses }) =>
          ingresses.some(({ name, refused }) => name === 'early' && refused === null),
        withinMs,
      )
      const platform = { type: 'kubernetes', namespace, port: demoPort } as const
      const late = client.putApp('late', {
        clusters: [home.name],
        hosts: ['early.example'],
        platform,
      })
      await expect(late).rejects.toMatchObject({
        problem: {
          status: 409,
          code: 'route-conflict',
          detail: expect.stringContaining(`ingress/${namespace}/early/`),
        },
      })
      await until(
        'the Ingress says it',
        () => home.kubectl(['events', '-n', namespace, '--for', 'ingress/early']),
        (text) => /Warning +Conflict .*route\/late\/default says the same/.test(text),
        withinMs,
      )
      await home.kubectl(['delete', 'ingress', 'early', '-n', namespace])
    })
  })
}

interface Refused {
  readonly name: string
  readonly refused: { readonly code: string; readonly detail: string } | null
}

/** What both Ingress objects lead to. */
const plain = demoService('plain', { app: 'plain' })

const ingress = (name: string, host: string) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name },
  spec: {
    ingressClassName: 'switchyard',
    rules: [
      {
        host,
        http: {
          paths: [
            {
              path: '/',
              pathType: 'Prefix',
              backend: { service: { name: plain.metadata.name, port: { number: 80 } } },
            },
          ],
        },
      },
    ],
  },
})

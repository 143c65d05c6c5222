import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../deploy/local/until.ts'
import { whyNoLab } from './availability.ts'
import { outputOf } from './command.ts'
import { demoDeployment, demoPort, demoService, loadDemoImage } from './demo-image.ts'
import { leftoversOf } from './leftovers.ts'
import { type Cluster, startCluster } from './start-cluster.ts'

/** Prints the body of an answer, from inside the lab. */
const ask = `fetch(process.argv[1], { signal: AbortSignal.timeout(5000) })
  .then((answer) => answer.text()).then(console.log)`

describe.skipIf(whyNoLab({ nodes: true }))('a lab with a node', { timeout: 120_000 }, () => {
  let cluster: Cluster

  const apply = (...items: readonly unknown[]) =>
    cluster.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
  const get = async (url: string) =>
    JSON.parse(await outputOf(cluster.run(process.execPath, ['-e', ask, url]), `GET ${url}`))

  beforeAll(async () => {
    cluster = await startCluster({ name: 'node' })
    await loadDemoImage(cluster)
  }, 300_000)
  afterAll(() => cluster?.stop())

  test('runs the pods of a Deployment, which answer at their own address', async () => {
    await apply(
      demoDeployment({ name: 'shop', env: { VERSION: '7' } }),
      demoService('shop', { app: 'shop' }),
    )
    await cluster.kubectl(['wait', 'deployment/shop', '--for=condition=Available', '--timeout=60s'])
    const pods = JSON.parse(await cluster.kubectl(['get', 'pods', '-l', 'app=shop', '-o', 'json']))
    const { podIP } = pods.items[0].status
    expect(podIP).toMatch(/^10\.244\.0\./)
    expect(await get(`http://${podIP}:${demoPort}/a`)).toMatchObject({ version: '7', path: '/a' })
  })

  test('a Service leads to the pods', async () => {
    const path = 'jsonpath={.spec.clusterIP}'
    const address = await cluster.kubectl(['get', 'service', 'shop', '-o', path])
    const answer = await until(
      'the Service',
      () => get(`http://${address}/`),
      () => true,
    )
    expect(answer.hostname).toMatch(/^shop-/)
  })

  test('a pod finds a Service by its name', async () => {
    const url = 'http://shop.default.svc.cluster.local/'
    const answer = JSON.parse(
      await until(
        'the name',
        () => cluster.kubectl(['exec', 'deployment/shop', '--', '/demo', 'get', url]),
        () => true,
      ),
    )
    expect(answer).toMatchObject({ version: '7', host: 'shop.default.svc.cluster.local' })
  })

  test('logs of a pod come through the API server', async () => {
    expect(await cluster.kubectl(['logs', 'deployment/shop'])).toContain('demo: version 7')
  })

  test('a pod that is not ready says so, and one that crashes is started again', async () => {
    await apply(
      demoDeployment({ name: 'slow', env: { READY: 'never' } }),
      demoDeployment({ name: 'crash', env: { CRASH: 'start' } }),
    )
    const statusOf = async (app: string) =>
      JSON.parse(await cluster.kubectl(['get', 'pods', '-l', `app=${app}`, '-o', 'json'])).items[0]
        ?.status.containerStatuses?.[0]
    const slow = await until(
      'the slow pod',
      () => statusOf('slow'),
      (it) => it?.state.running,
    )
    expect(slow.ready).toBe(false)
    const crashed = await until(
      'the crash loop',
      () => statusOf('crash'),
      (it) => it?.restartCount > 0,
      60_000,
    )
    expect(crashed.lastState.terminated.exitCode).toBe(1)
  })

  test('a claim of the default class gets a volume once a pod wants it', async () => {
    const { spec } = demoDeployment({ name: 'claims' }).spec.template
    await apply(
      {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'data' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      },
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'claims' },
        spec: {
          ...spec,
          containers: spec.containers.map((one) => ({
            ...one,
            volumeMounts: [{ name: 'data', mountPath: '/data' }],
          })),
          volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
        },
      },
    )
    const claim = async () =>
      JSON.parse(await cluster.kubectl(['get', 'pvc', 'data', '-o', 'json'])) as {
        spec: { storageClassName: string; volumeName?: string }
        status: { phase: string }
      }
    await cluster.kubectl(['wait', 'pod/claims', '--for=condition=Ready', '--timeout=60s'])
    const bound = await until('it', claim, ({ status }) => status.phase === 'Bound', 60_000)
    expect(bound.spec.storageClassName).toBe('standard')
    expect(bound.spec.volumeName).toBeTruthy()
  })

  test('nothing is left after it has stopped, with pods still running', async () => {
    expect(leftoversOf(cluster.folder)).not.toEqual([])
    await cluster.stop()
    expect(leftoversOf(cluster.folder)).toEqual([])
  })
})

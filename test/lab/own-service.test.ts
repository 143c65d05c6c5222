/** An app's own Service in a real Kubernetes: clients inside the cluster get what is live. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Workload } from '../../agent/platform/platform.ts'
import { until } from '../../deploy/local/until.ts'
import { whyNoLab } from './availability.ts'
import { demoDeployment, demoPort, loadDemoImage } from './demo-image.ts'
import { type Leader, makeAccount, optIn, startLeader } from './leader.ts'
import { type Cluster, startCluster } from './start-cluster.ts'

const inside = 'shop'

const lab = describe.skipIf(whyNoLab({ nodes: true }))

lab("an app's own Service in a real Kubernetes", { timeout: 120_000 }, () => {
  let cluster: Cluster
  let leader: Leader

  beforeAll(async () => {
    cluster = await startCluster({ name: 'front' })
    const kubeconfig = await makeAccount(cluster)
    await loadDemoImage(cluster)
    await optIn(cluster, inside)
    for (const version of ['blue', 'green']) {
      const labels = { run: 'app', version }
      await put(demoDeployment({ name: `app-${version}`, labels, env: { VERSION: version } }))
    }
    await put({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'front', labels: { team: 'web' } },
      spec: {
        selector: { run: 'app', version: 'blue' },
        ports: [{ name: 'http', port: 80, targetPort: demoPort }],
      },
    })
    leader = startLeader({ kubeconfig, name: 'eu-1' })
  }, 300_000)
  afterAll(async () => {
    await leader?.close()
    await cluster?.stop()
  }, 180_000)

  const put = (object: object) =>
    cluster.kubectl(['-n', inside, 'apply', '-f', '-'], JSON.stringify(object))
  const kubectl = (...args: readonly string[]) => cluster.kubectl(['-n', inside, ...args])
  const front = async () =>
    JSON.parse(await kubectl('get', 'service', 'front', '-o', 'json', '--show-managed-fields'))
  const selector = async () => (await front()).spec.selector

  const adopted = (number: number, version: string, service?: string): Workload => ({
    app: 'app',
    release: `app-r${number}`,
    version,
    kubernetes: {
      namespace: inside,
      port: demoPort,
      template: 'app',
      deployment: `app-${version}`,
      ...(service !== undefined && { service }),
    },
    copies: 1,
  })
  const blue = (service?: string) => adopted(1, 'blue', service)
  const green = (service?: string) => adopted(2, 'green', service)

  /** Of a client in the cluster, by the Service's name. */
  const untilAnswers = (version: string) =>
    until(
      `the answer of ${version}`,
      () =>
        kubectl(
          'exec',
          'deployment/app-blue',
          '--',
          '/demo',
          'get',
          `http://front.${inside}.svc.cluster.local/`,
        ),
      (answer) => JSON.parse(answer).version === version,
      60_000,
      100,
    )

  test('follows blue and green, and goes back', async () => {
    await leader.apply(1, blue('front'), green())
    expect(await selector()).toEqual({ run: 'app', version: 'blue' })
    await untilAnswers('blue')
    await leader.apply(2, blue(), green('front'))
    expect(await selector()).toEqual({ run: 'app', version: 'green' })
    await untilAnswers('green')
    await leader.apply(3, blue('front'), green())
    await untilAnswers('blue')
    const { metadata, spec } = await front()
    expect(metadata.labels).toEqual({ team: 'web' })
    expect(spec.ports).toMatchObject([{ name: 'http', port: 80, targetPort: demoPort }])
    const ours = metadata.managedFields.find(
      ({ manager }: { manager: string }) => manager === 'switchyard',
    )
    expect(Object.keys(ours.fieldsV1['f:spec'])).toEqual(['f:selector'])
    const events = JSON.parse(await kubectl('get', 'events', '-o', 'json')).items
    const said = events.filter(({ reason }: { reason: string }) => reason === 'Followed')
    expect(
      said.map((one: { regarding?: object; involvedObject?: object }) => one.involvedObject),
    ).toMatchObject([
      { kind: 'Service', name: 'front' },
      { kind: 'Service', name: 'front' },
    ])
  })

  test('is left as its owner has changed it, and that is told', async () => {
    const mine = { run: 'app' }
    await kubectl(
      'patch',
      'service',
      'front',
      '--type=json',
      '-p',
      JSON.stringify([{ op: 'replace', path: '/spec/selector', value: mine }]),
    )
    await leader.apply(4, blue('front'), green())
    expect(leader.troubles()).toEqual([
      {
        release: 'app-r1',
        message: expect.stringContaining('it stays so: run=app (asked: run=app,version=blue)'),
      },
    ])
    expect(await selector()).toEqual(mine)
    await leader.apply(5, blue(), green('front'))
    expect(await selector()).toEqual({ run: 'app', version: 'green' })
    expect(leader.troubles()).toEqual([])
  })

  test('is not there: the release says so', async () => {
    await leader.apply(6, blue(), green('back'))
    expect(leader.troubles()).toEqual([
      { release: 'app-r2', message: expect.stringContaining('Service "back" in namespace "shop"') },
    ])
  })
})

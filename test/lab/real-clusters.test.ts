/** What happens to releases on clusters that others work on as well: an undo by kubectl, a quota, a webhook that is away. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Workload } from '../../agent/platform/platform.ts'
import { until } from '../../deploy/local/until.ts'
import { whyNoLab } from './availability.ts'
import { demoDeployment, demoImage, demoPort, loadDemoImage, secondImage } from './demo-image.ts'
import { type Leader, makeAccount, optIn, startLeader } from './leader.ts'
import { type Cluster, startCluster } from './start-cluster.ts'

const lab = describe.skipIf(whyNoLab({ nodes: true }))

lab('releases on a cluster that others work on as well', { timeout: 120_000 }, () => {
  let cluster: Cluster
  let leader: Leader
  let revision = 0

  beforeAll(async () => {
    cluster = await startCluster({ name: 'shared' })
    const kubeconfig = await makeAccount(cluster)
    await loadDemoImage(cluster)
    await loadDemoImage(cluster, secondImage)
    for (const namespace of ['one', 'two']) await optIn(cluster, namespace)
    for (const namespace of ['one', 'two']) await put(namespace, template())
    leader = startLeader({ kubeconfig, name: 'eu-1' })
  }, 300_000)
  afterAll(async () => {
    await leader?.close()
    await cluster?.stop()
  }, 180_000)

  /** With a container before the one that gets the image, and a word about its own pods. */
  function template() {
    const { spec, ...rest } = demoDeployment({ name: 'shop', labels: { app: 'shop' } })
    const [demo] = spec.template.spec.containers
    const image = { image: demoImage, imagePullPolicy: 'Never' }
    const aside = { name: 'aside', ...image, env: [{ name: 'PORT', value: '9090' }] }
    const topologySpreadConstraints = [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { app: 'shop' } },
      },
    ]
    const pods = { ...spec.template.spec, containers: [aside, demo], topologySpreadConstraints }
    return { ...rest, spec: { ...spec, template: { ...spec.template, spec: pods } } }
  }

  const put = (namespace: string, object: object) =>
    cluster.kubectl(['-n', namespace, 'apply', '-f', '-'], JSON.stringify(object))
  const get = async (namespace: string, kind: string, name: string) =>
    JSON.parse(await cluster.kubectl(['-n', namespace, 'get', kind, name, '-o', 'json']))
  const apply = (...workloads: readonly Workload[]) => leader.apply(++revision, ...workloads)
  const troubles = () => leader.troubles().map(({ message }) => message)
  const untilAvailable = (namespace: string, name: string) =>
    until(
      `a pod of ${name}`,
      () => get(namespace, 'deployment', name),
      ({ status }) => status.availableReplicas === 1,
      40_000,
      100,
    )

  function workload(namespace: string, release: string, image: string, over?: string): Workload {
    const [app = '', number] = release.split('-r')
    const bounds = { maxSurge: 1, maxUnavailable: 0, minReadyMs: 0, progressDeadlineMs: 20_000 }
    return {
      app,
      release,
      version: `0.0.${number}`,
      copies: 1,
      kubernetes: { namespace, port: demoPort, template: 'shop', container: 'demo', image },
      ...(over !== undefined && { rolling: { replaces: [over], ...bounds, paused: false } }),
    }
  }

  test('pods that kubectl takes back stay, and are found as the release that has them', async () => {
    await apply(workload('one', 'a-r1', demoImage))
    await untilAvailable('one', 'a-r1')
    await apply(workload('one', 'a-r2', secondImage, 'a-r1'))
    await until('its end', () => leader.rolling(), ([one]) => one?.ready === 1 && one.old === 0, 40_000, 100) // biome-ignore format: one line
    await apply(workload('one', 'a-r2', secondImage))
    const pods = async () => (await get('one', 'deployment', 'a-r1')).spec.template
    const { spec } = await pods()
    expect(spec.containers.map(({ image }: { image: string }) => image)).toEqual([
      demoImage,
      secondImage,
    ])
    expect(spec.topologySpreadConstraints[0].labelSelector).toEqual({
      matchLabels: { 'switchyard.dev/deployment': 'a-r1' },
    })

    await cluster.kubectl(['-n', 'one', 'rollout', 'undo', 'deployment/a-r1'])
    await until(
      'the word',
      troubles,
      ([text]) => text?.includes(`image is ${demoImage} (asked: ${secondImage})`) === true,
      20_000,
      100,
    )
    const { metadata, spec: taken } = await pods()
    expect(metadata.labels).toMatchObject({ 'switchyard.dev/release': 'a-r2' })
    expect(taken.containers[1].image).toBe(demoImage)
  })

  test('a quota of ReplicaSets stalls a replacement, and the way back is open', async () => {
    await apply(workload('two', 'b-r1', demoImage))
    await untilAvailable('two', 'b-r1')
    const sets = ['quota', 'sets'] as const
    await cluster.kubectl(['-n', 'two', 'create', ...sets, '--hard=count/replicasets.apps=2'])
    await apply(workload('two', 'b-r2', secondImage, 'b-r1'))
    const [one] = await until('the stall', () => leader.rolling(), ([one]) => one !== undefined && one.stalled !== null, 40_000, 100) // biome-ignore format: one line
    expect(one).toMatchObject({ updated: 0, old: 1 })
    expect(one!.stalled).toMatch(/^ReplicaSetCreateError: .* exceeded quota: sets/)
    await apply(workload('two', 'b-r1', demoImage, 'b-r2'))
    await until('the way back', () => leader.rolling(), ([one]) => one?.ready === 1 && one.old === 0, 40_000, 100) // biome-ignore format: one line
    await cluster.kubectl(['-n', 'two', 'delete', ...sets])
  })

  test('a webhook that is away holds up its namespace alone', async () => {
    const resources = ['deployments']
    const rule = { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE'], resources }
    await put('one', {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'away' },
      webhooks: [
        {
          name: 'away.example.com',
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          clientConfig: { url: 'https://127.0.0.1:1/' },
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'one' } },
          rules: [rule],
        },
      ],
    })
    const isRefused = async () => {
      const probe = JSON.stringify({ ...template(), metadata: { name: 'probe' } })
      const create = ['-n', 'one', 'create', '--dry-run=server', '-f', '-']
      return cluster.kubectl(create, probe).then(
        () => false,
        () => true,
      )
    }
    await until('the webhook', isRefused, (refused) => refused, 20_000, 200)
    expect(
      await apply(workload('one', 'c-r1', demoImage), workload('two', 'd-r1', demoImage)),
    ).toBe('applied')
    expect(troubles()).toContainEqual(expect.stringContaining('failed calling webhook'))
    await untilAvailable('two', 'd-r1')
    await cluster.kubectl(['delete', 'validatingwebhookconfiguration', 'away'])
    await until('its turn', () => get('one', 'service', 'c-r1').catch(() => null), (found) => found !== null, 40_000, 200) // biome-ignore format: one line
  })
})

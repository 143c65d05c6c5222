import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { permissions } from '../../agent/platform/kubernetes/workloads/permissions.ts'
import type { Workload } from '../../agent/platform/platform.ts'
import { until } from '../../deploy/local/until.ts'
import { whyNoLab } from './availability.ts'
import { demoDeployment, demoImage, demoPort, loadDemoImage } from './demo-image.ts'
import { agents, type Leader, longLeaseMs, makeAccount, optIn, startLeader } from './leader.ts'
import { writeProgramImage } from './oci-archive.ts'
import { type Cluster, startCluster } from './start-cluster.ts'

const release = 'switchyard.dev/release'
const counted: ReadonlySet<string> = new Set([
  ...['uid', 'resourceVersion', 'generation', 'creationTimestamp', 'managedFields', 'status'],
  ...['clusterIP', 'clusterIPs', 'deployment.kubernetes.io/revision', 'switchyard.dev/applied'],
])
const inNamespace = (one: Workload, namespace: string): Workload => ({
  ...one,
  kubernetes: { ...one.kubernetes!, namespace },
})

const secondImage = 'lab/demo:2'

const lab = describe.skipIf(whyNoLab({ nodes: true }))

lab('workloads in a real Kubernetes', { timeout: 120_000 }, () => {
  let cluster: Cluster
  let leaders: Leader[] = []
  let inside = ''
  let numbers = 0
  let kubeconfig = ''

  beforeAll(async () => {
    cluster = await startCluster({ name: 'work', audit: true })
    kubeconfig = await makeAccount(cluster)
    await loadDemoImage(cluster)
    const archive = join(cluster.folder, 'tmp/demo-2.tar')
    const program = cluster.programs.demo!
    await writeProgramImage({ reference: secondImage, program, at: 'demo' }, archive)
    await cluster.loadImage(archive)
  }, 300_000)
  afterAll(() => cluster?.stop())
  afterEach(async () => {
    await Promise.all(leaders.map((one) => one.close()))
    leaders = []
  })

  /** A namespace that has opted in, with the template; and an agent that leads there. */
  async function stage(): Promise<Leader> {
    inside = `shop-${++numbers}`
    await optIn(cluster, inside)
    await put(demoDeployment({ name: 'shop', labels: { app: 'shop', tier: 'web' } }))
    return leader(`eu-${numbers}`)
  }

  function leader(name: string, more: { agent?: string; leaseMs?: number } = {}): Leader {
    const one = startLeader({ kubeconfig, name, ...more })
    leaders.push(one)
    return one
  }

  const put = (object: ReturnType<typeof demoDeployment>) => {
    const container = object.spec.template.spec.containers[0]!
    container.imagePullPolicy = 'IfNotPresent'
    return cluster.kubectl(['-n', inside, 'apply', '-f', '-'], JSON.stringify(object))
  }
  const kubectl = (...args: readonly string[]) => cluster.kubectl(['-n', inside, ...args])
  const list = async (kind: string, labels = '') =>
    JSON.parse(await kubectl('get', kind, '-o', 'json', '-l', labels)).items
  const get = async (kind: string, name: string, ...flags: readonly string[]) =>
    JSON.parse(await kubectl('get', kind, name, '-o', 'json', ...flags))
  const addresses = async (release: string) => {
    const slices = await list('endpointslices', `switchyard.dev/release=${release}`)
    return slices.flatMap(
      (slice: { endpoints?: { addresses: string[]; conditions: { ready?: boolean } }[] }) =>
        (slice.endpoints ?? []).flatMap((one) => (one.conditions.ready ? one.addresses : [])),
    )
  }
  /**
   * Our objects whole, but for what counts or tells when something was written (uids, versions, times, who wrote
   * which field by which verb, the place of the snapshot) and what Kubernetes gives and says itself: addresses,
   * the number of the ReplicaSet, the status. The namespace and the cluster's name are told by a word.
   */
  async function essence(): Promise<readonly { metadata: { name: string } }[]> {
    const kinds = [await list('deployments', release), await list('services', release)]
    const text = JSON.stringify(kinds.flat(), (key, value) =>
      counted.has(key) ? undefined : value,
    )
    return JSON.parse(
      text.replaceAll(`"${inside}"`, '"here"').replaceAll(`"eu-${numbers}"`, '"eu"'),
    )
  }

  const untilReady = (release: string, count: number) =>
    until(
      `${count} endpoints of ${release}`,
      () => addresses(release),
      (all) => all.length === count,
      40_000,
      100,
    )

  const workload = (
    number: number,
    { rolling, ...more }: { rolling?: Workload['rolling'] } & Record<string, unknown> = {},
  ): Workload => ({
    app: 'shop',
    release: `shop-r${number}`,
    version: `0.0.${number}`,
    kubernetes: { namespace: inside, port: demoPort, template: 'shop', image: demoImage, ...more },
    copies: 2,
    ...(rolling && { rolling }),
  })
  const adopted = (number: number, deployment: string): Workload => {
    const { image: _, ...kubernetes } = workload(number).kubernetes!
    return { ...workload(number), kubernetes: { ...kubernetes, deployment } }
  }
  const over = (...replaces: readonly string[]): NonNullable<Workload['rolling']> => ({
    replaces: [...replaces],
    maxSurge: 1,
    maxUnavailable: 0,
    minReadyMs: 0,
    progressDeadlineMs: 5_000,
    paused: false,
  })

  test('a release is made of the template, answers, and goes without a trace', async () => {
    const { apply, troubles } = await stage()
    expect(await apply(1, workload(1))).toBe('applied')
    await untilReady('shop-r1', 2)
    const made = await get('deployment', 'shop-r1', '--show-managed-fields')
    expect(made.metadata.labels).toMatchObject({
      'app.kubernetes.io/name': 'shop',
      'app.kubernetes.io/version': '0.0.1',
      'app.kubernetes.io/managed-by': 'switchyard',
    })
    expect(made.spec.template.metadata.labels).not.toHaveProperty('app')
    expect(
      made.metadata.managedFields.map(({ manager }: { manager: string }) => manager),
    ).toContain('switchyard')
    const service = await get('service', 'shop-r1')
    expect(service.metadata.ownerReferences[0].uid).toBe(made.metadata.uid)
    expect(troubles()).toEqual([])

    expect(await apply(2)).toBe('applied')
    await until(
      'the end of its objects',
      () => list('deployments,services,replicasets,pods', 'switchyard.dev/release=shop-r1'),
      (left) => left.length === 0,
      40_000,
      200,
    )
    const reasons = (await list('events')).map(({ reason }: { reason: string }) => reason)
    expect(reasons).toContain('Created')
    expect(reasons).toContain('Deleted')
  })

  test('copies are replaced in their Deployment, and come back as they were', async () => {
    const { apply, rolling } = await stage()
    await apply(1, workload(1))
    await untilReady('shop-r1', 2)
    await apply(2, workload(2, { image: secondImage, rolling: over('shop-r1') }))
    await untilReady('shop-r2', 2)
    await until(
      'the report',
      () => rolling(),
      ([one]) => one?.ready === 2 && one.old === 0 && one.updated === 2,
      20_000,
    )
    expect(await addresses('shop-r1')).toEqual([])
    expect((await list('deployments', 'switchyard.dev/release')).length).toBe(1)

    await apply(3, workload(1, { rolling: over('shop-r2') }))
    await untilReady('shop-r1', 2)
    await until(
      'the way back',
      () => rolling(),
      ([one]) => one?.release === 'shop-r1' && one.ready === 2 && one.old === 0,
      20_000,
    )
    const sets = await list('replicasets', 'switchyard.dev/release=shop-r1')
    expect(sets, 'Kubernetes knows the former ReplicaSet again').toHaveLength(1)
    await apply(4, workload(1))
    expect((await get('deployment', 'shop-r1')).spec.paused ?? false).toBe(false)
  })

  test('an image that cannot be pulled stalls with Kubernetes’ own reason, and pauses', async () => {
    const { apply, rolling, troubles } = await stage()
    await apply(1, workload(1))
    await untilReady('shop-r1', 2)
    const image = 'registry.invalid/shop:2'
    await apply(2, workload(2, { image, rolling: over('shop-r1') }))
    await until(
      'the trouble',
      () => troubles(),
      ([one]) => one?.message.includes('ImagePullBackOff: container "demo"') === true,
      30_000,
    )
    const [stalled] = await until(
      'the stall',
      () => rolling(),
      ([one]) => one?.stalled !== null && one !== undefined,
      40_000,
    )
    expect(stalled!.stalled).toMatch(/^ProgressDeadlineExceeded: ImagePullBackOff: /)
    expect(stalled).toMatchObject({ updated: 1, ready: 0, old: 2 })
    const paused = { ...over('shop-r1'), paused: true }
    await apply(3, workload(2, { image, rolling: paused }))
    expect((await get('deployment', 'shop-r1')).spec.paused).toBe(true)
    expect(await addresses('shop-r1')).toHaveLength(2)
    await apply(4, workload(1, { rolling: over('shop-r2') }))
    await until(
      'the way back',
      () => rolling(),
      ([one]) => one?.release === 'shop-r1' && one.ready === 2 && one.old === 0,
      20_000,
    )
    expect(rolling()[0]!.stalled).toBeNull()
  })

  test('a readiness that never comes says which container', async () => {
    const { apply, rolling } = await stage()
    await apply(1, workload(1))
    await untilReady('shop-r1', 2)
    await put(demoDeployment({ name: 'shop-slow', env: { READY: 'never' } }))
    await apply(2, workload(1), workload(2, { template: 'shop-slow', rolling: over() }))
    const [stalled] = await until(
      'the stall',
      () => rolling(),
      ([one]) => one?.stalled !== null && one !== undefined,
      40_000,
    )
    expect(stalled!.stalled).toBe(
      'ProgressDeadlineExceeded: 0 of 2 ready: container "demo" is not ready (readiness probe failed, or has not succeeded yet)',
    )
  })

  test('an adopted Deployment stays as it is, is replaced, comes back, and is let go', async () => {
    const { apply, rolling, troubles } = await stage()
    const labels = { run: 'app', version: 'blue' }
    await put(demoDeployment({ name: 'app-blue', replicas: 2, labels, env: { VERSION: 'blue' } }))
    const asApplied = await get('deployment', 'app-blue')
    await apply(1, adopted(1, 'app-blue'))
    await untilReady('shop-r1', 2)
    const before = await get('deployment', 'app-blue')
    expect(before.spec).toEqual(asApplied.spec)
    expect(before.metadata.labels).toMatchObject(labels)

    await apply(2, workload(2, { image: secondImage, rolling: over('shop-r1') }))
    await untilReady('shop-r2', 2)
    await until('the old ones', () => addresses('shop-r1'), (all) => all.length === 0, 20_000) // biome-ignore format: one line
    const now = await get('deployment', 'app-blue')
    expect(now.metadata.labels).toMatchObject({ ...labels, 'switchyard.dev/release': 'shop-r2' })
    expect(now.spec.template.spec.containers[0].env).toEqual([{ name: 'VERSION', value: 'blue' }])

    await apply(3, { ...adopted(1, 'app-blue'), rolling: over('shop-r2') })
    await until(
      'the way back',
      () => rolling(),
      ([one]) => one?.release === 'shop-r1' && one.ready === 2 && one.old === 0,
      20_000,
    )
    await untilReady('shop-r1', 2)
    expect((await get('deployment', 'app-blue')).spec.template).toEqual(before.spec.template)
    await apply(4, adopted(1, 'app-blue'))
    const service = await get('service', 'shop-r1')
    expect(service.spec.selector).toEqual(labels)

    const other = { ...adopted(9, 'app-blue'), app: 'other', release: 'other-r1' }
    await apply(5, adopted(1, 'app-blue'), other)
    expect(troubles().map(({ release }) => release)).toEqual(['other-r1', 'shop-r1'])
    expect(troubles()[0]!.message).toContain('is claimed by shop-r1')

    await apply(6)
    const left = await get('deployment', 'app-blue')
    expect(left.spec.replicas).toBe(0)
    expect(left.metadata.labels).toEqual(labels)
    expect(JSON.stringify(left.metadata.annotations)).not.toContain('switchyard')
  })

  test('what goes under our feet is made again, and what others change stays and is told', async () => {
    const { apply, troubles } = await stage()
    await apply(1, workload(1))
    await untilReady('shop-r1', 2)
    await kubectl('delete', 'deployment', 'shop-r1', '--wait=true')
    await untilReady('shop-r1', 2)
    await kubectl('set', 'image', 'deployment/shop-r1', `demo=${secondImage}`)
    await kubectl('scale', 'deployment/shop-r1', '--replicas=3')
    await until(
      'the drift',
      () => troubles()[0]?.message ?? '',
      (text) => /image is lab\/demo:2 .*copies is 3 \(asked: 2\)/.test(text),
    )
    expect((await get('deployment', 'shop-r1')).spec.replicas).toBe(3)
    await apply(2, { ...workload(1), copies: 1 })
    expect((await get('deployment', 'shop-r1')).spec).toMatchObject({ replicas: 1 })

    const remove = (kind: string, ...paths: readonly string[]) => {
      const patch = JSON.stringify(paths.map((path) => ({ op: 'remove', path })))
      return kubectl('patch', kind, 'shop-r1', '--type=json', '-p', patch)
    }
    await remove('deployment', '/spec/template/spec/containers/0/readinessProbe')
    await remove('service', '/spec/ports/0/name')
    await until(
      'what was taken away',
      () => troubles()[0]?.message ?? '',
      (text) =>
        text.includes('template.spec.containers[demo].readinessProbe (taken away)') &&
        text.includes('ports[80].name (taken away), and that stays so'),
    )
    const [container] = (await get('deployment', 'shop-r1')).spec.template.spec.containers
    expect(container).not.toHaveProperty('readinessProbe')
  })

  test('an autoscaler’s replicas stay, and a candidate starts with as many', async () => {
    const { apply, troubles } = await stage()
    await apply(1, workload(1))
    await kubectl('autoscale', 'deployment', 'shop-r1', '--min=3', '--max=5')
    const replicas = async (name: string) => (await get('deployment', name)).spec.replicas
    await until(
      'the autoscaler',
      () => replicas('shop-r1'),
      (count) => count === 3,
      60_000,
      200,
    )
    await apply(2, { ...workload(1), copies: 5 }, workload(2))
    expect([await replicas('shop-r1'), await replicas('shop-r2')]).toEqual([3, 3])
    expect(troubles().map(({ message }) => message)).toContainEqual(
      expect.stringContaining('an autoscaler holds Deployment "shop-r1" at 3 replicas'),
    )
  })

  test('what cannot be done says what to do', async () => {
    const { apply, troubles } = await stage()
    await cluster.kubectl(['create', 'namespace', `${inside}-closed`])
    await apply(
      1,
      workload(1, { namespace: `${inside}-closed` }),
      workload(2, { namespace: `${inside}-none` }),
      workload(3, { template: 'nothing' }),
      adopted(4, 'nobody'),
      workload(5, { container: 'sidecar' }),
      workload(6, { image: 'lab/demo:1' }),
    )
    const said = Object.fromEntries(troubles().map(({ release, message }) => [release, message]))
    expect(said).toMatchObject({
      'shop-r1': expect.stringContaining(
        `kubectl label namespace ${inside}-closed switchyard.dev/managed=true`,
      ),
      'shop-r2': expect.stringContaining('is not there: kubectl create namespace'),
      'shop-r3': expect.stringContaining('Deployment "nothing"'),
      'shop-r4': expect.stringContaining('Deployment "nobody"'),
      'shop-r5': expect.stringContaining('has no container "sidecar": it has demo'),
    })
    expect(said['shop-r6']).toBeUndefined()
    await kubectl('create', 'quota', 'none', '--hard=pods=0')
    await apply(2, workload(7))
    await until(
      'the quota',
      () => troubles()[0]?.message ?? '',
      (text) => text.startsWith('ReplicaFailure: a pod is forbidden: exceeded quota'),
    )
  })

  test('a leader that ends is followed at once; an older snapshot is refused', async () => {
    const first = await stage()
    await first.apply(1, workload(1))
    const second = leader(`eu-${numbers}`, { agent: 'b' })
    await untilReady('shop-r1', 2)
    await leaders[0]!.close()
    const started = performance.now()
    expect(await second.apply(2, workload(1), workload(2, { image: secondImage }))).toBe('applied')
    expect(performance.now() - started, 'a lease that was let go').toBeLessThan(longLeaseMs * 0.75)
    await untilReady('shop-r2', 2)
    expect(await second.apply(1, workload(1)), 'an older snapshot').toBe('older')
  })

  test('two that take the lease from each other again and again leave the objects of one', async () => {
    await (await stage()).close()
    const both = ['b', 'c'].map((agent) => leader(`eu-${numbers}`, { agent, leaseMs: 1 }))
    const wanted = [1, 2, 3, 4].map((number) => ({ ...workload(number), copies: 0 }))
    const outcomes: string[] = []
    const turns = async (one: Leader) => {
      for (let turn = 0; turn < 10; turn++) outcomes.push(await one.apply(turn + 1, ...wanted))
    }
    await Promise.all(both.map(turns))
    expect(new Set(outcomes), 'each was stopped by the other').toContain('not-holder')
    await until(
      'the last word',
      () => both[0]!.apply(20, ...wanted),
      (outcome) => outcome === 'applied',
    )
    expect(await list('replicasets', 'switchyard.dev/release'), 'one template each').toHaveLength(4)
    const left = await essence()
    expect(left.map(({ metadata }) => metadata.name)).toEqual(
      ['Deployment', 'Service'].flatMap(() => [1, 2, 3, 4].map((number) => `shop-r${number}`)),
    )
    await Promise.all(both.map((one) => one.close()))
    const alone = await stage()
    expect(await alone.apply(1, ...wanted.map((one) => inNamespace(one, inside)))).toBe('applied')
    expect(left).toEqual(await essence())
  })

  test('the verbs that were used are those that are granted', async () => {
    const used = new Set<string>()
    for (const line of readFileSync(cluster.auditLog!, 'utf8').trimEnd().split('\n')) {
      const { user, verb, objectRef } = JSON.parse(line)
      if (user.username !== `system:serviceaccount:${agents}:agent` || !objectRef) continue
      if (objectRef.resource === 'endpointslices') continue
      used.add(`${verb} ${objectRef.apiGroup ?? ''}/${objectRef.resource}`)
    }
    const granted = Object.values(permissions).flatMap((list) =>
      list.flatMap(({ verbs, apiGroup, resource }) =>
        verbs.map((verb) => `${verb} ${apiGroup}/${resource}`),
      ),
    )
    expect([...used].sort()).toEqual(granted.sort())
  })
})

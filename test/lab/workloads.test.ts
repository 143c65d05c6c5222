/** Releases as Deployments and Services of a real cluster, and the agents that lead there. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { permissions } from '../../agent/platform/kubernetes/workloads/permissions.ts'
import type { Workload } from '../../agent/platform/platform.ts'
import { until } from '../../deploy/local/until.ts'
import { whyNoLab } from './availability.ts'
import { secondImage } from './demo-image.ts'
import { agents, type Leader, longLeaseMs } from './leader.ts'
import { replacedCases } from './replaced.cases.ts'
import { openWorkloadsStage } from './workloads-stage.ts'

const inNamespace = (one: Workload, namespace: string): Workload => ({
  ...one,
  kubernetes: { ...one.kubernetes!, namespace },
})

const lab = describe.skipIf(whyNoLab({ nodes: true }))

lab('workloads in a real Kubernetes', { timeout: 120_000 }, () => {
  const on = openWorkloadsStage()
  const { stage, leader, kubectl, list, get, essence, untilReady, workload, adopted } = on

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

  replacedCases(on)

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
    const inside = on.namespace()
    await on.createNamespace(`${inside}-closed`)
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
    const second = leader(on.name(), { agent: 'b' })
    await untilReady('shop-r1', 2)
    await first.close()
    const started = performance.now()
    expect(await second.apply(2, workload(1), workload(2, { image: secondImage }))).toBe('applied')
    expect(performance.now() - started, 'a lease that was let go').toBeLessThan(longLeaseMs * 0.75)
    await untilReady('shop-r2', 2)
    expect(await second.apply(1, workload(1)), 'an older snapshot').toBe('older')
  })

  test('two that take the lease from each other again and again leave the objects of one', async () => {
    await (await stage()).close()
    const both = ['b', 'c'].map((agent) => leader(on.name(), { agent, leaseMs: 1 }))
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
    expect(await alone.apply(1, ...wanted.map((one) => inNamespace(one, on.namespace())))).toBe(
      'applied',
    )
    expect(left).toEqual(await essence())
  })

  test('the verbs that were used are those that are granted', async () => {
    const used = new Set<string>()
    for (const line of readFileSync(on.auditLog(), 'utf8').trimEnd().split('\n')) {
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

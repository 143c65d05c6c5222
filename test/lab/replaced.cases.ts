/** Copies that replace others in a real cluster: to the end and back, stalled and paused, in a Deployment that was there. */
import { expect, test } from 'vitest'
import { until } from '../../deploy/local/until.ts'
import { demoDeployment, secondImage } from './demo-image.ts'
import type { WorkloadsStage } from './workloads-stage.ts'

export function replacedCases(on: WorkloadsStage): void {
  const { stage, put, list, get, addresses, untilReady, workload, adopted, over } = on

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
}

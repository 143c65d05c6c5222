/** Who says how far a replacement is, and why copies are not ready: of a cluster's agents the one that holds the lease, and no other. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type WorkloadObject, workloadKey } from '#wire/object.ts'
import { treeOf } from '#wire/tree.ts'
import { type FakeControl, startFakeControl } from '../../agent/pilot/control.fixture.ts'
import { backend, position, route, until } from '../../agent/pilot/fleet.fixture.ts'
import { type LocalCluster, startLocalCluster } from '../../agent/platform/local/cluster.ts'
import { createLocalPlatform } from '../../agent/platform/local/local.ts'
import type { Platform } from '../../agent/platform/platform.ts'
import type { Supervisor } from '../../agent/supervisor.ts'
import { startOneAgent } from './one-agent.ts'

let folder: string
let control: FakeControl
let cluster: LocalCluster
let other: Platform
let supervisor: Supervisor

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'swy-holder-'))
  control = await startFakeControl()
  cluster = await startLocalCluster({
    cluster: 'eu-1',
    listen: { host: '127.0.0.1', port: 0 },
    stateFolder: join(folder, 'platform'),
    programs: {},
    leaseMs: 1_500,
    log: () => {},
  })
  other = createLocalPlatform(cluster.url)
})
afterEach(async () => {
  await supervisor.stop()
  await other.close()
  await cluster.stop()
  await control.close()
  rmSync(folder, { recursive: true })
})

// The cluster has no such program: the replacement stands still, which is all that this needs.
const workload: WorkloadObject = {
  kind: 'workload',
  key: workloadKey('shop-r2'),
  app: 'shop',
  release: 'shop-r2',
  version: '0.0.2',
  program: 'shop',
  copies: 2,
  rolling: {
    replaces: ['shop-r1'],
    maxSurge: 1,
    maxUnavailable: 0,
    minReadyMs: 0,
    progressDeadlineMs: 200,
    paused: false,
  },
}

const why = 'this cluster has no program shop: start its platform with --program shop=FILE'

it('is the holder of the lease, also after it has changed hands', async () => {
  const { kind: _kind, key: _key, ...wanted } = workload
  const { signal } = new AbortController()
  const { acquire, apply } = other.workloads!
  expect(await acquire('eu-1-z', signal)).toBe(true)
  await apply('eu-1-z', { epoch: 1, revision: 1, workloads: [wanted] }, signal)
  const renewing = setInterval(() => void acquire('eu-1-z', signal), 300)

  supervisor = startOneAgent(folder, control, cluster)
  const content = [backend('shop-r1'), backend('shop-r2'), route('shop'), workload]
  await control.publish(treeOf([...content, position('shop', 1, 'shop-r2')]), 2, { format: 2 })
  await until('three reports', () => control.reports.filter(({ revision }) => revision === 2)[2])
  expect(control.reports.some(({ rolling, troubles }) => rolling || troubles)).toBe(false)

  clearInterval(renewing)
  const told = await until('the word of the new holder', () => control.newest()?.rolling)
  expect(told).toEqual([
    {
      release: 'shop-r2',
      updated: 0,
      ready: 0,
      old: 0,
      stalled: `ProgressDeadlineExceeded: no progress for 0.2 s; ${why}`,
    },
  ])
  expect(control.newest()?.troubles).toEqual([{ release: 'shop-r2', message: why }])
})

/** A pilot process that follows a control of the tests, and its workers. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { limits } from '#wire/limits.ts'
import { backendKey, type SnapshotObject, workloadKey } from '#wire/object.ts'
import { treeOf } from '#wire/tree.ts'
import type { AgentConfig } from '../../agent/config.ts'
import { freePort } from '../../agent/free-port.ts'
import type { Endpoints } from '../../agent/link.ts'
import { startFakeControl } from '../../agent/pilot/control.fixture.ts'
import { until } from '../../agent/pilot/fleet.fixture.ts'
import { namespace, releaseOf } from './changes.ts'
import type { MeasuredCluster } from './cluster.ts'
import type { Arrival } from './delays.ts'
import { forkPilot } from './pod.ts'
import { ended, startWorkers } from './workers.ts'

export interface MeasuredPilot {
  /** Resident memory once all are at rest. */
  resting(): Promise<Memory>
  readonly untilWorkersHave: Arrival
  untilEndpoints(count: number): Promise<void>
  /** Endpoint messages that the first worker has answered. */
  updates(): number
  stop(): Promise<void>
}

export interface Memory {
  readonly pilotMb: number
  /** Of all workers together. */
  readonly workersMb: number
}

export interface PilotOptions {
  readonly platform: 'static' | 'kubernetes'
  readonly releases: number
  readonly workerCount: number
  readonly cluster: MeasuredCluster
}

const restMs = 8_000

export async function startPilot(options: PilotOptions): Promise<MeasuredPilot> {
  const { platform, releases, workerCount, cluster } = options
  const folder = mkdtempSync(join(tmpdir(), 'swy-bench-endpoints-'))
  const control = await startFakeControl()
  const objects = objectsOf(platform, releases)
  // As many at a time as may ride along with a header.
  for (let end = 0, revision = 1; end < objects.length; revision++) {
    end = Math.min(end + limits.announcementChanges, objects.length)
    await control.publish(treeOf(objects.slice(0, end)), revision, { format: 2 })
  }
  const file = join(folder, 'addresses.json')
  writeFileSync(file, '{}')
  const config: AgentConfig = {
    cluster: 'eu-1',
    name: 'eu-1-a',
    stateFolder: join(folder, 'state'),
    listen: { host: '127.0.0.1', port: 1 },
    probe: { host: '127.0.0.1', port: 2 },
    admin: { host: '127.0.0.1', port: await freePort() },
    workers: workerCount,
    control: { url: control.url, enrolmentToken: 'swy_enrol_x' },
    nats: null,
    platform:
      platform === 'static'
        ? { type: 'static', file }
        : { type: 'kubernetes', kubeconfig: cluster.pod ? null : cluster.kubeconfig },
  }
  const child = forkPilot(config, platform === 'kubernetes' ? cluster.pod : null)
  const waiting = new Map<
    string,
    { readonly release: string; readonly by: Set<number>; done: (ms: number) => void }
  >()
  /** Of the first worker, by release. */
  let counts: Record<string, number> = {}
  let updates = 0
  const workers = await startWorkers(config, (worker, endpoints, isAll) => {
    const nowMs = performance.now()
    for (const [address, wait] of waiting) {
      if (!endpoints[wait.release]?.some((one) => one.address === address)) continue
      if (wait.by.add(worker).size < workerCount) continue
      waiting.delete(address)
      wait.done(nowMs)
    }
    if (worker > 0) return
    updates++
    counts = { ...(isAll ? {} : counts), ...countsOf(endpoints) }
  })

  return {
    async resting() {
      await delay(restMs)
      const workersMb = workers.pids.reduce((sum, pid) => sum + residentMb(pid), 0)
      return { pilotMb: residentMb(child.pid!), workersMb }
    },
    untilWorkersHave: (release, address) =>
      new Promise((done) => waiting.set(address, { release, by: new Set(), done })),
    untilEndpoints: async (count) => {
      const sum = () => Object.values(counts).reduce((sum, one) => sum + one, 0)
      await until(`${count} endpoints`, () => sum() === count, 60_000)
    },
    updates: () => updates,
    async stop() {
      await workers.stop()
      await ended(child)
      await control.close()
      rmSync(folder, { recursive: true })
    },
  }
}

function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_024)
}

const countsOf = (endpoints: Endpoints) =>
  Object.fromEntries(Object.entries(endpoints).map(([release, list]) => [release, list.length]))

function objectsOf(platform: PilotOptions['platform'], releases: number): SnapshotObject[] {
  return Array.from({ length: releases }, (_, n): SnapshotObject[] => {
    const release = releaseOf(n)
    const about = { app: `app${n}`, release, version: '1' }
    const backend: SnapshotObject = {
      kind: 'backend',
      key: backendKey(release),
      ...about,
      platform,
    }
    if (platform === 'static') return [backend]
    const kubernetes = { namespace, port: 8080, template: 'app', image: 'app:1' }
    return [
      backend,
      { kind: 'workload', key: workloadKey(release), ...about, kubernetes, copies: 10 },
    ]
  }).flat()
}

/** A pilot process that follows a control of the tests, and workers that are played here, each with a router. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createRouter, type Router } from '#router/router.ts'
import { limits } from '#wire/limits.ts'
import { backendKey, type SnapshotObject, workloadKey } from '#wire/object.ts'
import { treeOf } from '#wire/tree.ts'
import type { AgentConfig } from '../../agent/config.ts'
import { type Endpoints, linkPath } from '../../agent/link.ts'
import { startFakeControl } from '../../agent/pilot/control.fixture.ts'
import { until } from '../../agent/pilot/fleet.fixture.ts'
import { dialPilot } from '../../agent/pilot/worker.fixture.ts'
import { zonesFor } from '../../agent/worker/zones.ts'
import type { MeasuredCluster } from './cluster.ts'
import { namespace, releaseOf } from './slices.ts'

export interface MeasuredPilot {
  /** Resident memory once it is at rest. */
  restingMb(): Promise<number>
  /** When the last worker's router had it as the first address of the release. */
  untilWorkersHave(release: string, address: string): Promise<number>
  untilEndpoints(count: number): Promise<void>
  /** Endpoint messages that the first worker has got. */
  updates(): number
  stop(): Promise<void>
}

export interface PilotOptions {
  readonly platform: 'static' | 'kubernetes'
  readonly releases: number
  readonly workerCount: number
  readonly cluster: MeasuredCluster
}

const script = resolve(import.meta.dirname, '../../agent/pilot/pilot.ts')
const wasm = resolve(import.meta.dirname, '../../router-wasm/build/router.wasm')
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
        : { type: 'kubernetes', kubeconfig: cluster.kubeconfig },
  }
  const child = fork(script, [JSON.stringify(config)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [],
  })
  const waiting = new Map<
    string,
    { readonly release: string; readonly by: Set<number>; done: (ms: number) => void }
  >()
  let endpointCount = 0
  let updates = 0
  const workers = await Promise.all(
    Array.from({ length: workerCount }, async (_, n) => {
      const router = createRouter({ wasm: readFileSync(wasm), zones: zonesFor(4) })
      const own = { pid: n === 0 ? process.pid : process.ppid }
      return until('the link', () =>
        dialPilot(linkPath(config.stateFolder), own, (endpoints) => {
          lay(router, endpoints)
          if (n === 0) updates++
          arrive(n, endpoints)
        }).catch(() => null),
      )
    }),
  )

  function arrive(worker: number, endpoints: Endpoints): void {
    endpointCount = Object.values(endpoints).reduce((sum, list) => sum + list.length, 0)
    const nowMs = performance.now()
    for (const [address, wait] of waiting) {
      if (!endpoints[wait.release]?.some((one) => one.address === address)) continue
      if (wait.by.add(worker).size < workerCount) continue
      waiting.delete(address)
      wait.done(nowMs)
    }
  }

  return {
    async restingMb() {
      await delay(restMs)
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
      return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_024)
    },
    untilWorkersHave: (release, address) =>
      new Promise((done) => waiting.set(address, { release, by: new Set(), done })),
    untilEndpoints: async (count) => {
      await until(`${count} endpoints`, () => endpointCount === count, 60_000)
    },
    updates: () => updates,
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
      for (const { socket } of workers) socket.destroy()
      await control.close()
      rmSync(folder, { recursive: true })
    },
  }
}

/** As a worker does: all releases, whole. */
function lay(router: Router, endpoints: Endpoints): void {
  for (const [release, list] of Object.entries(endpoints)) router.setEndpoints(release, list)
}

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

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

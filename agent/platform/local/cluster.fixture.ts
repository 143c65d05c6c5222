/** What tests of the local cluster share: one cluster in a folder of its own, and what an agent of it is told. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect } from 'vitest'
import type { RollingReport, TroubleReport } from '#wire/report.ts'
import type { Endpoints } from '../../link.ts'
import { until } from '../../pilot/fleet.fixture.ts'
import type { Platform, Workload } from '../platform.ts'
import { type LocalCluster, type LocalClusterSettings, startLocalCluster } from './cluster.ts'
import type { CopyView } from './copies.ts'
import { type CopyTiming, copyTiming } from './copy.ts'
import { createLocalPlatform } from './local.ts'

export const shopProgram = resolve(import.meta.dirname, '../../../deploy/local/shop.ts')
export const timing: CopyTiming = {
  ...copyTiming,
  probeMs: 30,
  startMs: 20,
  restart: { firstMs: 20, mostMs: 100 },
  removeDelayMs: 150,
  removeGraceMs: 1_000,
  stopGraceMs: 1_000,
  slowMs: 300,
}

export let folder: string
export let cluster: LocalCluster
export let platform: Platform
/** What the agent was told last. */
export let endpoints: Endpoints | null
export let replacements: readonly RollingReport[]
export let reasons: readonly TroubleReport[]
/** All that the agent has met itself. */
export let troubles: string[]

export async function start(settings: Partial<LocalClusterSettings> = {}): Promise<void> {
  cluster = await startLocalCluster({
    cluster: 'eu-1',
    listen: { host: '127.0.0.1', port: 0 },
    stateFolder: folder,
    programs: { shop: shopProgram },
    timing,
    leaseMs: 10_000,
    log: () => {},
    ...settings,
  })
}

export function follow(): void {
  endpoints = null
  replacements = []
  troubles = []
  reasons = []
  platform = createLocalPlatform(cluster.url)
  platform.follow({
    onEndpoints(next) {
      endpoints = next
    },
    onReplacements(next) {
      replacements = next
    },
    onTroubles(next) {
      reasons = next
    },
    onTrouble: (text) => troubles.push(text),
  })
}

export async function open(settings: Partial<LocalClusterSettings> = {}): Promise<void> {
  await start(settings)
  follow()
}
export async function close(): Promise<void> {
  await platform.close()
  await cluster.stop()
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'swy-platform-'))
})
afterEach(async () => {
  await close()
  rmSync(folder, { recursive: true })
})

// Each call has a bound of its own.
export const { signal } = new AbortController()
export const workload = (release: string, copies: number, program = 'shop'): Workload => ({
  app: 'shop',
  release,
  version: release === 'shop-r1' ? '0.0.1' : '0.0.2',
  program,
  copies,
})

export async function want(revision: number, ...workloads: Workload[]): Promise<void> {
  await platform.workloads!.acquire('eu-1-a', signal)
  const desired = { epoch: 1, revision, workloads }
  expect(await platform.workloads!.apply('eu-1-a', desired, signal)).toBe('applied')
}
export const ready = (release: string, count: number): Promise<boolean> =>
  until(`${count} of ${release}`, () => (endpoints?.[release]?.length ?? 0) === count)

interface View {
  readonly version: number
  readonly copies: readonly CopyView[]
}
export const view = async (url = cluster.url): Promise<View> =>
  (await (await fetch(`${url}/workloads`)).json()) as View

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

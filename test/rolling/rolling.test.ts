/**
 * Copies are replaced under load, through everything but control: a whole agent (supervisor, pilot, worker)
 * follows a control that this test plays, and a real local cluster runs the shop. P1 while copies roll.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { type PositionObject, type SnapshotObject, workloadKey } from '#wire/object.ts'
import { treeOf } from '#wire/tree.ts'
import { type FakeControl, startFakeControl } from '../../agent/pilot/control.fixture.ts'
import { backend, position, route, until } from '../../agent/pilot/fleet.fixture.ts'
import { type LocalCluster, startLocalCluster } from '../../agent/platform/local/cluster.ts'
import { copyTiming } from '../../agent/platform/local/copy.ts'
import type { Supervisor } from '../../agent/supervisor.ts'
import { type Generator, startGenerator } from '../../bench/load/generator.ts'
import { defaultKinds, defaultPlan } from '../../bench/load/plan.ts'
import { describe as inWords, judge } from '../../bench/load/verdict.ts'
import { startOneAgent } from './one-agent.ts'

const copies = 4
const bounds = { maxSurge: 1, maxUnavailable: 1 }
const shopProgram = resolve(import.meta.dirname, '../../deploy/local/shop.ts')

let folder: string
let control: FakeControl
let cluster: LocalCluster
let supervisor: Supervisor
let revision: number
let watched: { most: number; least: number; stop(): void }

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'swy-rolling-'))
  revision = 0
  control = await startFakeControl()
  cluster = await startLocalCluster({
    cluster: 'eu-1',
    listen: { host: '127.0.0.1', port: 0 },
    stateFolder: join(folder, 'platform'),
    programs: { shop: shopProgram },
    timing: { ...copyTiming, probeMs: 50, stopGraceMs: 1_000 },
    log: () => {},
  })
  supervisor = startOneAgent(folder, control, cluster)
  await publish([backend('shop-r1', '0.0.1', 'local'), workload('shop-r1', '0.0.1')], 'shop-r1')
  await ready({ 'shop-r1': copies })
  await until('the first release is public', async () => (await ask()) === '0.0.1')
})
afterEach(async () => {
  watched?.stop()
  await supervisor.stop()
  await cluster.stop()
  await control.close()
  rmSync(folder, { recursive: true })
})

const workload = (
  release: string,
  version: string,
  replaces: readonly string[] = [],
  progressDeadlineMs = 60_000,
): SnapshotObject => ({
  kind: 'workload',
  key: workloadKey(release),
  app: 'shop',
  release,
  version,
  program: 'shop',
  copies,
  ...(replaces.length > 0 && {
    rolling: {
      ...bounds,
      replaces: [...replaces],
      minReadyMs: 300,
      progressDeadlineMs,
      paused: false,
    },
  }),
})
const sharing = (release: string, version: string, shares: readonly string[]): SnapshotObject =>
  ({
    ...backend(release, version, 'local'),
    ...(shares.length > 0 && { shares: [...shares] }),
  }) as SnapshotObject

function publish(
  objects: readonly SnapshotObject[],
  release: string,
  next?: PositionObject['next'],
): Promise<void> {
  const generation = next ? next.generation - 1 : ++revision
  const tree = treeOf([...objects, route('shop'), position('shop', generation, release, next)])
  return control.publish(tree, ++revision, { format: 2 })
}

/** The position moves from the first release to the second while no copy of the second runs. */
async function move(version: string, progressDeadlineMs?: number): Promise<void> {
  const backends = [backend('shop-r1', '0.0.1', 'local'), sharing('shop-r2', version, ['shop-r1'])]
  const generation = revision + 1
  await publish([...backends, workload('shop-r1', '0.0.1')], 'shop-r1', {
    generation,
    weights: [{ release: 'shop-r2', weight: 1 }],
    minReady: copies,
  })
  await until('prepared by shared endpoints', () => {
    return control.newest()?.positions.shop?.prepared === generation
  })
  watch()
  await publish(
    [...backends, workload('shop-r2', version, ['shop-r1'], progressDeadlineMs)],
    'shop-r2',
  )
}

function ready(counts: Readonly<Record<string, number>>): Promise<unknown> {
  const all = { 'shop-r1': 0, 'shop-r2': 0, ...counts }
  return until(
    `ready: ${JSON.stringify(counts)}`,
    () =>
      Object.entries(all).every(
        ([release, count]) => (control.newest()?.readyEndpoints[release] ?? 0) === count,
      ),
    40_000,
  )
}

async function ask(): Promise<string | null> {
  const { host, port } = supervisor.listen
  const headers = { host: 'shop.example' }
  return new Promise((done) => {
    get({ host, port, headers, agent: false }, (response) => {
      response.resume()
      done((response.headers['x-version'] as string | undefined) ?? null)
    }).once('error', () => done(null))
  })
}

function load(): Generator {
  const { host, port } = supervisor.listen
  return startGenerator({
    ...defaultPlan,
    targets: [{ name: 'eu-1-a', host, port }],
    authority: 'shop.example',
    kinds: [
      ...defaultKinds,
      { name: 'long', method: 'GET', path: '/slow?ms=900&bytes=20000', weight: 1 },
    ],
    ratePerSecond: 80,
  })
}

interface Talk {
  /** What was answered last, and how it ended; null while it is open. */
  readonly said: string
  readonly closed: number | null
}

/** WebSockets that speak all the time, on connections that begin at the first release. */
async function talk(count: number): Promise<readonly Talk[]> {
  const { host, port } = supervisor.listen
  const talks = Array.from({ length: count }, () => ({ said: '', closed: null as number | null }))
  await Promise.all(
    talks.map(async (one) => {
      const socket = new WebSocket(`ws://${host}:${port}/ws`, {
        headers: { host: 'shop.example' },
      })
      const speaking = setInterval(() => socket.readyState === 1 && socket.send('hello'), 20)
      socket.on('message', (data) => {
        one.said = String(data)
      })
      socket.on('error', () => {})
      socket.once('close', (code) => {
        clearInterval(speaking)
        one.closed = code
      })
      await until('an echo', () => one.said !== '')
    }),
  )
  return talks
}

/** Of what the cluster says again and again: the most copies that ran and the fewest that were ready. */
function watch(): void {
  const seen = { most: 0, least: copies, stop: () => clearInterval(timer) }
  const timer = setInterval(async () => {
    const answer = await fetch(`${cluster.url}/workloads`).catch(() => null)
    if (!answer) return
    const { copies: list } = (await answer.json()) as { copies: { ready: boolean }[] }
    seen.most = Math.max(seen.most, list.length)
    seen.least = Math.min(seen.least, list.filter((one) => one.ready).length)
  }, 20)
  watched = seen
}

describe('copies that are replaced under load', () => {
  it('fail no request, cut off no WebSocket, and stay within both bounds', async () => {
    const generator = load()
    const talks = await talk(8)
    await move('0.0.2')
    await ready({ 'shop-r2': copies })
    await until('the end in the report', () => {
      return control.newest()?.rolling?.[0]?.ready === copies
    })
    expect(control.newest()?.rolling).toEqual([
      { release: 'shop-r2', updated: copies, ready: copies, old: 0, stalled: null },
    ])
    await publish([backend('shop-r2', '0.0.2', 'local'), workload('shop-r2', '0.0.2')], 'shop-r2')
    await until('the report without it', () => control.newest()?.rolling === undefined)
    const result = await generator.stop()

    const verdict = judge(result, [
      { version: '0.0.1', fromMs: 0 },
      { version: '0.0.2', fromMs: 0 },
    ])
    expect(verdict.examples, inWords(verdict)).toEqual([])
    // 1001: the shop's own word at its end. Nobody was cut off (1006) before a copy had said so.
    await until('every talk has ended', () => talks.every(({ closed }) => closed !== null))
    expect(talks).toEqual(talks.map(() => ({ said: '0.0.1: hello', closed: 1001 })))
    expect(verdict.requests).toBeGreaterThan(50)
    expect(verdict.byVersion['0.0.2']).toBeGreaterThan(0)
    expect(watched.most).toBeLessThanOrEqual(copies + bounds.maxSurge)
    expect(watched.least).toBeGreaterThanOrEqual(copies - bounds.maxUnavailable)
    expect(await ask()).toBe('0.0.2')
  }, 90_000)

  it('stall with the reason when they never get ready, serve on, and go back', async () => {
    const generator = load()
    await move('0.0.2-broken', 1_500)
    const stalled = await until('the reason', () => control.newest()?.rolling?.[0]?.stalled)
    expect(stalled).toMatch(
      /^ProgressDeadlineExceeded: .*shop-r2\/0 is not ready: \/readyz on port \d+ answers 503/,
    )
    expect(control.newest()?.readyEndpoints['shop-r1']).toBe(copies - bounds.maxUnavailable)
    expect(await ask()).toBe('0.0.1')

    await publish(
      [
        sharing('shop-r1', '0.0.1', ['shop-r2']),
        backend('shop-r2', '0.0.2-broken', 'local'),
        workload('shop-r1', '0.0.1', ['shop-r2']),
      ],
      'shop-r1',
    )
    await ready({ 'shop-r1': copies })
    const result = await generator.stop()
    const verdict = judge(result, [{ version: '0.0.1', fromMs: 0 }])
    expect(verdict.examples, inWords(verdict)).toEqual([])
    expect(verdict.requests).toBeGreaterThan(50)
    expect(watched.most).toBeLessThanOrEqual(copies + bounds.maxSurge)
    expect(watched.least).toBeGreaterThanOrEqual(copies - bounds.maxUnavailable)
  }, 90_000)
})

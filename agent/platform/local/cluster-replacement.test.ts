/** Copies of the shop that replace each other on a real local cluster: what happens in the middle of it. */
import { setTimeout as delay } from 'node:timers/promises'
import { beforeEach, expect, it } from 'vitest'
import { until } from '../../pilot/fleet.fixture.ts'
import type { Workload } from '../platform.ts'
import {
  close,
  cluster,
  open,
  replacements,
  timing,
  view,
  want as wantAt,
  workload,
} from './cluster.fixture.ts'
import type { CopyView } from './copies.ts'

const settings = { timing: { ...timing, removeDelayMs: 50 } }
let revision: number

beforeEach(async () => {
  revision = 0
  await open(settings)
  await want(plain('shop-r1'))
  await run({ 'shop-r1': 3 })
})

const plain = (release: string, version = release): Workload => ({
  ...workload(release, 3),
  version,
})
const replacing = (
  release: string,
  replaces: string[],
  changes: Partial<NonNullable<Workload['rolling']>> = {},
  version = release,
): Workload => ({
  ...plain(release, version),
  rolling: {
    replaces,
    maxSurge: 1,
    maxUnavailable: 0,
    minReadyMs: 0,
    progressDeadlineMs: 60_000,
    paused: false,
    ...changes,
  },
})

const want = (...workloads: Workload[]) => wantAt(++revision, ...workloads)
const list = async () => (await view()).copies
/** So many ready copies of each, and no others. */
const run = (counts: Readonly<Record<string, number>>) =>
  until(`running: ${JSON.stringify(counts)}`, async () => {
    const copies = await list()
    const wanted = Object.values(counts).reduce((sum, count) => sum + count, 0)
    const enough = Object.entries(counts).every(([release, count]) => {
      return copies.filter((one) => one.release === release && one.ready).length === count
    })
    return copies.length === wanted && enough
  })
const one = async (release: string) => {
  return (await list()).filter((copy) => copy.release === release && copy.ready).length > 0
}

/** What a reader hears at once. */
async function firstEvents(): Promise<string[]> {
  const response = await fetch(`${cluster.url}/endpoints`)
  const reader = response.body!.getReader()
  const text = Buffer.from((await reader.read()).value!).toString()
  await reader.cancel()
  return [...text.matchAll(/"type":"(\w+)"/g)].map(([, type]) => type!)
}

it('goes through to the end, and is told at every step', async () => {
  await want(replacing('shop-r2', ['shop-r1']))
  await run({ 'shop-r2': 3 })
  await until('the last word', () => replacements[0]?.ready === 3)
  expect(replacements).toEqual([
    { release: 'shop-r2', updated: 3, ready: 3, old: 0, stalled: null },
  ])
  expect(await firstEvents()).toEqual(['state', 'replacements'])
  await want(plain('shop-r2'))
  await until('nothing to tell', () => replacements.length === 0)
  expect(await firstEvents()).toEqual(['state'])
  await run({ 'shop-r2': 3 })
})

it('stands still while it is paused, but for copies that die, and goes on afterwards', async () => {
  await want(replacing('shop-r2', ['shop-r1'], { minReadyMs: 200 }))
  await until('a new copy', () => one('shop-r2'))
  await want(replacing('shop-r2', ['shop-r1'], { minReadyMs: 200, paused: true }))
  await until('all that run are ready', async () => (await list()).every(({ ready }) => ready))
  const names = (copies: readonly CopyView[]) => copies.map((it) => `${it.release}/${it.copy}`)
  const before = await list()
  expect(before.some(({ release }) => release === 'shop-r1')).toBe(true)
  await delay(500)
  const victim = before[0]!
  process.kill(victim.pid!, 'SIGKILL')
  await until('its next life', async () => {
    const again = (await list()).find(({ port }) => port === victim.port)
    return again?.restarts === 1 && again.ready
  })
  expect(names(await list())).toEqual(names(before))
  await want(replacing('shop-r2', ['shop-r1']))
  await run({ 'shop-r2': 3 })
})

it('goes on where it was when the cluster starts again', async () => {
  await want(replacing('shop-r2', ['shop-r1'], { minReadyMs: 200 }))
  await until('a new copy', () => one('shop-r2'))
  await want(replacing('shop-r2', ['shop-r1'], { paused: true }))
  const before = await list()
  await close()
  await open(settings)
  const state = (copies: readonly CopyView[]) =>
    copies.map(({ release, copy, port }) => `${release}/${copy} ${port}`).sort()
  await until('all are back', async () => {
    const copies = await list()
    return copies.length === before.length && copies.every(({ ready }) => ready)
  })
  expect(state(await list())).toEqual(state(before))
  await want(replacing('shop-r2', ['shop-r1']))
  await run({ 'shop-r2': 3 })
})

it('turns round in the middle, and again, from whatever runs', async () => {
  await want(replacing('shop-r2', ['shop-r1'], { minReadyMs: 100 }))
  await until('a new copy', () => one('shop-r2'))
  await want(replacing('shop-r1', ['shop-r2']))
  await run({ 'shop-r1': 3 })
  await want(replacing('shop-r2', ['shop-r1'], { minReadyMs: 100 }))
  await until('a new copy again', () => one('shop-r2'))
  await want(replacing('shop-r3', ['shop-r2', 'shop-r1']))
  await run({ 'shop-r3': 3 })
})

it('says how its copies die, and another release takes over', async () => {
  const crashing = replacing('shop-r2', ['shop-r1'], { progressDeadlineMs: 500 }, '2-crashing')
  await want(crashing)
  await until('the reason', () => replacements[0]?.stalled?.includes('exit code'))
  expect(replacements[0]!.stalled).toMatch(
    /^ProgressDeadlineExceeded: no progress for 0.5 s; shop-r2\/0 ended by exit code 1/,
  )
  const old = (await list()).filter(({ release, ready }) => release === 'shop-r1' && ready)
  expect(old).toHaveLength(3)
  await want(replacing('shop-r3', ['shop-r2', 'shop-r1']))
  await run({ 'shop-r3': 3 })
})

it('is stalled no more once a copy becomes ready after all', async () => {
  await want(replacing('shop-r2', ['shop-r1'], { progressDeadlineMs: 500 }, '2-broken'))
  await until('the reason', () => replacements[0]?.stalled?.includes('answers 503'))
  const fix = async () => {
    for (const { release, port, ready } of await list()) {
      if (release !== 'shop-r2' || ready) continue
      await fetch(`http://127.0.0.1:${port}/readyz?ready=true`, { method: 'POST' }).catch(() => {})
    }
  }
  await fix()
  await until('no complaint', () => replacements[0]?.stalled === null)
  await until('the end', async () => {
    await fix()
    return replacements[0]?.ready === 3 && replacements[0].old === 0
  })
})

it('leaves everything as it is when the program is unknown, and says so', async () => {
  const unknown = {
    ...replacing('shop-r2', ['shop-r1'], { progressDeadlineMs: 100 }),
    program: 'x',
  }
  await want(unknown)
  await until('the reason', () => replacements[0]?.stalled)
  expect(replacements[0]).toMatchObject({ updated: 0, old: 3 })
  expect(replacements[0]!.stalled).toContain('this cluster has no program x')
  await run({ 'shop-r1': 3 })
})

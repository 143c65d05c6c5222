/** Labels and Events of Deployments tell which release answers the app's users, as the app's position says it. */
import { describe, expect, it } from 'vitest'
import type { BackendObject, PositionObject, WorkloadObject } from '#wire/object.ts'
import { workloadsOf } from '../../../pilot/snapshots/catalogue.ts'
import { createApiServer, type Stored } from './api-server.fixture.ts'
import { apply as applyNext, notes, server } from './holder.fixture.ts'
import { createNotes } from './notes.ts'
import { adoptedRelease, imageRelease, rollingOver } from './story.fixture.ts'
import { type Wanted, wantedOf } from './wanted.ts'
import type { Note } from './write.ts'

type Shares = Readonly<Record<string, number>>

/** The snapshot that control makes of these weights, on its way through the pilot. */
function snapshotOf(
  wanted: readonly Wanted[],
  shares: Shares | null,
  sharing: Readonly<Record<string, string>> = {},
): readonly Wanted[] {
  const workload = ({ app, release, version, copies, rolling, ...kubernetes }: Wanted) => ({
    ...{ kind: 'workload', key: `workload/${release}`, app, release, version, copies },
    ...(rolling && { rolling }),
    kubernetes,
  })
  const backends = new Map(
    Object.entries(sharing).map(([release, other]) => [
      release,
      { release, shares: [other] } as unknown as BackendObject,
    ]),
  )
  const workloads = new Map(
    wanted.map((one) => [one.release, workload(one) as unknown as WorkloadObject]),
  )
  const weights = Object.entries(shares ?? {}).map(([release, weight]) => ({ release, weight }))
  const position = { kind: 'position', key: 'position/shop', app: 'shop', generation: 1, weights }
  const positions = new Map(shares ? [['shop', position as PositionObject]] : [])
  return wantedOf(workloadsOf({ workloads, backends, positions }))
}

const apply = (...snapshot: Parameters<typeof snapshotOf>) => applyNext(...snapshotOf(...snapshot))
const share = (name: string) => server.find('Deployment', name)?.metadata.labels[label]
const label = 'switchyard.dev/share'
const told = () => notes.splice(0).map(({ reason, message }) => `${reason}: ${message}`)
const both = [imageRelease(1), imageRelease(2)]

describe('the share of a release', () => {
  it('is not taken for that of the release that gets its Deployment back', async () => {
    await apply([imageRelease(1)], null)
    await apply([imageRelease(2, { rolling: rollingOver(['shop-r1']) })], { 'shop-r2': 1 })
    expect(share('shop-r1')).toBe('100')
    await apply([imageRelease(1, { rolling: rollingOver(['shop-r2']) })], null)
    expect(share('shop-r1')).toBeUndefined()
  })

  it('is told of a blue-green switch, and of the way back', async () => {
    await apply(both.slice(0, 1), { 'shop-r1': 1 })
    expect([share('shop-r1'), told()]).toEqual([
      '100',
      [
        expect.stringMatching(/^Created: /),
        'Serving: shop-r1 (version 0.0.1) answers 100 % of the users of shop',
      ],
    ])
    await apply(both, { 'shop-r1': 1 })
    expect(['shop-r1', 'shop-r2'].map(share)).toEqual(['100', '0'])
    expect(told()).toEqual([expect.stringMatching(/^Created: made for shop-r2/)])
    await apply(both, { 'shop-r2': 1 })
    expect(['shop-r1', 'shop-r2'].map(share)).toEqual(['0', '100'])
    expect(told()).toEqual([
      'NotServing: shop-r1 (version 0.0.1) answers 0 % of the users of shop, 100 % before',
      'Serving: shop-r2 (version 0.0.2) answers 100 % of the users of shop, 0 % before',
    ])
    await apply(both, { 'shop-r1': 1 })
    expect(['shop-r1', 'shop-r2'].map(share)).toEqual(['100', '0'])
    expect(told()).toEqual([
      'Serving: shop-r1 (version 0.0.1) answers 100 % of the users of shop, 0 % before',
      'NotServing: shop-r2 (version 0.0.2) answers 0 % of the users of shop, 100 % before',
    ])
  })

  it('is told of each step of a canary', async () => {
    await apply(both, { 'shop-r1': 1 })
    told()
    for (const [weights, shares] of [
      [{ 'shop-r1': 90, 'shop-r2': 10 }, ['90', '10']],
      [{ 'shop-r1': 2, 'shop-r2': 1 }, ['66.67', '33.33']],
      [{ 'shop-r2': 1 }, ['0', '100']],
    ] as const) {
      await apply(both, weights)
      expect(['shop-r1', 'shop-r2'].map(share)).toEqual(shares)
      expect(told().map((one) => /^\w+: shop-r\d .* (\S+) % of/.exec(one)?.[1])).toEqual(shares)
    }
  })

  it('stays with copies that answer for a rolling release, until theirs is the Deployment', async () => {
    const [old, next] = [imageRelease(1), imageRelease(2, { rolling: rollingOver(['shop-r1']) })]
    await apply([old], { 'shop-r1': 1 })
    told()
    await apply([old], { 'shop-r2': 1 }, { 'shop-r2': 'shop-r1' })
    expect([share('shop-r1'), told()]).toEqual(['100', []])
    await apply([next], { 'shop-r2': 1 }, { 'shop-r2': 'shop-r1' })
    expect([share('shop-r1'), told()]).toEqual([
      '100',
      [
        expect.stringMatching(/^Switched: its pods are replaced by those of shop-r2/),
        'Serving: shop-r2 (version 0.0.2) answers 100 % of the users of shop',
      ],
    ])
  })

  it('changes one field of one Deployment, once, and none of its pods', async () => {
    const adopted = [adoptedRelease(1, 'app-blue'), adoptedRelease(2, 'app-green')]
    await apply(adopted, { 'shop-r1': 1 })
    const pods = (name: string) => {
      const { spec, metadata } = server.find('Deployment', name) as Stored & { spec: object }
      return { spec, generation: metadata.generation }
    }
    const before = ['app-blue', 'app-green'].map(pods)
    const { length } = server.writes
    const weights = { 'shop-r2': 1 }
    await apply(adopted, weights)
    await apply(adopted, weights)
    const writes = server.writes.slice(length).map(({ verb, kind, name }) => [verb, kind, name])
    expect(writes).toEqual([
      ['apply', 'Deployment', 'app-blue'],
      ['apply', 'Deployment', 'app-green'],
    ])
    expect(['app-blue', 'app-green'].map(pods)).toEqual(before)
    await apply(adopted.slice(1), weights)
    expect(share('app-blue'), 'it is its owner’s again').toBeUndefined()
  })

  it('is not told while the snapshot has no position', async () => {
    await apply(both, null)
    expect(['shop-r1', 'shop-r2'].map(share)).toEqual([undefined, undefined])
    expect(told().every((one) => one.startsWith('Created: '))).toBe(true)
  })
})

describe('Events', () => {
  const about = { namespace: 'shop', name: 'shop-r1' }
  const note = (message: string): Note => {
    return { type: 'Normal', reason: 'Serving', action: 'Patch', message, about }
  }

  it('wait for each other; those without a place are counted', async () => {
    const lost: number[] = []
    const written: string[] = []
    let underWay = 0
    let most = 0
    const cluster = {
      ...createApiServer().client(),
      async create(body: unknown) {
        most = Math.max(most, ++underWay)
        await null
        underWay--
        written.push((body as { note: string }).note)
        return { ok: true, value: null } as never
      },
    }
    const { signal } = new AbortController()
    const events = createNotes(
      cluster,
      () => 'eu-1-a',
      () => 0,
      (count) => lost.push(count),
      signal,
    )
    const places = 32 + 4_096
    for (let n = 0; n < places + 5; n++) events.say(note(`${n}`))
    await expect.poll(() => lost).toEqual([5])
    expect(written).toEqual(Array.from({ length: places }, (_, n) => `${n}`))
    expect(most).toBe(32)
    events.say(note('€'.repeat(400)))
    await expect.poll(() => Buffer.byteLength(written.at(-1)!)).toBeLessThanOrEqual(1_024)
    expect(written.at(-1)).toMatch(/^€+…$/)
  })
})

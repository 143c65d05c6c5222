import { describe, expect, it } from 'vitest'
import type { PositionObject } from '#wire/object.ts'
import { position } from '../fleet.fixture.ts'
import { applicable, appliedOf, bridging } from '../positions.ts'
import {
  type AppFacts,
  type Evidence,
  noStanding,
  reportedStanding,
  type Standing,
  standingOf,
} from './standing.ts'
import type { Serving } from './workers.ts'

const endpoint = { address: '127.0.0.1', port: 9001 }
const next: PositionObject['next'] = {
  generation: 7,
  weights: [{ release: 'shop-r2', weight: 1 }],
  minReady: 1,
}
const serving = (changes: Partial<Serving> = {}): Serving => ({
  type: 'serving',
  pid: 1,
  tableDigest: 'table',
  positions: { shop: 3 },
  endpoints: { 'shop-r1': 1, 'shop-r2': 1 },
  endpointsNumber: 1,
  ...changes,
})
const wanted = position('shop', 3, 'shop-r1', next)
const facts: AppFacts = {
  wanted,
  applied: appliedOf(wanted),
  tableHasNext: true,
  receivedMs: 90,
}
const evidence: Evidence = {
  workers: [serving()],
  unaccounted: false,
  tableDigests: ['table'],
  apps: new Set(['shop']),
  endpoints: { 'shop-r1': [endpoint], 'shop-r2': [endpoint] },
  nowMs: 100,
}
const stands = (
  changedFacts: Partial<AppFacts> = {},
  changedEvidence: Partial<Evidence> = {},
  former: Standing = noStanding,
) => standingOf({ ...facts, ...changedFacts }, former, { ...evidence, ...changedEvidence })

describe('prepared', () => {
  it('asks for endpoints of the named targets alone, when some are named', () => {
    const weights = [
      { release: 'shop-r1', weight: 90 },
      { release: 'shop-r2', weight: 10 },
    ]
    const workers = [serving({ endpoints: { 'shop-r2': 1 } })]
    const only = { endpoints: { 'shop-r2': [endpoint] }, workers }
    const to = (targets?: string[]) =>
      position('shop', 3, 'shop-r1', { ...next, weights, ...(targets && { targets }) })
    expect(stands({ wanted: to() }, only).prepared).toBe(0)
    expect(stands({ wanted: to(['shop-r2']) }, only).prepared).toBe(7)
    expect(stands({ wanted: to(['shop-r1']) }, only).prepared).toBe(0)
  })

  it('is the generation of next once every worker has table and endpoints', () => {
    expect(stands().prepared).toBe(7)
  })

  it.each<[string, Partial<AppFacts>, Partial<Evidence>]>([
    ['no switch is proposed', { wanted: position('shop', 3, 'shop-r1') }, {}],
    ['the table of the proposal is not accepted', { tableHasNext: false }, {}],
    ['the platform has not spoken in this life', {}, { endpoints: null }],
    ['the target has one endpoint too few', {}, { endpoints: { 'shop-r2': [] } }],
    ['no worker is connected', {}, { workers: [] }],
    ['one worker has not spoken', {}, { workers: [serving(), null] }],
    ['a worker may be unheard', {}, { unaccounted: true }],
    ['one worker has another table', {}, { workers: [serving(), serving({ tableDigest: 'x' })] }],
    ['one worker lacks the endpoint', {}, { workers: [serving({ endpoints: {} })] }],
  ])('is 0 while %s', (_why, changedFacts, changedEvidence) => {
    expect(stands(changedFacts, changedEvidence).prepared).toBe(0)
  })

  it('needs minReady endpoints of every target: at it, and one below', () => {
    const many = (minReady: number) => position('shop', 3, 'shop-r1', { ...next!, minReady })
    const two = { ...evidence.endpoints, 'shop-r2': [endpoint, { ...endpoint, port: 9002 }] }
    const workers = [serving({ endpoints: { 'shop-r2': 2 } })]
    expect(stands({ wanted: many(2) }, { endpoints: two, workers }).prepared).toBe(7)
    expect(stands({ wanted: many(3) }, { endpoints: two, workers }).prepared).toBe(0)
  })

  it('is not taken back by a worker that starts or a link that is lost', () => {
    const former = stands()
    expect(stands({}, { workers: [serving(), null] }, former).prepared).toBe(7)
    expect(stands({}, { unaccounted: true }, former).prepared).toBe(7)
    expect(stands({}, { workers: [] }, former).prepared).toBe(0)
  })

  it('does not wait for an app that moves at the same time', () => {
    const moving = serving({ positions: { shop: 3, other: 1 } })
    expect(stands({}, { workers: [moving] }).prepared).toBe(7)
  })
})

describe('active', () => {
  const committed = position('shop', 7, 'shop-r2')
  const commit: Partial<AppFacts> = { wanted: committed, applied: appliedOf(committed) }
  const swapped = serving({ positions: { shop: 7 } })

  it('is the generation that every worker has swapped to, with the time it took', () => {
    const standing = stands(commit, { workers: [swapped, swapped] }, stands())
    expect(reportedStanding(standing, 105)).toEqual({
      prepared: 0,
      active: 7,
      appliedMs: 10,
      activeForMs: 5,
    })
  })

  it('is the former generation until the last worker has swapped', () => {
    expect(stands(commit, { workers: [swapped, serving()] }, stands()).active).toBe(3)
    expect(stands(commit, { workers: [swapped, null] }, stands()).active).toBe(3)
    expect(stands(commit, { workers: [swapped], unaccounted: true }, stands()).active).toBe(3)
  })

  it('is taken back when a worker serves something else, and measured only once', () => {
    const proven = stands(commit, { workers: [swapped] })
    const drifted = stands(commit, { workers: [serving()], nowMs: 200 }, proven)
    expect(drifted.active).toBe(0)
    const repaired = stands(commit, { workers: [swapped], nowMs: 300 }, drifted)
    expect(reportedStanding(repaired, 310)).toMatchObject({ active: 7, appliedMs: 10 })
  })

  it('is 0 without workers, and comes back with them', () => {
    const proven = stands(commit, { workers: [swapped] })
    const alone = stands(commit, { workers: [] }, proven)
    expect(alone.active).toBe(0)
    expect(stands(commit, { workers: [swapped], nowMs: 900 }, alone)).toEqual(proven)
  })

  it('has no times after a restart', () => {
    const standing = stands({ receivedMs: null })
    expect(reportedStanding(standing, 500)).toMatchObject({
      active: 3,
      appliedMs: null,
      activeForMs: null,
    })
  })
})

describe('a position', () => {
  const old = appliedOf(position('shop', 3, 'shop-r1'))
  const applied = new Map([['shop', old]])

  it('waits until the table holds its releases', () => {
    const objects = [position('shop', 7, 'shop-r2')]
    expect(applicable(objects, applied, new Set(['shop-r1'])).get('shop')).toBe(old)
    const both = applicable(objects, applied, new Set(['shop-r1', 'shop-r2']))
    expect(both.get('shop')?.generation).toBe(7)
  })

  it('goes when its app goes, and may name nothing', () => {
    expect(applicable([], applied, new Set()).size).toBe(0)
    const none = applicable([position('shop', 8, null)], applied, new Set())
    expect(none.get('shop')).toMatchObject({ generation: 8, weights: [] })
  })

  it('comes together with a table only when the former one cannot be served by it', () => {
    const coming = new Map([['shop', appliedOf(position('shop', 7, 'shop-r2'))]])
    const both = new Set(['shop-r1', 'shop-r2'])
    expect(bridging(applied, coming, both).get('shop')).toBe(old)
    expect(bridging(applied, coming, new Set(['shop-r2'])).get('shop')?.generation).toBe(7)
  })
})

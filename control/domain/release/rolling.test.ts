/** Rolling: the position first, then copy by copy. */
import { describe, expect, it } from 'vitest'
import type { BackendObject } from '#wire/object.ts'
import { find } from '#wire/tree.ts'
import { createRelease } from '../fleet-of.fixture.ts'
import { snapshotOf } from '../snapshot/snapshot.ts'
import { releaseOf } from '../state.ts'
import { motion, shop, until } from './shop.fixture.ts'

describe('a rolling release', () => {
  const roll = (more = {}) => createRelease('shop', { strategy: 'rolling', ...more })
  const workload = (fleet: ReturnType<typeof shop>, id: string) =>
    find(snapshotOf(fleet.state(), 'eu-1'), `workload/${id}`)

  it('gets the position first, then replaces copies, and is live when the last has gone', () => {
    const fleet = shop()
    const { ask, settle, view, shares, ready, state } = fleet
    ready['shop-r2'] = 0
    ask(roll())
    expect(find(snapshotOf(state(), 'eu-1'), 'backend/shop-r2')).toMatchObject({
      shares: ['shop-r1'],
    })
    expect(workload(fleet, 'shop-r2')).toBeUndefined()
    settle()
    expect(shares()).toEqual({ 'shop-r2': 1 })
    expect(workload(fleet, 'shop-r1')).toBeUndefined()
    expect(workload(fleet, 'shop-r2')).toMatchObject({
      copies: 4,
      rolling: { replaces: ['shop-r1'], maxSurge: 1, maxUnavailable: 1, paused: false },
    })
    expect(view()).toMatchObject({ phase: 'progressing', waiting: { code: 'copies' } })
    Object.assign(ready, { 'shop-r1': 2, 'shop-r2': 3 })
    settle()
    expect(view().phase).toBe('progressing')
    Object.assign(ready, { 'shop-r1': 0, 'shop-r2': 4 })
    settle()
    expect([view().phase, releaseOf(state(), 'shop-r1')?.phase]).toEqual(['live', 'decommissioned'])
    expect(find(snapshotOf(state(), 'eu-1'), 'backend/shop-r2')).not.toHaveProperty('shares')
    expect(workload(fleet, 'shop-r2')).not.toHaveProperty('rolling')
    expect(view().rollback.ready).toBe(false)
  })

  it('shares both ways, so that an agent that is left behind follows the copies', () => {
    const { ask, settle, ready, state } = shop()
    const shares = (id: string) =>
      (find(snapshotOf(state(), 'eu-1'), `backend/${id}`) as BackendObject | undefined)?.shares
    ready['shop-r2'] = 0
    ask(roll())
    expect([shares('shop-r1'), shares('shop-r2')]).toEqual([['shop-r2'], ['shop-r1']])
    settle()
    expect([shares('shop-r1'), shares('shop-r2')]).toEqual([['shop-r2'], ['shop-r1']])
    ask(motion('rollback'))
    expect([shares('shop-r1'), shares('shop-r2')]).toEqual([['shop-r2'], ['shop-r1']])
    Object.assign(ready, { 'shop-r1': 4, 'shop-r2': 0 })
    settle()
    expect([shares('shop-r1'), shares('shop-r2')]).toEqual([undefined, undefined])
    ask(roll({ autoPromote: false }))
    expect(shares('shop-r1')).toEqual(['shop-r3'])
    ask({ type: 'abort-release', release: 'shop-r3' })
    expect(shares('shop-r1')).toBeUndefined()
  })

  it('pauses with the reason of the platform, and goes on after resume', () => {
    const fleet = shop()
    const { ask, settle, view, ready, pass } = fleet
    ready['shop-r2'] = 0
    ask(roll())
    settle()
    const stalled = 'ProgressDeadlineExceeded: shop-r2/0 ended by exit code 1'
    const rolling = [{ release: 'shop-r2', updated: 1, ready: 0, old: 4, stalled }]
    settle({ rolling })
    expect(view()).toMatchObject({ paused: { reason: `eu-1: ${stalled}` } })
    expect(workload(fleet, 'shop-r2')).toMatchObject({ rolling: { paused: true } })
    ask(motion('resume'))
    settle({ rolling })
    expect(view().paused).toBeNull()
    pass(2_000)
    settle({ rolling })
    expect(view().paused).toMatchObject({ by: 'fleet' })
  })

  it('is rolled back when its platform has done it, though no agent ever saw a copy of it', () => {
    const fleet = shop()
    const { ask, settle, view, ready, state } = fleet
    Object.assign(ready, { 'shop-r1': 4, 'shop-r2': 0 })
    ask(roll())
    settle()
    const former = { release: 'shop-r2', updated: 1, ready: 0, old: 4, stalled: null }
    settle({ rolling: [former] })
    ask(motion('rollback'))
    settle({ rolling: [former] })
    expect(view('shop-r1').phase).toBe('progressing')
    const back = { release: 'shop-r1', updated: 4, ready: 4, old: 1, stalled: null }
    settle({ rolling: [back] })
    expect(view('shop-r1').phase).toBe('progressing')
    expect(releaseOf(state(), 'shop-r2')?.phase).not.toBe('decommissioned')
    settle({ rolling: [{ ...back, old: 0 }] })
    expect(view('shop-r1').phase).toBe('live')
    expect(releaseOf(state(), 'shop-r2')?.phase).toBe('decommissioned')
  })

  it('is rolled back by replacing its own copies', () => {
    const fleet = shop()
    const { ask, settle, view, shares, ready, state } = fleet
    ready['shop-r2'] = 0
    ask(roll())
    settle()
    Object.assign(ready, { 'shop-r1': 2, 'shop-r2': 2 })
    settle()
    ask(motion('rollback'))
    settle()
    expect(shares()).toEqual({ 'shop-r1': 1 })
    expect(workload(fleet, 'shop-r1')).toMatchObject({ rolling: { replaces: ['shop-r2'] } })
    expect(workload(fleet, 'shop-r2')).toBeUndefined()
    expect(view('shop-r1').phase).toBe('progressing')
    Object.assign(ready, { 'shop-r1': 4, 'shop-r2': 0 })
    settle()
    expect(view('shop-r1').phase).toBe('live')
    expect(releaseOf(state(), 'shop-r2')?.phase).toBe('decommissioned')
  })

  it('replaces copies wave by wave', () => {
    const fleet = shop()
    const { ask, settle, view, shares, ready, promote, report } = fleet
    ready['shop-r2'] = 0
    ask(roll({ waves: [{ clusters: ['eu-1'], pause: until }] }))
    settle()
    expect([shares('eu-1'), shares('us-1')]).toEqual([{ 'shop-r2': 1 }, { 'shop-r1': 1 }])
    const done = { readyEndpoints: { 'shop-r2': 4 } }
    for (let n = 0; n < 3; n++) report('eu-1', 'eu-1-a', done)
    expect(view()).toMatchObject({ phase: 'progressing', waiting: { code: 'promote' } })
    ask(promote())
    for (let n = 0; n < 4; n++) {
      report('eu-1', 'eu-1-a', done)
      report('us-1', 'us-1-a', { readyEndpoints: { 'shop-r1': 4 } })
    }
    expect(shares('us-1')).toEqual({ 'shop-r2': 1 })
    for (let n = 0; n < 4; n++) {
      report('eu-1', 'eu-1-a', done)
      report('us-1', 'us-1-a', done)
    }
    expect(view().phase).toBe('live')
  })

  it('leaves with what gave its copies back, when that is given up in the middle of it', () => {
    const fleet = shop()
    const { ask, settle, view, shares, ready, state } = fleet
    ask(createRelease('shop', { autoPromote: true }))
    settle()
    expect(view().phase).toBe('live')
    ready['shop-r3'] = 0
    ask(roll())
    settle()
    Object.assign(ready, { 'shop-r2': 3, 'shop-r3': 1 })
    settle()
    ask({ type: 'abort-release', release: 'shop-r3' })
    settle()
    expect(view()).toMatchObject({ phase: 'progressing', waiting: { code: 'copies' } })
    ask(motion('abort'))
    settle({ inUse: { 'shop-r3': 1 } })
    expect(shares()).toEqual({ 'shop-r1': 1 })
    expect(workload(fleet, 'shop-r2')).toMatchObject({ rolling: { replaces: ['shop-r3'] } })
    expect(view().waiting).toMatchObject({
      code: 'in-use',
      message: 'still in use: 1 at eu-1/eu-1-a; 1 at us-1/us-1-a',
    })
    settle()
    expect([view(), view('shop-r3')]).toMatchObject([
      { phase: 'aborted', status: 'aborted', rolling: null },
      { phase: 'aborted', status: 'aborted', rolling: null },
    ])
    expect(workload(fleet, 'shop-r3')).toBeUndefined()
    expect(find(snapshotOf(state(), 'eu-1'), 'backend/shop-r3')).toBeUndefined()
  })

  it('is refused on a platform that runs no copies', () => {
    const { refused } = shop({ platform: { type: 'static' } })
    expect(refused(roll())).toMatchObject({
      code: 'invalid-request',
      errors: [{ pointer: '/strategy' }],
    })
  })
})

/** Releases: what is made and refused beside the rows of the switch. */
import { describe, expect, it } from 'vitest'
import { limits } from '#wire/limits.ts'
import { find } from '#wire/tree.ts'
import { createRelease, enrol, fleetOf, liveShop, putApp } from '../fleet-of.fixture.ts'
import { shop } from '../release/shop.fixture.ts'
import { snapshotOf } from '../snapshot/snapshot.ts'
import { releaseOf } from '../state.ts'
import { appView } from '../view/view.ts'

describe('releases', () => {
  it('belong to an app and its clusters', () => {
    const { ask, refused } = fleetOf('eu-1', 'us-1')
    expect(refused(createRelease('shop'))?.code).toBe('unknown-app')
    ask(putApp('shop'))
    expect(refused(createRelease('shop', { clusters: ['us-1'] }))?.code).toBe('unknown-cluster')
    expect(refused({ type: 'promote-release', release: 'shop-r9' })?.code).toBe('unknown-release')
  })

  it('that undo are new ones of a former version', () => {
    const { ask, refused, settle, view } = shop()
    ask(createRelease('shop', { version: '2', autoPromote: true }))
    settle()
    const undo = (id: string) => createRelease('shop', { version: undefined, undo: id })
    expect(refused(undo('shop-r9'))?.code).toBe('unknown-release')
    ask(undo('shop-r1'))
    expect(view('shop-r3')).toMatchObject({ version: '1', undo: 'shop-r1' })
  })

  it('have previews that conflict with nothing', () => {
    const { ask, refused } = fleetOf('eu-1')
    const test = { name: 'test', matches: [{ path: { type: 'PathPrefix', value: '/test' } }] }
    ask(putApp('shop', { routes: [{ name: 'default' }, test] }))
    const refusal = refused(createRelease('shop', { preview: { path: '/test' } }))
    expect(refusal).toMatchObject({ code: 'route-conflict' })
    expect(ask(createRelease('shop', { preview: { path: '/next' } })).kind).toBe('record')
  })

  it('have a preview only until they are live, and not when they are promoted again', () => {
    const { ask, settle, state } = liveShop()
    const hasPreview = () => find(snapshotOf(state(), 'eu-1'), 'preview/shop/shop-r2') !== undefined
    ask(createRelease('shop', { preview: { path: '/test' } }))
    settle()
    expect(hasPreview()).toBe(true)
    ask({ type: 'promote-release', release: 'shop-r2' })
    expect(hasPreview()).toBe(true)
    settle()
    expect([releaseOf(state(), 'shop-r2')?.phase, hasPreview()]).toEqual(['live', false])
    ask({ type: 'rollback-release', release: 'shop-r2' })
    settle()
    ask({ type: 'promote-release', release: 'shop-r2' })
    expect([releaseOf(state(), 'shop-r2')?.phase, hasPreview()]).toEqual(['preparing', false])
  })

  it('keep a preview from being covered by a later route', () => {
    const { ask, refused } = fleetOf('eu-1')
    ask(putApp('shop'))
    ask(createRelease('shop', { preview: { path: '/test' } }))
    const test = { name: 'test', matches: [{ path: { type: 'PathPrefix', value: '/test' } }] }
    expect(refused(putApp('shop', { routes: [{ name: 'default' }, test] }))).toMatchObject({
      code: 'route-conflict',
      evidence: { other: 'route/shop/test', route: 'preview/shop/shop-r1' },
    })
  })

  it(`are at most ${limits.releasesPerApp} that are not decommissioned`, () => {
    const { ask, refused, report, settle } = liveShop()
    for (let n = 2; n <= limits.releasesPerApp; n++) {
      ask(createRelease('shop', { autoPromote: true }))
      settle({ readyEndpoints: { [`shop-r${n}`]: 1 } })
    }
    expect(refused(createRelease('shop'))?.code).toBe('limit-reached')
    ask({ type: 'decommission-release', release: 'shop-r1' })
    report('eu-1', 'eu-1-a')
    expect(ask(createRelease('shop')).kind).toBe('record')
  })

  it('of a cluster without agents are not promoted', () => {
    const { ask, refused, settle, state } = liveShop()
    ask(createRelease('shop'))
    settle()
    ask({ type: 'forget-agent', cluster: 'eu-1', agent: 'eu-1-a' })
    expect(refused({ type: 'promote-release', release: 'shop-r2' })).toMatchObject({
      code: 'not-ready',
      evidence: { waiting: { code: 'agents-absent' } },
    })
    expect(state().clusters.get('eu-1')?.agents.size).toBe(0)
  })

  it('in single clusters leave the other clusters where they are', () => {
    const fleet = fleetOf('eu-1', 'us-1')
    const { ask, report, state } = fleet
    const clusters = ['eu-1', 'us-1']
    for (const cluster of clusters) ask(enrol(cluster, `${cluster}-a`))
    const readyEndpoints = { 'shop-r1': 1, 'shop-r2': 1 }
    const settle = () => {
      for (let n = 0; n < 4; n++) {
        for (const cluster of clusters) report(cluster, `${cluster}-a`, { readyEndpoints })
      }
    }
    const live = () => appView(state(), 'shop')!.live
    const phases = () => [1, 2].map((n) => releaseOf(state(), `shop-r${n}`)?.phase)
    ask(putApp('shop', { clusters }))
    ask(createRelease('shop'))
    settle()
    ask(createRelease('shop', { clusters: ['us-1'], autoPromote: true }))
    settle()
    expect(live()).toMatchObject({ 'eu-1': { release: 'shop-r1' }, 'us-1': { release: 'shop-r2' } })
    expect(phases()).toEqual(['live', 'live'])
    ask({ type: 'rollback-release', release: 'shop-r2' })
    settle()
    expect(live()).toMatchObject({ 'eu-1': { release: 'shop-r1' }, 'us-1': { release: 'shop-r1' } })
    expect(phases()).toEqual(['live', 'retired'])
  })
})

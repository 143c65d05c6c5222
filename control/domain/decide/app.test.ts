/** Apps: refused ones, each with its code and nothing changed; and how they leave. */
import { describe, expect, it } from 'vitest'
import { freezeIntent } from '#wire/freeze.ts'
import { limits } from '#wire/limits.ts'
import { find } from '#wire/tree.ts'
import type { Compile } from '../decide.ts'
import { createRelease, fleetOf, liveShop, putApp } from '../fleet-of.fixture.ts'
import { snapshotOf } from '../snapshot/snapshot.ts'
import { appView } from '../view/view.ts'

describe('apps', () => {
  it('live in clusters that exist', () => {
    const { refused } = fleetOf('eu-1')
    expect(refused(putApp('shop', { clusters: ['eu-1', 'mars'] }))).toMatchObject({
      code: 'unknown-cluster',
      errors: [{ pointer: '/clusters', message: '"mars": no such cluster' }],
    })
  })

  it('are changed only from the state that was read', () => {
    const { ask, refused, state } = fleetOf('eu-1')
    expect(refused(putApp('shop'), { ifMatch: 'x' })?.code).toBe('unknown-app')
    ask(putApp('shop'))
    const { etag } = appView(state(), 'shop')!
    expect(ask(putApp('shop', { copies: 2 }), { ifMatch: etag }).kind).toBe('record')
    expect(refused(putApp('shop', { copies: 3 }), { ifMatch: etag })?.code).toBe('state-changed')
  })

  it('do not take the routes of others, nor say one thing twice', () => {
    const { ask, refused } = fleetOf('eu-1', 'us-1')
    ask(putApp('shop'))
    expect(refused(putApp('blog', { hosts: ['shop.example'] }))).toMatchObject({
      code: 'route-conflict',
      evidence: { cluster: 'eu-1', host: 'shop.example', other: 'route/shop/default' },
    })
    const twice = [{ name: 'one' }, { name: 'two' }]
    expect(refused(putApp('blog', { routes: twice }))?.code).toBe('route-conflict')
    const slashed = ['/a', '/a/'].map((value, n) => ({
      name: `r${n}`,
      matches: [{ path: { type: 'PathPrefix', value } }],
    }))
    expect(refused(putApp('blog', { routes: slashed }))?.code).toBe('route-conflict')
    const elsewhere = { hosts: ['shop.example'], clusters: ['us-1'] }
    expect(ask(putApp('blog', elsewhere)).kind).toBe('record')
    expect(ask(putApp('shop', { copies: 2 })).kind).toBe('record')
  })

  it('free their routes when they change', () => {
    const { ask } = fleetOf('eu-1')
    ask(putApp('shop'))
    ask(putApp('shop', { hosts: ['www.example'] }))
    expect(ask(putApp('blog', { hosts: ['shop.example'] })).kind).toBe('record')
  })

  it('are refused when the agents’ compiler refuses them, naming the object', () => {
    const { refused } = fleetOf('eu-1')
    for (const code of ['too-many-matches', 'does-not-compile'] as const) {
      const compile: Compile = () => ({ code, object: 'route/shop/default', reason: 'so' })
      expect(refused(putApp('shop'), { compile })).toMatchObject({
        code,
        detail: 'route/shop/default: so',
        evidence: { cluster: 'eu-1', object: 'route/shop/default' },
      })
    }
  })

  it(`are at most ${limits.apps}`, () => {
    const { ask, refused, state } = fleetOf('eu-1')
    ask(putApp('shop'))
    const full = { ...state().apps, size: limits.apps }
    Object.assign(state(), { apps: { ...full, size: limits.apps - 1 } })
    expect(ask(putApp('last')).kind).toBe('record')
    Object.assign(state(), { apps: { ...state().apps, size: limits.apps } })
    expect(refused(putApp('more'))?.code).toBe('limit-reached')
  })

  it('that are deleted lose their routes first and their copies when nothing uses them', () => {
    const { ask, refused, report, settle, state } = liveShop()
    const has = (object: string) => find(snapshotOf(state(), 'eu-1'), object) !== undefined
    const window = { from: '2026-01-01T00:00:00Z', until: '2026-01-02T00:00:00Z', reason: 'sale' }
    const frozen = freezeIntent.parse({ ...window, apps: ['shop'] })
    ask({ type: 'set-freeze', name: 'sale', body: { ...frozen, reason: 'soon' } })
    expect(ask({ type: 'delete-app', app: 'shop' }).kind).toBe('record')
    expect([has('route/shop/default'), has('position/shop'), has('backend/shop-r1')]).toEqual([
      false,
      false,
      true,
    ])
    expect(refused(createRelease('shop'))?.code).toBe('unknown-app')
    expect(refused(putApp('shop'))?.code).toBe('app-in-release')
    report('eu-1', 'eu-1-a', { positions: {}, inUse: { 'shop-r1': 1 } })
    expect(has('backend/shop-r1')).toBe(true)
    report('eu-1', 'eu-1-a', { positions: {} })
    expect(has('backend/shop-r1')).toBe(false)
    expect(refused({ type: 'delete-app', app: 'shop' })?.code).toBe('unknown-app')
    // A freeze may go on naming it, and no other.
    expect(refused({ type: 'set-freeze', name: 'other', body: frozen })?.code).toBe('unknown-app')
    expect(ask({ type: 'set-freeze', name: 'sale', body: frozen }).kind).toBe('record')
    ask(putApp('shop'))
    ask(createRelease('shop'))
    settle()
    expect(appView(state(), 'shop')?.releases).toEqual(['shop-r2'])
  })

  it('that keep a retired release are not deleted, nor leave its cluster', () => {
    const { ask, refused, settle } = liveShop()
    ask(createRelease('shop', { autoPromote: true }))
    settle()
    expect(refused({ type: 'delete-app', app: 'shop' })).toMatchObject({
      code: 'app-has-releases',
      evidence: { releases: ['shop-r1'] },
    })
    expect(refused(putApp('shop', { clusters: ['us-1'] }))?.code).toBe('app-has-releases')
  })

  it('leave a cluster in two stages and can come back afterwards', () => {
    const { ask, refused, report, state } = liveShop()
    expect(ask(putApp('shop', { clusters: ['us-1'] })).kind).toBe('record')
    expect(refused(putApp('shop'))?.code).toBe('app-in-release')
    expect(find(snapshotOf(state(), 'eu-1'), 'backend/shop-r1')).toBeDefined()
    report('eu-1', 'eu-1-a', { positions: {} })
    expect(snapshotOf(state(), 'eu-1').objectCount).toBe(0)
    expect(ask(putApp('shop')).kind).toBe('record')
  })

  it('keep the age of a route while its name stays', () => {
    const { ask, state } = fleetOf('eu-1')
    ask(putApp('shop', { routes: [{ name: 'one' }] }))
    const since = state().position
    const header = { path: { type: 'PathPrefix', value: '/two' } }
    ask(putApp('shop', { routes: [{ name: 'one' }, { name: 'two', matches: [header] }] }))
    const tree = snapshotOf(state(), 'eu-1')
    expect(find(tree, 'route/shop/one')).toMatchObject({ since })
    expect(find(tree, 'route/shop/two')).toMatchObject({ since: since + 1 })
  })
})

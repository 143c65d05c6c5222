import { describe, expect, it } from 'vitest'
import { createRelease, enrol, fleetOf, liveShop, now, putApp } from '../fleet-of.fixture.ts'
import type { Intent } from '../input.ts'
import { rehearse } from './dry-run.ts'

type Fleet = ReturnType<typeof fleetOf>

const input = (intent: Intent, more: { key?: string; ifMatch?: string } = {}) =>
  ({
    kind: 'intent',
    intent,
    actor: 'tests',
    idempotencyKey: more.key ?? null,
    ifMatch: more.ifMatch ?? null,
  }) as const

function foresee(fleet: Fleet, intent: Intent) {
  const found = rehearse(fleet.state(), fleet.fleet(), input(intent), now)
  if (found.kind !== 'accepted') throw new Error(JSON.stringify(found))
  return found.view
}
const codes = (fleet: Fleet, intent: Intent) =>
  foresee(fleet, intent).warnings.map(({ code }) => code)
const motion = (
  type: 'promote' | 'rollback' | 'decommission' | 'abort',
  release: string,
): Intent => ({
  type: `${type}-release`,
  release,
})
const prefix = (value: string) => ({ path: { type: 'PathPrefix', value } })
const exactly = (value: string) => ({ path: { type: 'Exact', value } })

/** Two releases of shop: shop-r2 is live, shop-r1 retired. */
function switchedShop(more: object = {}) {
  const fleet = liveShop()
  fleet.ask(putApp('shop', more))
  fleet.settle()
  fleet.ask(createRelease('shop', { version: '2' }))
  fleet.settle()
  fleet.ask(motion('promote', 'shop-r2'))
  fleet.settle()
  return fleet
}

describe('a dry run', () => {
  it('shows the switch that a promote would begin', () => {
    const fleet = liveShop()
    fleet.ask(createRelease('shop', { version: '2' }))
    fleet.settle()
    const before = fleet.state()
    const view = foresee(fleet, motion('promote', 'shop-r2'))
    expect(fleet.state()).toBe(before)
    expect(view).toMatchObject({
      accepted: true,
      revision: before.position + 1,
      status: 202,
      body: { id: 'shop-r2', phase: 'preparing' },
      events: [{ type: 'switch-proposed', release: 'shop-r2' }],
      agents: [{ cluster: 'eu-1', agent: 'eu-1-a', why: 'must acknowledge', now: 'current' }],
      warnings: [],
    })
    expect(Object.keys(view.clusters)).toEqual(['eu-1'])
    expect(view.clusters['eu-1']).toMatchObject({
      from: before.clusters.get('eu-1')!.tree.root,
      put: [{ key: 'position/shop', after: { next: { weights: [{ release: 'shop-r2' }] } } }],
      removed: [],
      omitted: 0,
    })
    expect(view.clusters['eu-1']!.words[0]).toMatch(/^A switch of shop to shop-r2 is prepared/)
    fleet.ask(motion('promote', 'shop-r2'))
    expect(view.clusters['eu-1']!.to).toBe(fleet.state().clusters.get('eu-1')!.tree.root)
    expect(view.events).toEqual(fleet.last().events)
    expect(view.body).toEqual(fleet.last().answer!.body)
  })

  it('shows a token that is for one app nothing of what the turn concludes for others', () => {
    const fleet = switchedShop({ drainDeadlineMs: 10 })
    fleet.ask(putApp('blog'))
    const intent = putApp('blog', { copies: 2, hosts: ['blog.example', 'www.blog.example'] })
    const foreseen = (apps: readonly string[] | null) => {
      const asked = { ...input(intent), permit: { apps, clusters: null } }
      return JSON.stringify(rehearse(fleet.state(), fleet.fleet(), asked, now + 100))
    }
    expect(foreseen(null)).toContain('shop-r1')
    expect(foreseen(['blog'])).not.toContain('shop')
    expect(foreseen(['blog'])).toContain('www.blog.example')
  })

  it('is refused as the real call would be', () => {
    const fleet = liveShop()
    const found = rehearse(fleet.state(), fleet.fleet(), input(motion('abort', 'shop-r1')), now)
    expect(found).toEqual({
      kind: 'rejected',
      rejection: fleet.refused(motion('abort', 'shop-r1')),
    })
  })

  it('knows a key that has its answer', () => {
    const fleet = fleetOf('eu-1')
    fleet.ask(putApp('shop'), { key: 'once' })
    const asked = input(putApp('shop'), { key: 'once' })
    const { position } = fleet.state()
    expect(rehearse(fleet.state(), fleet.fleet(), asked, now)).toEqual({
      kind: 'repeated',
      position,
    })
  })

  it('shows what leaves, and who must let go', () => {
    const fleet = liveShop()
    const view = foresee(fleet, { type: 'delete-app', app: 'shop' })
    expect(view.clusters['eu-1']!.removed.map(({ key }) => key).sort()).toEqual([
      'position/shop',
      'route/shop/default',
    ])
    expect(view.agents).toMatchObject([{ agent: 'eu-1-a', why: 'must let go' }])
  })

  it('shows no hash of a secret', () => {
    const fleet = fleetOf('eu-1')
    const token = { name: 'ci', scope: 'read', tokenHash: 'f'.repeat(64) } as const
    expect(foresee(fleet, { type: 'create-token', ...token }).events).toEqual([
      { type: 'token-created', v: 1, name: 'ci', scope: 'read' },
    ])
  })

  it('counts the objects that it does not show', () => {
    const fleet = fleetOf('eu-1')
    const long = `/${'x'.repeat(1_000)}`
    const routes = Array.from({ length: 1_024 }, (_, n) => ({
      name: `r${n}`,
      matches: Array.from({ length: 8 }, (_, m) => prefix(`${long}/${n}/${m}`)),
    }))
    const { put, omitted, words } = foresee(fleet, putApp('shop', { routes })).clusters['eu-1']!
    expect(put.length + omitted).toBe(1_025)
    expect(omitted).toBeGreaterThan(100)
    expect(JSON.stringify(put).length).toBeLessThan(4_194_304)
    expect(words).toHaveLength(put.length)
  })
})

describe('a dry run warns of', () => {
  it('a cluster without agents', () => {
    expect(codes(fleetOf('eu-1'), putApp('shop'))).toEqual(['cluster-without-agents'])
    const fleet = fleetOf('eu-1')
    fleet.ask(enrol('eu-1', 'a'))
    expect(codes(fleet, putApp('shop'))).toEqual([])
  })

  it('a match that contradicts its host, or that the router never forwards', () => {
    const fleet = fleetOf('eu-1')
    fleet.ask(enrol('eu-1', 'a'))
    const host = (value: string) => ({ matches: [{ headers: [{ name: 'host', value }] }] })
    const routes = [
      { name: 'other', ...host('other.example') },
      { name: 'own', ...host('shop.example:8080') },
      { name: 'trace', matches: [{ method: 'TRACE' }] },
      { name: 'wild', hosts: ['*.shop.example'], ...host('shop.example') },
    ]
    const { warnings } = foresee(fleet, putApp('shop', { routes }))
    expect(warnings.map(({ code, object }) => [code, object])).toEqual([
      ['unreachable-route', 'route/shop/other'],
      ['unreachable-route', 'route/shop/trace'],
      ['unreachable-route', 'route/shop/wild'],
    ])
    expect(warnings[0]!.message).toBe(
      'No request reaches match 0 (/*) of route/shop/other on shop.example: a request for shop.example never has the header host: other.example.',
    )
  })

  it('a match that another takes everything from', () => {
    const fleet = fleetOf('eu-1')
    fleet.ask(enrol('eu-1', 'a'))
    const cookies = [{ name: 'beta', value: '1' }]
    const headers = [{ name: 'cookie', value: 'a=b; beta=1' }]
    const routes = [
      { name: 'a', matches: [{ cookies }] },
      { name: 'b', matches: [{ headers }] },
    ]
    expect(foresee(fleet, putApp('shop', { routes })).warnings).toMatchObject([
      { code: 'unreachable-route', object: 'route/shop/b' },
    ])
  })

  it('paths that another app answers on the same host', () => {
    const fleet = fleetOf('eu-1')
    fleet.ask(enrol('eu-1', 'a'))
    const hosts = ['shop.example']
    fleet.ask(putApp('cart', { hosts, routes: [{ name: 'all', matches: [prefix('/cart')] }] }))
    expect(foresee(fleet, putApp('shop', { hosts })).warnings).toEqual([
      {
        code: 'overlap-with-app',
        message:
          'route/cart/all comes before route/shop/default for /cart/* on shop.example: these requests of "shop" go to "cart".',
        object: 'route/shop/default',
      },
    ])
    const elsewhere = [{ name: 'default', matches: [prefix('/carts'), exactly('/c')] }]
    expect(codes(fleet, putApp('shop', { hosts, routes: elsewhere }))).toEqual([])
    expect(codes(fleet, putApp('shop', { hosts: ['*.example'] }))).toEqual([])
  })

  it('a preview that public routes come before', () => {
    const routes = [
      { name: 'all', matches: [prefix('/')] },
      { name: 'health', matches: [exactly('/test/health')] },
    ]
    const fleet = liveShop()
    fleet.ask(putApp('shop', { routes }))
    const preview = { path: '/test' }
    const { warnings } = foresee(fleet, createRelease('shop', { version: '2', preview }))
    expect(warnings).toEqual([
      {
        code: 'preview-hidden',
        message:
          'route/shop/health answers exactly /test/health on shop.example before preview/shop/shop-r2 can lead it to shop-r2.',
        object: 'preview/shop/shop-r2',
      },
    ])
    for (const other of [{ path: '/green' }, { header: { name: 'x-green', value: '1' } }]) {
      expect(codes(fleet, createRelease('shop', { version: '2', preview: other }))).toEqual([])
    }
  })

  it('a release without endpoints', () => {
    const fleet = switchedShop()
    expect(codes(fleet, motion('rollback', 'shop-r2'))).toEqual([])
    fleet.settle({ readyEndpoints: { 'shop-r2': 1 } })
    expect(foresee(fleet, motion('rollback', 'shop-r2')).warnings).toMatchObject([
      { code: 'no-endpoints', object: 'shop-r1' },
    ])
  })

  it('nothing where endpoints are shared, as while copies are replaced', () => {
    const fleet = fleetOf('eu-1')
    fleet.ask(enrol('eu-1', 'a'))
    fleet.ask(putApp('shop', { platform: { type: 'local', program: 'shop' }, copies: 2 }))
    const settle = () => {
      for (let n = 0; n < 4; n++) fleet.report('eu-1', 'a', { readyEndpoints: { 'shop-r1': 2 } })
    }
    fleet.ask(createRelease('shop'))
    settle()
    const rolling = { version: '2', strategy: 'rolling', autoPromote: false }
    expect(codes(fleet, createRelease('shop', rolling))).toEqual([])
    fleet.ask(createRelease('shop', rolling))
    settle()
    const view = foresee(fleet, motion('promote', 'shop-r2'))
    expect(view.clusters['eu-1']!.words.join(' ')).toMatch(
      /A switch of shop to shop-r2 is prepared/,
    )
    expect(view.agents).toMatchObject([{ why: 'must acknowledge' }])
    expect(view.warnings).toEqual([])
  })

  it('open exchanges that a drain deadline would close', () => {
    const fleet = switchedShop({ drainDeadlineMs: 5_000 })
    expect(codes(fleet, motion('rollback', 'shop-r2'))).toEqual([])
    const readyEndpoints = { 'shop-r1': 1, 'shop-r2': 1 }
    fleet.settle({ readyEndpoints, inUse: { 'shop-r2': 3 } })
    expect(foresee(fleet, motion('rollback', 'shop-r2')).warnings).toMatchObject([
      { code: 'drain-closes', object: 'shop-r2', message: expect.stringMatching(/^3 .* 5000 ms/) },
    ])
  })

  it('the last release to go back to', () => {
    const fleet = switchedShop()
    const view = foresee(fleet, motion('decommission', 'shop-r1'))
    expect(view.warnings).toMatchObject([{ code: 'nothing-to-go-back-to', object: 'shop-r2' }])
  })

  it('an agent that does not report now', () => {
    const fleet = liveShop()
    fleet.ask(createRelease('shop', { version: '2' }))
    fleet.settle()
    const later = now + 60_000
    const asked = input(motion('promote', 'shop-r2'))
    const found = rehearse(fleet.state(), fleet.fleet(), asked, later)
    expect(found).toMatchObject({
      view: {
        agents: [{ agent: 'eu-1-a', why: 'must acknowledge', now: 'silent' }],
        warnings: [{ code: 'silent-agent', object: 'eu-1/eu-1-a' }],
      },
    })
  })
})

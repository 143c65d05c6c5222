/** Intents that are refused, each with its code and nothing changed; and what accepted ones record. */
import { describe, expect, it } from 'vitest'
import { appIntent } from '#wire/app.ts'
import { digestOf } from '#wire/digest.ts'
import { limits } from '#wire/limits.ts'
import { releaseIntent } from '#wire/release.ts'
import type { Report } from '#wire/report.ts'
import { find } from '#wire/tree.ts'
import { type Compile, decide } from './decide.ts'
import { emptyFleet, type Fleet, foldReport } from './fleet.ts'
import type { Intent } from './input.ts'
import { bodyDigestOf, recordText, type TurnRecord } from './record.ts'
import { rebuild, snapshotOf } from './snapshot.ts'
import { emptyState, releaseOf, type State } from './state.ts'
import { valuesOf } from './table.ts'
import { appView } from './view.ts'

const hash = digestOf('token')
const key = 'k'.repeat(43)
const now = 1_000

function fleetOf(...clusters: string[]) {
  let state: State = emptyState
  let fleet: Fleet = emptyFleet(now)
  let last: TurnRecord | null = null
  let sequence = 0
  const ask = (
    intent: Intent,
    more: { ifMatch?: string; key?: string; compile?: Compile } = {},
  ) => {
    const idempotencyKey = more.key ?? null
    const input = {
      kind: 'intent' as const,
      intent,
      actor: 'tests',
      idempotencyKey,
      ifMatch: more.ifMatch ?? null,
    }
    const decision = decide(state, fleet, input, now, more.compile)
    if (decision.kind !== 'record') return decision
    state = decision.state
    last = decision.record
    return decision
  }
  const refused = (...asked: Parameters<typeof ask>) => {
    const before = state
    const decision = ask(...asked)
    expect(state).toBe(before)
    return decision.kind === 'rejected' ? decision.rejection : null
  }
  /** The newest report of an agent that serves all there is, with these counts. */
  const report = (cluster: string, agent: string, more: Partial<Report> = {}) => {
    const held = state.clusters.get(cluster)!
    const positions = Object.fromEntries(
      appsOf(state).flatMap(({ app, positions: { [cluster]: held } }) => {
        if (!held) return []
        const { generation: active, next } = held
        return [[app, { prepared: next?.generation ?? 0, active, appliedMs: 1, activeForMs: 1 }]]
      }),
    )
    const told: Report = {
      cluster,
      agent,
      instance: '0'.repeat(16),
      startedAtMs: 0,
      sequence: ++sequence,
      epoch: state.epoch!,
      revision: held.revision,
      digest: held.tree.root,
      formats: [1],
      stale: false,
      drift: null,
      workers: 1,
      positions,
      readyEndpoints: {},
      inUse: {},
      refusals: [],
      pinnedKeys: [],
      ...more,
    }
    fleet = foldReport(fleet, told, now, now)
    const decision = decide(state, fleet, { kind: 'report', report: told, receivedMs: now }, now)
    if (decision.kind === 'record') state = decision.state
    return decision
  }
  const tokens = clusters.map((name) => ({ name, enrolmentTokenHash: hash }))
  ask({ type: 'init', epochId: '0'.repeat(16), clusters: tokens, adminTokenHash: hash })
  return { ask, refused, report, state: () => state, last: () => last!, fleet: () => fleet }
}

const appsOf = (state: State) => [...valuesOf(state.apps)]

const putApp = (app: string, changes = {}): Intent => ({
  type: 'put-app',
  app,
  body: appIntent.parse({
    clusters: ['eu-1'],
    hosts: [`${app}.example`],
    platform: { type: 'static' },
    ...changes,
  }),
})
const createRelease = (app: string, changes = {}): Intent => ({
  type: 'create-release',
  body: releaseIntent.parse({ app, version: '1', ...changes }),
})
const enrol = (cluster: string, agent: string): Intent => ({
  type: 'enrol-agent',
  cluster,
  agent,
  publicKey: key,
  tokenHash: hash,
})
/** One agent, one app, whose first release is live. */
function liveShop() {
  const fleet = fleetOf('eu-1', 'us-1')
  fleet.ask(enrol('eu-1', 'eu-1-a'))
  fleet.ask(putApp('shop'))
  fleet.ask(createRelease('shop'))
  const readyEndpoints = { 'shop-r1': 1, 'shop-r2': 1, 'shop-r3': 1 }
  const settle = (more: Partial<Report> = {}) => {
    for (let n = 0; n < 4; n++) fleet.report('eu-1', 'eu-1-a', { readyEndpoints, ...more })
  }
  settle()
  return { ...fleet, settle }
}

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

describe('releases', () => {
  it('belong to an app and its clusters', () => {
    const { ask, refused } = fleetOf('eu-1', 'us-1')
    expect(refused(createRelease('shop'))?.code).toBe('unknown-app')
    ask(putApp('shop'))
    expect(refused(createRelease('shop', { clusters: ['us-1'] }))?.code).toBe('unknown-cluster')
    expect(refused({ type: 'promote-release', release: 'shop-r9' })?.code).toBe('unknown-release')
  })

  it('have previews that conflict with nothing', () => {
    const { ask, refused } = fleetOf('eu-1')
    const test = { name: 'test', matches: [{ path: { type: 'PathPrefix', value: '/test' } }] }
    ask(putApp('shop', { routes: [{ name: 'default' }, test] }))
    const refusal = refused(createRelease('shop', { preview: { path: '/test' } }))
    expect(refusal).toMatchObject({ code: 'route-conflict' })
    expect(ask(createRelease('shop', { preview: { path: '/next' } })).kind).toBe('record')
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

describe('the installation', () => {
  it('begins once; a later init adds clusters and replaces tokens', () => {
    const { ask, last } = fleetOf('eu-1')
    const other = digestOf('other')
    const clusters = [
      { name: 'eu-1', enrolmentTokenHash: other },
      { name: 'us-1', enrolmentTokenHash: hash },
    ]
    ask({ type: 'init', epochId: '1'.repeat(16), clusters, adminTokenHash: null })
    expect(last().events.map((event) => event.type)).toEqual([
      'enrolment-token-replaced',
      'cluster-added',
    ])
  })

  it(`has at most ${limits.clusters} clusters`, () => {
    const named = (count: number) =>
      Array.from({ length: count }, (_, n) => ({ name: `c-${n}`, enrolmentTokenHash: hash }))
    const init = (count: number): Intent => ({
      type: 'init',
      epochId: '1'.repeat(16),
      clusters: named(count),
      adminTokenHash: null,
    })
    const { ask, refused } = fleetOf()
    expect(ask(init(limits.clusters)).kind).toBe('record')
    expect(refused(init(limits.clusters + 1))?.code).toBe('limit-reached')
  })

  it('recovers only under a higher epoch, and then every cluster is published anew', () => {
    const { ask, refused, state } = fleetOf('eu-1')
    const recover = (epochNumber: number): Intent => ({
      type: 'recover',
      epochId: 'f'.repeat(16),
      epochNumber,
    })
    expect(refused(recover(1))).toMatchObject({ code: 'invalid-request' })
    expect(ask(recover(3)).kind).toBe('record')
    expect(state().epoch).toEqual({ number: 3, id: 'f'.repeat(16) })
    expect(state().clusters.get('eu-1')?.revision).toBe(state().position)
  })

  it(`enrols at most ${limits.agentsPerCluster} agents a cluster, and one of them again`, () => {
    const { ask, refused } = fleetOf('eu-1')
    expect(refused(enrol('mars', 'a'))?.code).toBe('unknown-cluster')
    for (let n = 0; n < limits.agentsPerCluster; n++) {
      expect(ask(enrol('eu-1', `a-${n}`)).kind).toBe('record')
    }
    expect(refused(enrol('eu-1', 'one-more'))?.code).toBe('limit-reached')
    expect(ask(enrol('eu-1', 'a-0')).kind).toBe('record')
  })

  it('forgets only agents that it knows', () => {
    const { refused } = fleetOf('eu-1')
    const forget = (cluster: string): Intent => ({ type: 'forget-agent', cluster, agent: 'x' })
    expect(refused(forget('eu-1'))?.code).toBe('unknown-agent')
    expect(refused(forget('mars'))?.code).toBe('unknown-cluster')
  })

  it(`keeps at most ${limits.tokens} tokens, and revokes only those that it has`, () => {
    const { ask, refused, state } = fleetOf('eu-1')
    const create = (name: string): Intent => ({
      type: 'create-token',
      name,
      scope: 'read',
      tokenHash: hash,
    })
    for (let n = 1; n < limits.tokens; n++) expect(ask(create(`t-${n}`)).kind).toBe('record')
    expect(refused(create('one-more'))?.code).toBe('limit-reached')
    expect(ask(create('t-1')).kind).toBe('record')
    expect(ask({ type: 'revoke-token', name: 't-1' }).kind).toBe('record')
    expect(refused({ type: 'revoke-token', name: 't-1' })?.code).toBe('not-found')
    expect(state().tokens.has('t-1')).toBe(false)
  })
})

describe('a record', () => {
  it('is made for an accepted intent even when nothing changes, and answers its repetition', () => {
    const { ask, refused, last, state } = fleetOf('eu-1')
    ask(putApp('shop'))
    const { root } = snapshotOf(state(), 'eu-1')
    ask(putApp('shop'), { key: 'again' })
    expect(last()).toMatchObject({ events: [], answer: { status: 200 } })
    expect(snapshotOf(state(), 'eu-1').root).toBe(root)
    expect(ask(putApp('shop'), { key: 'again' })).toEqual({
      kind: 'repeated',
      position: last().position,
    })
    const other = refused(putApp('shop', { copies: 2 }), { key: 'again' })
    expect(other?.code).toBe('idempotency-key-reused')
  })

  it('does not tell a repeated call apart by the secret that was made for it', () => {
    const token = (tokenHash: string) =>
      bodyDigestOf({ type: 'create-token', name: 'ci', scope: 'read', tokenHash })
    expect(token(hash)).toBe(token(digestOf('another')))
  })

  it('is the same bytes for the same prefix, and no record is made of a report that changes nothing', () => {
    const [one, two] = [liveShop(), liveShop()]
    expect(recordText(one.last())).toBe(recordText(two.last()))
    expect(one.state()).toEqual(two.state())
    expect(one.report('eu-1', 'eu-1-a').kind).toBe('nothing')
    const { state } = one
    expect(rebuild(state(), 'eu-1').root).toBe(snapshotOf(state(), 'eu-1').root)
  })
})

/** Canary, waves and rolling: what each step does, and what holds the next one back. */
import { describe, expect, it } from 'vitest'
import { freezeIntent } from '#wire/freeze.ts'
import type { BackendObject, PositionObject } from '#wire/object.ts'
import type { Report } from '#wire/report.ts'
import { find, objectsOf } from '#wire/tree.ts'
import { decide } from '../decide.ts'
import { createRelease, enrol, fleetOf, putApp } from '../fleet-of.fixture.ts'
import type { Input, Intent } from '../input.ts'
import { emptyFleet } from '../reports/fleet.ts'
import { rebuild, snapshotOf } from '../snapshot/snapshot.ts'
import { releaseOf } from '../state.ts'
import { releaseView } from '../view/view.ts'

const local = { platform: { type: 'local', program: 'shop' }, copies: 4 }

/** Two clusters of one agent each; the shop's first release is live, and four copies of every release are ready. */
function shop(app: object = local) {
  const fleet = fleetOf('eu-1', 'us-1')
  for (const cluster of ['eu-1', 'us-1']) fleet.ask(enrol(cluster, `${cluster}-a`))
  fleet.ask(putApp('shop', { clusters: ['eu-1', 'us-1'], ...app }))
  fleet.ask(createRelease('shop'))
  const ready: Record<string, number> = { 'shop-r1': 4, 'shop-r2': 4, 'shop-r3': 4 }
  const settle = (more: Partial<Report> = {}) => {
    for (let n = 0; n < 4; n++) {
      for (const cluster of ['eu-1', 'us-1']) {
        fleet.report(cluster, `${cluster}-a`, { readyEndpoints: { ...ready }, ...more })
      }
    }
    for (const cluster of ['eu-1', 'us-1']) {
      expect(rebuild(fleet.state(), cluster).root).toBe(snapshotOf(fleet.state(), cluster).root)
    }
  }
  settle()
  const view = (id = 'shop-r2') => releaseView(fleet.state(), fleet.fleet(), id, fleet.time())!
  const position = (cluster = 'eu-1') =>
    find(snapshotOf(fleet.state(), cluster), 'position/shop') as PositionObject
  const shares = (cluster = 'eu-1') =>
    Object.fromEntries(position(cluster).weights.map((one) => [one.release, one.weight]))
  const promote = (more = {}): Intent => ({ type: 'promote-release', release: 'shop-r2', ...more })
  return { ...fleet, settle, view, position, shares, promote, ready }
}

const until = { until: 'promote' } as const
const motion = (type: 'abort' | 'rollback' | 'pause' | 'resume' | 'approve', more = {}): Intent =>
  ({ type: `${type}-release`, release: 'shop-r2', ...more }) as Intent

describe('a canary', () => {
  const steps = [
    { weight: 10, pause: until },
    { weight: 50, pause: { forMs: 60_000 } },
  ]
  const canary = (more = {}) => createRelease('shop', { strategy: 'canary', steps, ...more })

  it('takes its share step by step, and ends with everything', () => {
    const { ask, settle, view, shares, position, promote, pass } = shop()
    ask(canary())
    settle()
    expect(view()).toMatchObject({ phase: 'ready', waiting: { code: 'promote' } })
    ask(promote())
    expect(position().next).toMatchObject({ targets: ['shop-r2'] })
    settle()
    expect(shares()).toEqual({ 'shop-r2': 10, 'shop-r1': 90 })
    expect(position().split).toMatchObject({ key: { header: 'x-user-id' } })
    expect(view()).toMatchObject({
      phase: 'progressing',
      status: '10 % in eu-1, us-1; step 1 of 3',
      weights: { 'eu-1': 10, 'us-1': 10 },
      waiting: { code: 'promote' },
      steps: [{ state: 'current' }, { state: 'pending' }, { state: 'pending' }],
    })
    ask(promote())
    settle()
    expect(view().waiting).toMatchObject({ code: 'pause-time' })
    pass(59_000)
    settle()
    expect(shares()).toEqual({ 'shop-r2': 50, 'shop-r1': 50 })
    pass(1_000)
    settle()
    expect(shares()).toEqual({ 'shop-r2': 1 })
    expect(position().split).toBeUndefined()
    expect([view().phase, view('shop-r1').phase]).toEqual(['live', 'retired'])
    expect(view().rollback).toMatchObject({ ready: true, to: 'shop-r1' })
  })

  it('keeps the seed of its users through all steps', () => {
    const { ask, settle, position, promote } = shop()
    ask(canary())
    settle()
    ask(promote())
    settle()
    const first = position().split
    ask(promote())
    settle()
    expect(position().split).toEqual(first)
  })

  it('goes to the end at once when it is asked to', () => {
    const { ask, settle, view, shares, promote } = shop()
    ask(canary())
    settle()
    ask(promote())
    settle()
    ask(promote({ full: true }))
    settle()
    expect([view().phase, shares(), shares('us-1')]).toEqual([
      'live',
      { 'shop-r2': 1 },
      { 'shop-r2': 1 },
    ])
  })

  it('takes steps in single clusters', () => {
    const { ask, settle, shares, promote } = shop()
    ask(canary({ steps: [{ weight: 20, clusters: ['us-1'], pause: until }] }))
    settle()
    ask(promote())
    settle()
    expect([shares('eu-1'), shares('us-1')]).toEqual([
      { 'shop-r1': 1 },
      { 'shop-r2': 20, 'shop-r1': 80 },
    ])
  })

  it('gives its share back when it is aborted, and is given up', () => {
    const { ask, settle, view, shares, promote } = shop()
    ask(canary())
    settle()
    ask(promote())
    settle()
    ask(motion('abort'))
    expect([shares(), view().phase]).toEqual([{ 'shop-r1': 1 }, 'aborted'])
    settle()
    expect([view().phase, view('shop-r1').phase, view().status]).toEqual([
      'aborted',
      'live',
      'aborted',
    ])
  })

  it('gives its share back when it is rolled back, and can begin anew', () => {
    const { ask, settle, view, shares, promote } = shop()
    ask(canary())
    settle()
    ask(promote())
    settle()
    ask(motion('rollback'))
    settle()
    expect([shares(), view().phase]).toEqual([{ 'shop-r1': 1 }, 'retired'])
    ask(promote())
    settle()
    expect([shares(), view().phase]).toEqual([{ 'shop-r2': 10, 'shop-r1': 90 }, 'progressing'])
  })

  it('keeps its share and pauses when an agent refuses the next step', () => {
    const { ask, settle, view, shares, position, promote, report, state } = shop()
    ask(canary())
    settle()
    ask(promote())
    settle()
    ask(promote())
    const { revision } = state().clusters.get('eu-1')!
    const refusal = { code: 'does-not-compile' as const, revision, reason: 'no', count: 1 }
    const positions = {
      shop: { prepared: 0, active: position().generation, appliedMs: 1, activeForMs: 1 },
    }
    report('eu-1', 'eu-1-a', { revision: revision - 1, refusals: [refusal], positions })
    expect(view()).toMatchObject({ phase: 'progressing', paused: { by: 'fleet' } })
    expect(shares()).toEqual({ 'shop-r2': 10, 'shop-r1': 90 })
    settle()
    expect(view().waiting).toMatchObject({ code: 'paused' })
  })

  it('answers those with the header or the cookie of its target from the beginning', () => {
    const { ask, settle, state } = shop()
    const target = {
      header: { name: 'x-team', value: 'qa' },
      cookie: { name: 'canary', value: '1' },
    }
    ask(canary({ target }))
    settle()
    const routes = [...objectsOf(snapshotOf(state(), 'eu-1'))].filter((one) => one.kind === 'route')
    expect(routes.filter((one) => one.release === 'shop-r2').map((one) => one.matches)).toEqual([
      [expect.objectContaining({ headers: [target.header] })],
      [expect.objectContaining({ cookies: [target.cookie] })],
    ])
  })

  it('is refused when a step would take users back, or names a foreign cluster', () => {
    const { refused } = shop()
    const shrinking = refused(canary({ steps: [{ weight: 50 }, { weight: 20 }] }))
    expect(shrinking).toMatchObject({
      code: 'invalid-request',
      errors: [{ pointer: '/steps/1/weight' }],
    })
    const foreign = refused(
      canary({ clusters: ['eu-1'], steps: [{ weight: 50, clusters: ['us-1'] }] }),
    )
    expect(foreign).toMatchObject({ errors: [{ pointer: '/steps/0/clusters' }] })
  })
})

describe('waves', () => {
  it('take clusters one after another, each behind its own gate', () => {
    const { ask, settle, view, shares, promote } = shop()
    ask(createRelease('shop', { waves: [{ clusters: ['us-1'], pause: until }] }))
    settle()
    ask(promote())
    settle()
    expect([shares('eu-1'), shares('us-1')]).toEqual([{ 'shop-r1': 1 }, { 'shop-r2': 1 }])
    expect(view()).toMatchObject({ phase: 'progressing', waiting: { code: 'promote' } })
    expect(view('shop-r1').phase).toBe('live')
    ask(promote())
    settle()
    expect([view().phase, view('shop-r1').phase]).toEqual(['live', 'retired'])
  })

  it('count the agents of each cluster that has had its turn', () => {
    const { ask, settle, view, promote } = shop()
    const states = (id?: string) => view(id).agents.map(({ cluster, state }) => [cluster, state])
    ask(createRelease('shop', { waves: [{ clusters: ['us-1'], pause: until }] }))
    settle()
    ask(promote())
    settle()
    expect(states()).toEqual([
      ['eu-1', 'pending'],
      ['us-1', 'active'],
    ])
    ask(promote())
    settle()
    expect(states()).toEqual([
      ['eu-1', 'active'],
      ['us-1', 'active'],
    ])
  })

  it('go back where they have been', () => {
    const { ask, settle, view, shares, promote } = shop()
    ask(createRelease('shop', { waves: [{ clusters: ['us-1'], pause: until }] }))
    settle()
    ask(promote())
    settle()
    ask(motion('rollback'))
    settle()
    expect([shares('us-1'), view().phase, view('shop-r1').phase]).toEqual([
      { 'shop-r1': 1 },
      'retired',
      'live',
    ])
  })
})

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

  it('is refused on a platform that runs no copies', () => {
    const { refused } = shop({ platform: { type: 'static' } })
    expect(refused(roll())).toMatchObject({
      code: 'invalid-request',
      errors: [{ pointer: '/strategy' }],
    })
  })
})

describe('what holds a release back', () => {
  it('is a pause, until it is resumed', () => {
    const { ask, refused, settle, view, promote, pass } = shop()
    const steps = [{ weight: 10, pause: { forMs: 1_000 } }]
    ask(createRelease('shop', { strategy: 'canary', steps, autoPromote: true }))
    settle()
    ask(motion('pause', { reason: 'looking at it' }))
    pass(5_000)
    settle()
    expect(view()).toMatchObject({
      phase: 'progressing',
      status: '10 % in eu-1, us-1; step 1 of 2, paused',
      waiting: { code: 'paused', message: 'paused by tests: looking at it' },
    })
    expect(refused(promote())?.code).toBe('release-paused')
    expect(refused(motion('pause'))?.code).toBe('phase-conflict')
    ask(motion('resume'))
    settle()
    expect(view().phase).toBe('live')
    expect(refused(motion('resume'))?.code).toBe('phase-conflict')
  })

  it('is a missing approval of somebody else', () => {
    const { ask, refused, settle, view, promote } = shop()
    ask(putApp('shop', { clusters: ['eu-1', 'us-1'], ...local, approvals: 2 }))
    ask({ type: 'create-token', name: 'carol', scope: 'admin', tokenHash: 'a'.repeat(64) })
    ask(createRelease('shop'), { actor: 'alice' })
    settle()
    const refusal = refused(promote(), { actor: 'alice' })
    expect(refusal?.code).toBe('approval-required')
    expect(refusal?.detail).toContain('2 approvals are missing')
    expect(refusal?.detail).toContain('carol')
    expect(refused(motion('approve'), { actor: 'alice' })?.code).toBe('self-approval')
    ask(motion('approve', { reason: 'seen' }), { actor: 'bob' })
    ask(motion('approve'), { actor: 'bob' })
    expect(view().approvals).toMatchObject({ required: 2, given: [{ by: 'bob', reason: 'seen' }] })
    expect(refused(promote())?.detail).toContain('one approval is missing (given by bob)')
    ask(motion('approve'), { actor: 'carol' })
    ask(promote())
    settle()
    expect(view().phase).toBe('live')
  })

  it('is a freeze window, until it ends; going back is allowed', () => {
    const { ask, refused, settle, view, promote, pass, time } = shop()
    const at = (ms: number) => new Date(ms).toISOString()
    const body = freezeIntent.parse({ from: at(0), until: at(time() + 60_000), reason: 'sale' })
    ask({ type: 'set-freeze', name: 'sale', body })
    ask(createRelease('shop', { autoPromote: true }))
    settle()
    expect(view()).toMatchObject({ phase: 'ready', waiting: { code: 'frozen' } })
    const refusal = refused(promote())
    expect(refusal).toMatchObject({ code: 'frozen', evidence: { untilMs: time() + 60_000 } })
    expect(refusal?.detail).toContain('frozen by "sale" until 1970-01-01T00:01:01Z')
    pass(60_000)
    settle()
    expect(view().phase).toBe('live')
    ask({ type: 'set-freeze', name: 'sale', body: { ...body, until: at(time() + 60_000) } })
    ask(motion('rollback'))
    expect(view().phase).toBe('retired')
  })

  it('is overridden only with the scope and a reason, which is recorded', () => {
    const { ask, refused, settle, view, promote, time, last } = shop()
    ask(putApp('shop', { clusters: ['eu-1', 'us-1'], ...local, approvals: 1 }))
    const body = freezeIntent.parse({
      from: '1970-01-01T00:00:00Z',
      until: new Date(time() + 60_000).toISOString(),
      reason: 'sale',
    })
    ask({ type: 'set-freeze', name: 'sale', body })
    ask(createRelease('shop'))
    settle()
    const override = promote({ override: { reason: 'the site is down' } })
    expect(refused(override, { scopes: ['release'] })?.code).toBe('forbidden')
    ask(override, { scopes: ['release', 'override'] })
    expect(last().events[0]).toEqual({
      type: 'release-overridden',
      v: 1,
      release: 'shop-r2',
      reason: 'the site is down',
      freezes: ['sale'],
      approvalsMissing: 1,
    })
    settle()
    expect(view().phase).toBe('live')
  })

  it('are agents that do not read the content format', () => {
    const { state, fleet } = shop()
    const old = { ...state(), format: 1 }
    const asked = (intent: Intent) => {
      const input = { kind: 'intent', intent, actor: 'tests', idempotencyKey: null, ifMatch: null }
      return decide(old, emptyFleet(0), input as Input, 1_000)
    }
    expect(fleet().clusters.size).toBe(2)
    for (const intent of [
      createRelease('shop', { strategy: 'canary' }),
      createRelease('shop', { preview: { links: true } }),
    ]) {
      expect(asked(intent)).toMatchObject({
        rejection: {
          code: 'format-not-supported',
          evidence: { agents: [{ agent: 'eu-1-a' }, { agent: 'us-1-a' }] },
        },
      })
    }
    expect(asked(createRelease('shop')).kind).toBe('record')
  })
})

describe('undo', () => {
  it('is a new release of a former version', () => {
    const { ask, refused, settle, view } = shop()
    ask(createRelease('shop', { version: '2', autoPromote: true }))
    settle()
    const undo = (id: string) => createRelease('shop', { version: undefined, undo: id })
    expect(refused(undo('shop-r9'))?.code).toBe('unknown-release')
    ask(undo('shop-r1'))
    expect(view('shop-r3')).toMatchObject({ version: '1', undo: 'shop-r1' })
  })
})

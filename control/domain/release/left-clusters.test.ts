/** Releases that are not everywhere any more: replaced, or left behind by their app, in some clusters. */
import { describe, expect, it } from 'vitest'
import { createRelease, enrol, fleetOf, putApp } from '../fleet-of.fixture.ts'
import type { Intent } from '../input.ts'
import { appOf, releaseOf } from '../state.ts'
import { releaseView } from '../view/view.ts'

const local = { platform: { type: 'local', program: 'shop' }, copies: 4 }
const until = { until: 'promote' } as const

/** Two clusters of one agent each; the shop's first release is live in both. */
function shop() {
  const fleet = fleetOf('eu-1', 'us-1')
  for (const cluster of ['eu-1', 'us-1']) fleet.ask(enrol(cluster, `${cluster}-a`))
  const put = (clusters: readonly string[]) => putApp('shop', { ...local, clusters })
  fleet.ask(put(['eu-1', 'us-1']))
  fleet.ask(createRelease('shop'))
  const ready: Record<string, number> = { 'shop-r1': 4, 'shop-r2': 4, 'shop-r3': 4 }
  const settle = () => {
    for (let n = 0; n < 4; n++) {
      for (const cluster of ['eu-1', 'us-1']) {
        fleet.report(cluster, `${cluster}-a`, { readyEndpoints: { ...ready } })
      }
    }
  }
  settle()
  const view = (id = 'shop-r2') => releaseView(fleet.state(), fleet.fleet(), id, fleet.time())!
  const shares = (cluster: string) => {
    const position = appOf(fleet.state(), 'shop')!.positions[cluster]!
    return Object.fromEntries(position.weights.map((one) => [one.release, one.weight]))
  }
  return { ...fleet, put, settle, view, shares, ready }
}

describe('a rolling release', () => {
  const roll = (more = {}) => createRelease('shop', { strategy: 'rolling', ...more })

  it('given up after its first wave goes from the clusters that it never had, too', () => {
    const { ask, settle, view, ready, state } = shop()
    ready['shop-r2'] = 0
    ask(roll({ waves: [{ clusters: ['eu-1'], pause: until }] }))
    settle()
    ask({ type: 'abort-release', release: 'shop-r2' })
    settle()
    const gone = () => releaseOf(state(), 'shop-r2')
    expect(gone()).toMatchObject({ phase: 'aborted', gone: true })
    expect(view('shop-r1').phase).toBe('live')
  })

  it('is rolled back to what was paused long ago, and its copies follow', () => {
    const { ask, settle, view, ready } = shop()
    ask(roll({ autoPromote: false }))
    settle()
    ask({ type: 'pause-release', release: 'shop-r2', reason: 'wait' })
    ask({ type: 'resume-release', release: 'shop-r2' })
    ask({ type: 'promote-release', release: 'shop-r2' })
    ask({ type: 'pause-release', release: 'shop-r2', reason: 'long ago' })
    ready['shop-r1'] = 0
    settle()
    expect(view()).toMatchObject({ phase: 'live', paused: { reason: 'long ago' } })
    ask(roll())
    settle()
    ask({ type: 'rollback-release', release: 'shop-r3' })
    expect(view()).toMatchObject({ phase: 'committing', paused: null })
  })

  it('in one cluster leaves what is live in the others as it is', () => {
    const { ask, settle, view, shares, ready } = shop()
    ask(roll({ clusters: ['eu-1'] }))
    settle()
    ready['shop-r1'] = 0
    settle()
    expect(view()).toMatchObject({ phase: 'live' })
    expect([shares('eu-1'), shares('us-1')]).toEqual([{ 'shop-r2': 1 }, { 'shop-r1': 1 }])
    expect(view('shop-r1')).toMatchObject({ phase: 'live', clusters: ['us-1'] })
    // What replaces it there makes it a retired one, which can be decommissioned.
    Object.assign(ready, { 'shop-r1': 4, 'shop-r3': 4 })
    ask(createRelease('shop', { clusters: ['us-1'], autoPromote: true }))
    settle()
    expect([view('shop-r3').phase, view('shop-r1').phase]).toEqual(['live', 'retired'])
    ask({ type: 'decommission-release', release: 'shop-r1' })
    settle()
    expect(view('shop-r1').phase).toBe('decommissioned')
  })
})

it('a release that has left a cluster is promoted again in those that it still has', () => {
  const { ask, put, settle, view, shares, state } = shop()
  ask(put(['eu-1']))
  settle()
  ask(put(['eu-1', 'us-1']))
  const steps = [{ weight: 10, pause: until }]
  ask(createRelease('shop', { strategy: 'canary', steps, autoPromote: true }))
  settle()
  const promote = (release: string): Intent => ({ type: 'promote-release', release, full: true })
  ask(promote('shop-r2'))
  settle()
  expect(view('shop-r2').phase).toBe('live')
  expect(releaseOf(state(), 'shop-r1')).toMatchObject({
    phase: 'retired',
    clusters: ['eu-1'],
    steps: [{ clusters: ['eu-1'], weight: 100 }],
  })
  ask({ type: 'promote-release', release: 'shop-r1' })
  settle()
  expect(view('shop-r1')).toMatchObject({ phase: 'live', clusters: ['eu-1'] })
  expect([shares('eu-1'), shares('us-1')]).toEqual([{ 'shop-r1': 1 }, { 'shop-r2': 1 }])
})

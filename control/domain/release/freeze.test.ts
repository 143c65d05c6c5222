import { expect, it } from 'vitest'
import { freezeIntent } from '#wire/freeze.ts'
import { createRelease, enrol, fleetOf, putApp } from '../fleet-of.fixture.ts'
import type { Intent } from '../input.ts'
import { releaseOf } from '../state.ts'
import { freezesFor } from './freeze.ts'

it('a freeze of a later wave holds back a promote to the end at once', () => {
  const fleet = fleetOf('eu-1', 'us-1')
  for (const cluster of ['eu-1', 'us-1']) fleet.ask(enrol(cluster, `${cluster}-a`))
  fleet.ask(putApp('shop', { clusters: ['eu-1', 'us-1'] }))
  const settle = () => {
    for (let n = 0; n < 4; n++) {
      for (const cluster of ['eu-1', 'us-1']) {
        const readyEndpoints = { 'shop-r1': 1, 'shop-r2': 1 }
        fleet.report(cluster, `${cluster}-a`, { readyEndpoints })
      }
    }
  }
  fleet.ask(createRelease('shop'))
  settle()
  const body = freezeIntent.parse({
    from: new Date(0).toISOString(),
    until: new Date(60_000).toISOString(),
    clusters: ['us-1'],
    reason: 'a sale in us-1',
  })
  fleet.ask({ type: 'set-freeze', name: 'sale', body })
  fleet.ask(createRelease('shop', { waves: [{ clusters: ['eu-1'], pause: { until: 'promote' } }] }))
  settle()
  const promote = (more: object = {}): Intent => ({
    type: 'promote-release',
    release: 'shop-r2',
    ...more,
  })
  const full = { full: true as const }
  expect(fleet.refused(promote(full))).toMatchObject({ code: 'frozen' })
  const override = { reason: 'it cannot wait' }
  fleet.ask(promote({ ...full, override }), { scopes: ['override'] })
  expect(fleet.last().events[0]).toMatchObject({ type: 'release-overridden', freezes: ['sale'] })
  fleet.ask({ type: 'abort-release', release: 'shop-r2' })
  settle()
  // The freeze was overridden, and nothing else: approvals that are asked for now are missing.
  fleet.ask(putApp('shop', { clusters: ['eu-1', 'us-1'], approvals: 1 }))
  expect(releaseOf(fleet.state(), 'shop-r2')?.approvalsWaived).toBe(false)
})

it('a freeze of a later wave does not hold back the first', () => {
  const fleet = fleetOf('eu-1', 'us-1')
  const state = { ...fleet.state(), freezes: new Map() }
  expect(freezesFor(state, 'shop', ['eu-1'], 1)).toEqual([])
  const intent = freezeIntent.parse({
    from: new Date(0).toISOString(),
    until: new Date(60_000).toISOString(),
    clusters: ['us-1'],
    reason: 'a sale',
  })
  state.freezes.set('sale', { name: 'sale', intent, setBy: 'alice' })
  expect(freezesFor(state, 'shop', ['eu-1'], 1)).toEqual([])
  expect(freezesFor(state, 'shop', ['eu-1', 'us-1'], 1)).toMatchObject([{ name: 'sale' }])
})

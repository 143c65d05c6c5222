/** The shop, live in two clusters, for tests of how its next release goes. */
import { expect } from 'vitest'
import type { PositionObject } from '#wire/object.ts'
import type { Report } from '#wire/report.ts'
import { find } from '#wire/tree.ts'
import { createRelease, enrol, fleetOf, putApp } from '../fleet-of.fixture.ts'
import type { Intent } from '../input.ts'
import { rebuild, snapshotOf } from '../snapshot/snapshot.ts'
import { releaseView } from '../view/view.ts'

export const local = { platform: { type: 'local', program: 'shop' }, copies: 4 }

/** Two clusters of one agent each; the shop's first release is live, and four copies of every release are ready. */
export function shop(app: object = local) {
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

export const until = { until: 'promote' } as const
export const motion = (
  type: 'abort' | 'rollback' | 'pause' | 'resume' | 'approve',
  more = {},
): Intent => ({ type: `${type}-release`, release: 'shop-r2', ...more }) as Intent

/** Which release an app's own Service selects, while switches are on their way. */
import { expect, it } from 'vitest'
import type { SnapshotObject } from '#wire/object.ts'
import { objectsOf } from '#wire/tree.ts'
import { createRelease, enrol, fleetOf, putApp } from '../fleet-of.fixture.ts'
import type { Intent } from '../input.ts'
import { releaseView } from '../view/view.ts'
import { rebuild, snapshotOf } from './snapshot.ts'

const platform = { type: 'kubernetes', namespace: 'web', port: 8080, service: 'front' } as const
const clusters = ['eu-1', 'us-1'] as const

/** Two clusters of one agent each; the shop's first release is live. */
function shop() {
  const fleet = fleetOf(...clusters)
  const ready: Record<string, number> = { 'shop-r1': 2, 'shop-r2': 2, 'shop-r3': 2 }
  const report = (cluster: string) =>
    fleet.report(cluster, `${cluster}-a`, { readyEndpoints: { ...ready } })
  const settle = () => {
    for (let n = 0; n < 4; n++) for (const cluster of clusters) report(cluster)
  }
  for (const cluster of clusters) fleet.ask(enrol(cluster, `${cluster}-a`))
  settle()
  const put = (more: object = {}) =>
    fleet.ask(putApp('shop', { clusters: [...clusters], copies: 2, platform, ...more }))
  /** In each cluster. */
  const selects = () =>
    clusters.map((cluster) => {
      const tree = snapshotOf(fleet.state(), cluster)
      expect(rebuild(fleet.state(), cluster).root).toBe(tree.root)
      return [...objectsOf(tree)].flatMap(selectedBy)
    })
  const phase = (id: string) => releaseView(fleet.state(), fleet.fleet(), id, fleet.time())!.phase
  return { ...fleet, report, settle, put, selects, phase, ready }
}

const selectedBy = (object: SnapshotObject) =>
  object.kind === 'workload' && object.kubernetes?.service
    ? [`${object.kubernetes.service}: ${object.release}`]
    : []
const both = (release: string) => [[`front: ${release}`], [`front: ${release}`]]
const nobody = [[], []]

const release = (version: string, more: object = {}) =>
  createRelease('shop', { version, image: `shop:${version}`, ...more })
const motion = (type: 'promote' | 'rollback', id = 'shop-r2', more: object = {}): Intent =>
  ({ type: `${type}-release`, release: id, ...more }) as Intent

function withFirst() {
  const fleet = shop()
  fleet.put()
  fleet.ask(release('1'))
  expect(fleet.selects()).toEqual(nobody)
  fleet.settle()
  expect(fleet.selects()).toEqual(both('shop-r1'))
  return fleet
}

it('follows a switch once every agent of every cluster has, and goes back at once', () => {
  const { ask, settle, report, selects, phase } = withFirst()
  ask(release('2'))
  settle()
  ask(motion('promote'))
  for (const cluster of clusters) report(cluster)
  expect(phase('shop-r2')).toBe('committing')
  report('eu-1')
  expect([phase('shop-r2'), selects()]).toEqual(['committing', both('shop-r1')])
  report('us-1')
  expect([phase('shop-r2'), selects()]).toEqual(['live', both('shop-r2')])
  ask(motion('rollback'))
  expect([phase('shop-r1'), selects()]).toEqual(['committing', both('shop-r1')])
  settle()
  expect(selects()).toEqual(both('shop-r1'))
  ask(motion('promote'))
  settle()
  expect(selects()).toEqual(both('shop-r2'))
})

it('never leaves a release whose successor was given up before it was proven', () => {
  const { ask, settle, report, selects, phase } = withFirst()
  ask(release('2'))
  settle()
  ask(motion('promote'))
  for (const cluster of clusters) report(cluster)
  ask(motion('rollback'))
  expect([phase('shop-r1'), selects()]).toEqual(['committing', both('shop-r1')])
  settle()
  expect(selects()).toEqual(both('shop-r1'))
})

it('stays with the stable release until the last step of a canary', () => {
  const { ask, settle, selects, phase } = withFirst()
  const steps = [{ weight: 10, pause: { until: 'promote' } }]
  ask(release('2', { strategy: 'canary', steps }))
  settle()
  ask(motion('promote'))
  settle()
  expect([phase('shop-r2'), selects()]).toEqual(['progressing', both('shop-r1')])
  ask(motion('promote'))
  settle()
  expect([phase('shop-r2'), selects()]).toEqual(['live', both('shop-r2')])
})

it('follows a rolling release at its beginning: it selects the one Deployment of old and new pods', () => {
  const { ask, settle, selects, phase, ready } = withFirst()
  ask(release('2', { strategy: 'rolling' }))
  ready['shop-r2'] = 1
  ready['shop-r1'] = 1
  settle()
  expect([phase('shop-r2'), selects()]).toEqual(['progressing', both('shop-r2')])
  ready['shop-r2'] = 2
  delete ready['shop-r1']
  settle()
  expect([phase('shop-r2'), selects()]).toEqual(['live', both('shop-r2')])
})

it('may be named later, and is where the app is now', () => {
  const { ask, settle, put, selects } = shop()
  const { service: _, ...without } = platform
  put({ platform: without })
  ask(release('1'))
  settle()
  expect(selects()).toEqual(nobody)
  put()
  expect(selects()).toEqual(both('shop-r1'))
  put({ platform: { ...platform, namespace: 'other' } })
  expect(selects()).toEqual(nobody)
})

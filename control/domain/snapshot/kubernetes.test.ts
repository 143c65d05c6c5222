/** Apps on the platform `kubernetes`: what a release is made of, what agents are told, what is refused. */
import { describe, expect, it } from 'vitest'
import type { WorkloadObject } from '#wire/object.ts'
import { find } from '#wire/tree.ts'
import { createRelease, enrol, fleetOf, putApp } from '../fleet-of.fixture.ts'
import { releaseView } from '../view/view.ts'
import { rebuild, snapshotOf } from './snapshot.ts'

const kubernetes = { type: 'kubernetes', namespace: 'web', port: 8080 } as const

function shop(platform: object = kubernetes, copies = 3) {
  const fleet = fleetOf('eu-1')
  fleet.ask(enrol('eu-1', 'eu-1-a'))
  // It says which formats it reads.
  fleet.report('eu-1', 'eu-1-a')
  fleet.ask(putApp('shop', { platform, copies }))
  const settle = (readyEndpoints: Record<string, number>) => {
    for (let n = 0; n < 4; n++) fleet.report('eu-1', 'eu-1-a', { readyEndpoints })
    expect(rebuild(fleet.state(), 'eu-1').root).toBe(snapshotOf(fleet.state(), 'eu-1').root)
  }
  const workload = (release: string) =>
    find(snapshotOf(fleet.state(), 'eu-1'), `workload/${release}`) as WorkloadObject | undefined
  const view = (id: string) => releaseView(fleet.state(), fleet.fleet(), id, fleet.time())!
  return { ...fleet, settle, workload, view }
}

const image = (tag: string) => `registry.example/shop:${tag}`
const byImage = (tag: string, more: object = {}) =>
  createRelease('shop', { version: tag, image: image(tag), ...more })

describe('a release in Kubernetes', () => {
  it('is made of the image and of the template that the app names', () => {
    const { ask, workload, view } = shop({ ...kubernetes, template: 'base', container: 'app' })
    ask(byImage('1'))
    expect(workload('shop-r1')).toEqual({
      kind: 'workload',
      key: 'workload/shop-r1',
      app: 'shop',
      release: 'shop-r1',
      version: '1',
      kubernetes: {
        namespace: 'web',
        port: 8080,
        template: 'base',
        container: 'app',
        image: image('1'),
      },
      copies: 3,
    })
    expect(view('shop-r1')).toMatchObject({ image: image('1'), deployment: null })
  })

  it('takes the Deployment named like the app when no template is named', () => {
    const { ask, workload } = shop()
    ask(byImage('1'))
    expect(workload('shop-r1')?.kubernetes).toEqual({
      namespace: 'web',
      port: 8080,
      template: 'shop',
      image: image('1'),
    })
  })

  it('waits for as many endpoints as there are copies, and for one of an adopted Deployment', () => {
    const { ask, settle, view } = shop()
    ask(byImage('1'))
    settle({ 'shop-r1': 2 })
    expect(view('shop-r1')).toMatchObject({ phase: 'starting', waiting: { code: 'endpoints' } })
    settle({ 'shop-r1': 3 })
    expect(view('shop-r1').phase).toBe('live')
    ask(createRelease('shop', { version: '2', deployment: 'app-green' }))
    settle({ 'shop-r1': 3, 'shop-r2': 1 })
    expect(view('shop-r2')).toMatchObject({ phase: 'ready', deployment: 'app-green' })
  })

  it('rolls over an adopted Deployment, and goes back to it', () => {
    const { ask, settle, view, workload } = shop()
    ask(createRelease('shop', { version: 'blue', deployment: 'shop' }))
    settle({ 'shop-r1': 3 })
    ask(byImage('2', { strategy: 'rolling' }))
    settle({ 'shop-r1': 3 })
    expect(workload('shop-r2')).toMatchObject({
      kubernetes: { image: image('2') },
      rolling: { replaces: ['shop-r1'], maxSurge: 1, maxUnavailable: 0 },
    })
    ask({ type: 'rollback-release', release: 'shop-r2' })
    settle({ 'shop-r1': 1, 'shop-r2': 2 })
    expect(workload('shop-r1')).toMatchObject({
      kubernetes: { deployment: 'shop' },
      rolling: { replaces: ['shop-r2'] },
    })
    settle({ 'shop-r1': 1 })
    expect(view('shop-r1').phase).toBe('live')
  })

  it('brings back image or Deployment with an undo', () => {
    const { ask, settle, view } = shop()
    ask(byImage('1'))
    settle({ 'shop-r1': 3 })
    ask(byImage('2', { autoPromote: true }))
    settle({ 'shop-r1': 3, 'shop-r2': 3 })
    ask(createRelease('shop', { version: undefined, undo: 'shop-r1' }))
    expect(view('shop-r3')).toMatchObject({ version: '1', image: image('1'), undo: 'shop-r1' })
  })
})

describe('what is refused', () => {
  it('is a release without image and Deployment, or with both', () => {
    const { refused } = shop()
    expect(refused(createRelease('shop'))).toMatchObject({
      code: 'invalid-request',
      errors: [{ pointer: '/image', message: expect.stringContaining('`deployment`') }],
    })
    expect(() => byImage('1', { deployment: 'blue' })).toThrow('not both')
    const undo = { version: undefined, undo: 'shop-r1' }
    expect(() => byImage('1', undo)).toThrow('from the former release')
  })

  it('is an image for copies that are no pods', () => {
    const { refused } = shop({ type: 'local', program: 'shop' })
    expect(refused(byImage('1'))).toMatchObject({
      errors: [{ pointer: '/image', message: expect.stringContaining('"local"') }],
    })
  })

  it('is rolling to a Deployment as it is, and from another namespace', () => {
    const { ask, refused, settle } = shop()
    const rolling = { strategy: 'rolling' }
    expect(refused(createRelease('shop', { deployment: 'blue', ...rolling }))).toMatchObject({
      errors: [{ pointer: '/strategy', message: expect.stringContaining('say `image`') }],
    })
    ask(byImage('1'))
    settle({ 'shop-r1': 3 })
    ask(putApp('shop', { platform: { ...kubernetes, namespace: 'other' }, copies: 3 }))
    expect(refused(byImage('2', rolling))).toMatchObject({
      errors: [{ pointer: '/strategy', message: expect.stringContaining('kubernetes: web') }],
    })
  })
})

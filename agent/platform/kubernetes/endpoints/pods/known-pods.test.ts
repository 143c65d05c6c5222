import { beforeEach, describe, expect, it } from 'vitest'
import { createKnownPods, type KnownPods } from './known-pods.ts'
import { type PodLike, podOf, type ServiceLike, serviceOf } from './pods.fixture.ts'
import { readPod } from './release-pod.ts'
import { readService } from './release-service.ts'

const pod = (like: PodLike = {}) => readPod(podOf(like)).pod!
const service = (like: ServiceLike = {}) => readService(serviceOf(like)).service!
const app = { app: 'shop' }
const byLabel: ReadonlySet<string> = new Set()

let known: KnownPods
let touched: string[]
let nowMs: number
let room: number
beforeEach(() => {
  touched = []
  nowMs = 0
  room = 10
  known = createKnownPods({
    hasRoom: () => known.podCount() < room,
    touch: (releases) => touched.push(...releases),
    now: () => nowMs,
  })
})
const selected = (release = 'shop-r1') =>
  known.selected(release)?.flatMap(({ pods }) => pods.map(({ name }) => name))

describe('the pods of a namespace', () => {
  it('say nothing before both they and the Services are known', () => {
    known.replacePods([pod()], byLabel, false)
    expect(known.selected('shop-r1')).toBeNull()
    known.replaceServices([service()])
    expect(selected()).toEqual(['one'])
    known.forget()
    expect(known.selected('shop-r1')).toBeNull()
    expect(known.podCount()).toBe(0)
  })

  it('touch what they spoke for when nobody believes them any more, also without a Service', () => {
    known.replaceServices([])
    known.replacePods([pod()], byLabel, false)
    touched = []
    known.forget()
    expect(touched).toEqual(['shop-r1'])
  })

  it('touch the releases whose Services select them, before and after', () => {
    known.replaceServices([service(), service({ release: 'shop-r2', selector: app })])
    known.replacePods([pod()], new Set(known.selection()), false)
    touched = []
    known.setPod(pod({ version: 2, labels: app }))
    expect(new Set(touched)).toEqual(new Set(['shop-r1', 'shop-r2']))
    expect([selected('shop-r1'), selected('shop-r2')]).toEqual([[], ['one']])
  })

  it('that no Service can mean are not kept', () => {
    known.replaceServices([service({ selector: app })])
    known.replacePods([pod({ labels: { app: 'other' } }), pod({ name: 'two' })], byLabel, false)
    expect(known.podCount()).toBe(1)
    expect(known.pod('uid-one')).toBeUndefined()
  })

  it('do not speak for a selector by which they have not been read', () => {
    known.replaceServices([service()])
    known.replacePods([pod()], byLabel, false)
    known.setService(service({ selector: app }))
    expect(known.selection().size).toBe(1)
    expect(known.selected('shop-r1')).toEqual([])
    known.replacePods([pod(), pod({ name: 'two', labels: app })], known.selection(), false)
    expect(selected()).toEqual(['two'])
  })

  it('of a selector that was away are read again, and are not gone', () => {
    const foreign = service({ selector: app })
    known.replaceServices([foreign])
    known.replacePods([pod({ labels: app })], known.selection(), false)
    known.removeService(foreign.key)
    known.setPod(pod({ labels: app, version: 2 }))
    known.setService(foreign)
    expect(known.pod('uid-one')).toBeUndefined()
    expect(known.selected('shop-r1')).toEqual([])
    known.replacePods([pod({ labels: app, version: 2 })], known.selection(), false)
    expect(selected()).toEqual(['one'])
    known.setPod(pod({ labels: { app: 'other' }, version: 3 }))
    expect(known.pod('uid-one')).toBe('gone')
  })

  it('that are not asked for any more are not gone', () => {
    known.replaceServices([service({ selector: app })])
    known.replacePods([pod({ labels: app }), pod({ name: 'two' })], known.selection(), false)
    known.setService(service())
    known.replacePods([], byLabel, false)
    expect([known.pod('uid-one'), known.pod('uid-two')]).toEqual([undefined, 'gone'])
  })

  it('that cannot be read any more are not gone', () => {
    known.replaceServices([service()])
    known.replacePods([pod()], byLabel, false)
    known.replacePods([], byLabel, false)
    known.ignorePod('uid-one')
    expect(known.pod('uid-one')).toBeUndefined()
  })

  it('are known to be gone for as long as a slice may name them, and not for ever', () => {
    known.replaceServices([service()])
    known.replacePods([pod(), pod({ name: 'two' })], byLabel, false)
    known.removePod('uid-one')
    known.replacePods([], byLabel, false)
    const words = () => [known.pod('uid-one'), known.pod('uid-two')]
    const sweep = () => known.sweep((uid) => uid === 'uid-two')
    nowMs = 50_000
    sweep()
    expect(words()).toEqual(['gone', 'gone'])
    nowMs = 70_000
    sweep()
    expect(words()).toEqual([undefined, 'gone'])
    nowMs = 2_000_000
    sweep()
    expect(words()).toEqual([undefined, undefined])
  })

  it('that an older state does not have are not known to be gone', () => {
    known.replaceServices([service()])
    known.replacePods([pod()], byLabel, false)
    known.replacePods([], byLabel, true)
    expect(known.pod('uid-one')).toBeUndefined()
  })

  it('that have gone are not brought back by an older state, but by what is written since', () => {
    known.replaceServices([service()])
    known.replacePods([pod()], byLabel, false)
    known.removePod('uid-one')
    known.replacePods([pod({ version: 0 })], byLabel, true)
    expect([known.pod('uid-one'), selected()]).toEqual(['gone', []])
    known.setPod(pod({ version: 2 }))
    expect(selected()).toEqual(['one'])
  })

  it('are at most so many', () => {
    room = 1
    known.replaceServices([service()])
    known.replacePods([pod(), pod({ name: 'two' })], byLabel, false)
    expect([selected(), known.leftOut()]).toEqual([['one'], 1])
    known.setPod(pod({ version: 2 }))
    expect(known.leftOut()).toBe(1)
    known.removePod('uid-one')
    known.setPod(pod({ name: 'two', version: 2 }))
    expect([selected(), known.leftOut()]).toEqual([['two'], 0])
  })
})

describe('a pod', () => {
  const read = (like: PodLike) => readPod(podOf(like))

  it('keeps where it is and how it is', () => {
    expect(read({ ips: ['10.0.0.1', 'fd00::1'], leaving: true }).pod).toEqual({
      uid: 'uid-one',
      name: 'one',
      version: '1',
      labels: { 'switchyard.dev/release': 'shop-r1' },
      node: 'node-1',
      addresses: { IPv4: '10.0.0.1', IPv6: 'fd00::1' },
      ports: [],
      isReady: true,
      isLeaving: true,
    })
  })

  it.each(['Failed', 'Succeeded'])('that has %s is nowhere', (phase) => {
    expect(read({ phase }).pod?.addresses).toEqual({})
  })

  it('that has no address yet, or a wrong one, is nowhere', () => {
    expect(read({ ips: [] }).pod?.addresses).toEqual({})
    expect(read({ ips: ['10.0.0.300'] }).pod?.addresses).toEqual({})
  })

  it('says what is wrong with it, and which one it is', () => {
    const labels = Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`label-${n}`, '']))
    expect(read({ labels })).toMatchObject({
      uid: 'uid-one',
      pod: null,
      problem: 'Pod shop/one: it has more than 64 labels',
    })
    expect(readPod({ ...podOf(), spec: null })).toMatchObject({ uid: 'uid-one', pod: null })
    expect(readPod(null)).toMatchObject({ uid: null, pod: null })
  })
})

describe('a Service', () => {
  const read = (spec: Readonly<Record<string, unknown>>) => readService(serviceOf({ spec }))
  const port = (more: Readonly<Record<string, unknown>>) => read({ ports: [more] }).service

  it.each([
    ['by number', { port: 80, targetPort: 8080 }, 8080],
    ['by name', { port: 80, targetPort: 'web' }, 'web'],
    ['the same as its own', { port: 80 }, 80],
  ])('has the port of its pods: %s', (_what, of, targetPort) => {
    expect(port(of)).toMatchObject({ targetPort })
  })

  it.each([
    ['it selects nothing', { selector: {} }],
    ['it is a name elsewhere', { type: 'ExternalName' }],
    [
      'its ports are several',
      {
        ports: [
          { name: 'a', port: 1 },
          { name: 'b', port: 2 },
        ],
      },
    ],
  ])('has no pods to follow: %s', (_what, spec) => {
    expect(read(spec)).toMatchObject({ key: 'shop/shop-r1', service: null, problem: null })
  })

  it('says what is wrong with it', () => {
    expect(read({ ports: 80 })).toMatchObject({ key: 'shop/shop-r1', service: null })
    expect(read({ ports: 80 }).problem).toMatch(/^Service shop\/shop-r1: .*ports/)
  })
})

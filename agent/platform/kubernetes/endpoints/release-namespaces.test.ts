import { expect, it } from 'vitest'
import type { Backend, Workload } from '../../platform.ts'
import { releaseNamespaces, releaseSiblings } from './release-namespaces.ts'

const backend = (release: string, platform: Backend['platform'] = 'kubernetes'): Backend => ({
  app: 'shop',
  release,
  version: '1',
  platform,
})
const workload = (release: string, namespace: string, replaces: string[] = []): Workload => ({
  app: 'shop',
  release,
  version: '1',
  copies: 1,
  kubernetes: { namespace, port: 80, template: 'shop', image: 'shop:1' },
  ...(replaces.length > 0 && {
    rolling: {
      replaces,
      maxSurge: 1,
      maxUnavailable: 0,
      minReadyMs: 0,
      progressDeadlineMs: 0,
      paused: false,
    },
  }),
})
const none = new Map<string, string>()

it("a release is in its workload's namespace", () => {
  const found = releaseNamespaces([backend('shop-r1')], [workload('shop-r1', 'shop')], none)
  expect([...found]).toEqual([['shop-r1', 'shop']])
})

it('a release that is replaced is where its successor is', () => {
  const backends = [backend('shop-r1'), backend('shop-r2')]
  const found = releaseNamespaces(backends, [workload('shop-r2', 'shop', ['shop-r1'])], none)
  expect(found.get('shop-r1')).toBe('shop')
})

it('a release without a workload stays where it was, while its backend stays', () => {
  const former = new Map([['shop-r1', 'shop']])
  expect(releaseNamespaces([backend('shop-r1')], [], former)).toEqual(former)
  expect(releaseNamespaces([], [], former).size).toBe(0)
})

it('a release of another platform is nowhere here, and one that nothing is known of neither', () => {
  const former = new Map([['shop-r1', 'shop']])
  expect(releaseNamespaces([backend('shop-r1', 'local')], [], former).size).toBe(0)
  expect(releaseNamespaces([backend('shop-r9')], [], former).size).toBe(0)
})

it('a release and those that it replaces are siblings', () => {
  const rolling = workload('shop-r3', 'shop', ['shop-r1', 'shop-r2'])
  expect([...releaseSiblings([workload('web-r1', 'web'), rolling], none, new Map())]).toEqual([
    ['shop-r3', ['shop-r1', 'shop-r2']],
    ['shop-r1', ['shop-r3', 'shop-r2']],
    ['shop-r2', ['shop-r3', 'shop-r1']],
  ])
})

it('siblings stay so once all copies are replaced, until one of them has left', () => {
  const both = new Map([
    ['shop-r1', 'shop'],
    ['shop-r2', 'shop'],
  ])
  const rolling = releaseSiblings([workload('shop-r2', 'shop', ['shop-r1'])], both, new Map())
  const replaced = releaseSiblings([workload('shop-r2', 'shop')], both, rolling)
  expect(replaced).toEqual(rolling)
  const left = new Map([['shop-r2', 'shop']])
  expect(releaseSiblings([workload('shop-r2', 'shop')], left, replaced).size).toBe(0)
})

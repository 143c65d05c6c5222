import { beforeEach, describe, expect, it } from 'vitest'
import { readSlice } from './endpoint-slice.ts'
import { createKnownSlices, type KnownSlices } from './known-slices.ts'
import type { PodsOfReleases } from './pods-of-releases.ts'
import { leaving, type SliceLike, sliceOf } from './slices.fixture.ts'

const slice = (like: SliceLike) => readSlice(sliceOf({ version: 1, ...like })).slice!
const shop = new Map([
  ['shop-r1', 'shop'],
  ['shop-r2', 'shop'],
])
let known: KnownSlices
beforeEach(() => {
  known = createKnownSlices('eu-1', { sliceCount: 3, endpointCount: 5 })
  known.setReleases(shop)
})
const addresses = (release: string) => known.endpoints()[release]?.map(({ address }) => address)

describe('the slices that are known', () => {
  it('of a release that are deleted leave their ready endpoints, until others come', () => {
    const keeping = { sliceCount: 3, endpointCount: 5, keepsDeleted: true }
    known = createKnownSlices('eu-1', keeping)
    known.setReleases(shop)
    const going = { address: '10.0.0.3', conditions: leaving }
    known.set(slice({ name: 'a', endpoints: ['10.0.0.1', going] }))
    known.set(slice({ name: 'b', endpoints: ['10.0.0.2'] }))
    known.deleted('shop/a')
    expect(addresses('shop-r1')).toEqual(['10.0.0.2'])
    expect(known.orphaned().size).toBe(0)
    known.deleted('shop/b')
    expect(addresses('shop-r1')).toEqual(['10.0.0.2'])
    expect([...known.orphaned()]).toEqual(['shop-r1'])
    known.set(slice({ name: 'c', endpoints: [] }))
    expect(addresses('shop-r1')).toEqual(['10.0.0.2'])
    known.set(slice({ name: 'c', version: 2, endpoints: ['10.0.0.4'] }))
    expect(addresses('shop-r1')).toEqual(['10.0.0.4'])
    expect(known.orphaned().size).toBe(0)
  })

  it('of a release that are deleted leave no address that is another release’s, and none for ever', () => {
    known = createKnownSlices('eu-1', { sliceCount: 3, endpointCount: 5, keepsDeleted: true })
    known.setReleases(shop)
    known.set(slice({ name: 'a', endpoints: ['10.0.0.1', '10.0.0.2'] }))
    known.replace([slice({ name: 'b', release: 'shop-r2', endpoints: ['10.0.0.1'] })])
    expect(addresses('shop-r1')).toEqual(['10.0.0.2'])
    known.giveUp('shop-r1')
    expect(addresses('shop-r1')).toBeUndefined()
  })

  it('of a release that are deleted leave what shares a host’s address with another release', () => {
    const uids = new Set(['uid-one', 'uid-two'])
    const pods: PodsOfReleases = {
      over: (_release, _namespace, slices) => slices,
      wordOf: () => 'ready',
      holders: () => new Map([['10.0.0.1', uids]]),
    }
    known = createKnownSlices('eu-1', {
      ...{ sliceCount: 3, endpointCount: 5, keepsDeleted: true },
      pods,
    })
    known.setReleases(shop)
    known.set(slice({ name: 'a', endpoints: [{ address: '10.0.0.1', pod: 'one' }] }))
    const ports = [{ name: 'http', port: 8081 }]
    const endpoints = [{ address: '10.0.0.1', pod: 'two' }]
    known.set(slice({ name: 'b', release: 'shop-r2', ports, endpoints }))
    known.deleted('shop/a')
    expect(addresses('shop-r1')).toEqual(['10.0.0.1'])
    // It is another's, once its own pod does not have it any more.
    uids.delete('uid-one')
    known.touch(['shop-r1'])
    expect(addresses('shop-r1')).toEqual([])
  })

  it('of a release that is ours no more leave nothing', () => {
    known = createKnownSlices('eu-1', { sliceCount: 3, endpointCount: 5, keepsDeleted: true })
    known.setReleases(shop)
    known.set(slice({ endpoints: ['10.0.0.1'] }))
    known.deleted('shop/shop-r1-abcde')
    known.setReleases(new Map())
    expect(known.endpoints()).toEqual({})
    known.setReleases(shop)
    expect(known.endpoints()).toEqual({})
  })

  it('give each release its endpoints', () => {
    known.set(slice({ name: 'a', endpoints: ['10.0.0.1'] }))
    known.set(slice({ name: 'b', release: 'shop-r2', endpoints: ['10.0.0.2'] }))
    expect(known.endpoints()).toEqual({
      'shop-r1': [{ address: '10.0.0.1', port: 8080 }],
      'shop-r2': [{ address: '10.0.0.2', port: 8080 }],
    })
  })

  it('give the same object while nothing that workers have has changed', () => {
    known.set(slice({ endpoints: ['10.0.0.1'] }))
    const before = known.endpoints()
    known.set(slice({ version: 2, endpoints: [{ address: '10.0.0.1', pod: 'one' }] }))
    expect(known.endpoints()).toBe(before)
    expect(known.pods().get('10.0.0.1 8080')?.name).toBe('one')
  })

  it('tell a release without endpoints from one without slices', () => {
    known.set(slice({ endpoints: [] }))
    expect(addresses('shop-r1')).toEqual([])
    known.remove('shop/shop-r1-abcde')
    expect(known.endpoints()).toEqual({})
  })

  it("follow a slice that becomes another release's", () => {
    known.set(slice({ endpoints: ['10.0.0.1'] }))
    known.endpoints()
    known.set(slice({ release: 'shop-r2', endpoints: ['10.0.0.1'] }))
    expect(known.endpoints()).toEqual({ 'shop-r2': [{ address: '10.0.0.1', port: 8080 }] })
  })

  it('are what a new list says, and nothing else', () => {
    known.set(slice({ name: 'a', endpoints: ['10.0.0.1'] }))
    known.set(slice({ name: 'b', endpoints: ['10.0.0.2'] }))
    known.replace([slice({ name: 'b', endpoints: ['10.0.0.3'] })])
    expect(addresses('shop-r1')).toEqual(['10.0.0.3'])
  })

  it('serve what leaves only while no copy of a sibling is ready', () => {
    const going = (address: string) => ({ address, conditions: leaving })
    known.setReleases(
      shop,
      new Map([
        ['shop-r1', ['shop-r2']],
        ['shop-r2', ['shop-r1']],
      ]),
    )
    known.set(slice({ name: 'a', endpoints: [going('10.0.0.1')] }))
    known.set(slice({ name: 'b', release: 'shop-r2', endpoints: [] }))
    expect(addresses('shop-r1')).toEqual(['10.0.0.1'])
    known.set(slice({ name: 'b', release: 'shop-r2', version: 2, endpoints: ['10.0.0.2'] }))
    expect(addresses('shop-r1')).toEqual([])
    known.set(slice({ name: 'b', release: 'shop-r2', version: 3, endpoints: [going('10.0.0.2')] }))
    expect([addresses('shop-r1'), addresses('shop-r2')]).toEqual([['10.0.0.1'], ['10.0.0.2']])
    known.set(slice({ name: 'a', version: 4, endpoints: ['10.0.0.1'] }))
    expect([addresses('shop-r1'), addresses('shop-r2')]).toEqual([['10.0.0.1'], []])
    // Alone again.
    known.setReleases(shop)
    expect(addresses('shop-r2')).toEqual(['10.0.0.2'])
  })

  it('of another namespace attract nothing', () => {
    known.set(slice({ namespace: 'thief', endpoints: ['10.6.6.6'] }))
    expect(known.endpoints()).toEqual({})
    known.set(slice({ endpoints: ['10.0.0.1'] }))
    expect(addresses('shop-r1')).toEqual(['10.0.0.1'])
  })

  it('of another Switchyard cluster in the same Kubernetes are not ours', () => {
    const labels = (cluster: string) => ({ 'switchyard.dev/cluster': cluster })
    known.set(slice({ name: 'a', labels: labels('us-1'), endpoints: ['10.0.0.1'] }))
    known.set(slice({ name: 'b', labels: labels('eu-1'), endpoints: ['10.0.0.2'] }))
    expect(addresses('shop-r1')).toEqual(['10.0.0.2'])
  })

  it('wait for their release to be named, in whichever order they come', () => {
    known.set(slice({ release: 'shop-r3', endpoints: ['10.0.0.3'] }))
    expect(known.endpoints()).toEqual({})
    known.setReleases(new Map([['shop-r3', 'shop']]))
    expect(addresses('shop-r3')).toEqual(['10.0.0.3'])
    known.setReleases(shop)
    expect(known.endpoints()).toEqual({})
  })

  it('are at most so many', () => {
    for (const name of ['a', 'b', 'c']) known.set(slice({ name, endpoints: [] }))
    expect(known.leftOut()).toBe(0)
    known.set(slice({ name: 'd', endpoints: ['10.0.0.4'] }))
    expect(known.leftOut()).toBe(1)
    expect(addresses('shop-r1')).toEqual([])
    known.replace([slice({ name: 'd', endpoints: ['10.0.0.4'] })])
    expect(known.leftOut()).toBe(0)
    expect(addresses('shop-r1')).toEqual(['10.0.0.4'])
  })

  it('have at most so many endpoints, and room for others when one goes', () => {
    const five = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5']
    known.set(slice({ name: 'a', endpoints: five }))
    known.set(slice({ name: 'b', endpoints: ['10.0.0.6'] }))
    expect(addresses('shop-r1')).toEqual(five)
    expect(known.leftOut()).toBe(1)
    known.remove('shop/a')
    known.set(slice({ name: 'b', endpoints: ['10.0.0.6'] }))
    expect(addresses('shop-r1')).toEqual(['10.0.0.6'])
    expect(known.leftOut()).toBe(0)
  })
})

import { describe, expect, it } from 'vitest'
import { readSlice } from './endpoint-slice.ts'
import { type Conditions, meaningOf, portOf, servedOf } from './rules.ts'
import { leaving, notReady, type SliceLike, sliceOf } from './slices.fixture.ts'

const served = (...slices: SliceLike[]) =>
  servedOf(slices.map((like, n) => readSlice(sliceOf({ version: n + 1, ...like })).slice!)).map(
    ({ address }) => address,
  )

describe('the conditions of an endpoint', () => {
  it.each<[string, Conditions, string]>([
    ['ready', { ready: true, serving: true, terminating: false }, 'ready'],
    ['ready without a word on serving', { ready: true }, 'ready'],
    ['nothing is said: it counts as ready', {}, 'ready'],
    ['ready is null: it counts as ready', { ready: null, serving: null }, 'ready'],
    ['not ready', notReady, 'out'],
    ['not ready, serving, and it does not go', { ready: false, serving: true }, 'out'],
    ['it goes and serves', leaving, 'leaving'],
    ['it goes and does not serve', { ready: false, serving: false, terminating: true }, 'out'],
    [
      'it goes, serving is unset and falls back to not ready',
      { ready: false, terminating: true },
      'out',
    ],
    [
      'it goes, but is published although not ready',
      { ready: true, serving: true, terminating: true },
      'ready',
    ],
  ])('%s', (_what, conditions, meaning) => {
    expect(meaningOf(conditions)).toBe(meaning)
  })
})

describe('the port of a slice', () => {
  const http = { name: 'http', port: 80, protocol: 'TCP' }
  const admin = { name: 'admin', port: 81, protocol: 'TCP' }
  it.each<[string, Parameters<typeof portOf>[0], number | null]>([
    ['the only one, whatever its name', [admin], 81],
    ['the only one, without name and protocol', [{ port: 82 }], 82],
    ['the one named http', [admin, http], 80],
    ['none of several without that name', [admin, { name: 'web', port: 80 }], null],
    ['the only one of TCP', [{ name: 'dns', port: 53, protocol: 'UDP' }, admin], 81],
    ['never one of UDP', [{ name: 'http', port: 443, protocol: 'UDP' }], null],
    ['none when all ports are meant', [{ name: 'http', port: null }], null],
    ['none when there is none', [], null],
  ])('is %s', (_what, ports, port) => {
    expect(portOf(ports)).toBe(port)
  })
})

describe('the endpoints that take traffic', () => {
  it('are the ready ones', () => {
    const endpoints = ['10.0.0.1', { address: '10.0.0.2', conditions: notReady }, '10.0.0.3']
    expect(served({ endpoints })).toEqual(['10.0.0.1', '10.0.0.3'])
  })

  it('are the ready ones alone while others terminate', () => {
    const endpoints = ['10.0.0.1', { address: '10.0.0.2', conditions: leaving }]
    expect(served({ endpoints })).toEqual(['10.0.0.1'])
  })

  it('are those that terminate and serve while none is ready', () => {
    const endpoints = [
      { address: '10.0.0.1', conditions: leaving },
      { address: '10.0.0.2', conditions: notReady },
    ]
    expect(served({ endpoints })).toEqual(['10.0.0.1'])
  })

  it('are decided over all slices of the release: a ready one in another slice counts', () => {
    const goes = { name: 'a', endpoints: [{ address: '10.0.0.1', conditions: leaving }] }
    expect(served(goes, { name: 'b', endpoints: ['10.0.0.2'] })).toEqual(['10.0.0.2'])
  })

  it('are none when none is ready and none serves', () => {
    expect(served({ endpoints: [{ address: '10.0.0.1', conditions: notReady }] })).toEqual([])
    expect(served({ endpoints: null, ports: null })).toEqual([])
  })

  it('come once when two slices name them', () => {
    expect(served({ endpoints: ['10.0.0.1'] }, { name: 'b', endpoints: ['10.0.0.1'] })).toEqual([
      '10.0.0.1',
    ])
  })

  it('are as the newer of two slices says', () => {
    const before = { endpoints: ['10.0.0.1', '10.0.0.2'] }
    const after = { name: 'b', endpoints: [{ address: '10.0.0.1', conditions: leaving }] }
    expect(served(before, after)).toEqual(['10.0.0.2'])
    expect(served({ ...before, version: 9 }, { ...after, version: 8 })).toEqual([
      '10.0.0.1',
      '10.0.0.2',
    ])
  })

  it('may be of IPv6', () => {
    const six = { addressType: 'IPv6', endpoints: ['fd00::1'] }
    expect(served(six)).toEqual(['fd00::1'])
  })

  it('count a pod with addresses of both families once, by its IPv4 address', () => {
    const four = { endpoints: [{ address: '10.0.0.1', pod: 'one' }] }
    const six = {
      name: 'b',
      addressType: 'IPv6',
      endpoints: [
        { address: 'fd00::1', pod: 'one' },
        { address: 'fd00::2', pod: 'two' },
      ],
    }
    expect(served(four, six)).toEqual(['10.0.0.1', 'fd00::2'])
  })

  it('come in one order, however slices are arranged', () => {
    const one = served({ endpoints: ['10.0.0.2', '10.0.0.1'] })
    expect(served({ endpoints: ['10.0.0.1'] }, { name: 'b', endpoints: ['10.0.0.2'] })).toEqual(one)
  })
})

describe('a slice', () => {
  const read = (like: SliceLike) => readSlice(sliceOf({ version: 7, ...like }))

  it('keeps of an endpoint its pod, node and zone', () => {
    const { slice } = read({ endpoints: [{ address: '10.0.0.1', pod: 'one' }] })
    expect(slice).toEqual({
      key: 'shop/shop-r1-abcde',
      namespace: 'shop',
      release: 'shop-r1',
      cluster: null,
      madeOf: null,
      version: 7,
      family: 'IPv4',
      endpoints: [
        {
          address: '10.0.0.1',
          port: 8080,
          meaning: 'ready',
          pod: { name: 'one', uid: 'uid-one', node: 'node-1', zone: 'zone-a' },
        },
      ],
    })
  })

  it('gives only the first address of an endpoint a meaning', () => {
    const object = sliceOf({ version: 1 })
    const endpoints = [{ addresses: ['10.0.0.1', '10.0.0.9'] }]
    const { slice } = readSlice({ ...object, endpoints })
    expect(slice?.endpoints.map(({ address }) => address)).toEqual(['10.0.0.1'])
  })

  it('may have no ports while it has no endpoints', () => {
    expect(read({ ports: null, endpoints: [] })).toMatchObject({ problem: null })
  })

  it.each<[string, SliceLike, string]>([
    [
      'several ports, none named http',
      { ports: [{ port: 1 }, { port: 2 }], endpoints: ['10.0.0.1'] },
      'name one of its TCP ports http',
    ],
    [
      'names instead of addresses',
      { addressType: 'FQDN', endpoints: ['shop.example'] },
      'of type FQDN',
    ],
    ['a label that names no release', { release: 'Shop!' }, 'its label switchyard.dev/release'],
    ['a port that is none', { ports: [{ port: 70_000 }] }, 'ports'],
  ])('says what is wrong with it: %s', (_what, like, problem) => {
    expect(read(like)).toMatchObject({ key: 'shop/shop-r1-abcde', slice: null })
    expect(read(like).problem).toContain('EndpointSlice shop/shop-r1-abcde: ')
    expect(read(like).problem).toContain(problem)
  })

  it('leaves out what is no address, and is no slice when it is something else', () => {
    expect(read({ endpoints: ['10.0.0.1', '10.0.0.300'] }).slice?.endpoints).toHaveLength(1)
    expect(readSlice(null)).toMatchObject({ key: null, slice: null })
    expect(readSlice({ metadata: { name: 'a' } })).toMatchObject({ key: null, slice: null })
  })
})

/** EndpointSlices of Services: which of them are an id's, and at which port. */
import { describe, expect, test } from 'vitest'
import { portOf, readServiceSlice } from './service-slice.ts'
import { sliceOf } from './slices.fixture.ts'

const http = { name: 'http', port: 8080, protocol: 'TCP' }
const admin = { name: 'admin', port: 9090, protocol: 'TCP' }
const unnamed = { name: '', port: 8080 }

describe('the port of a Service in its slices', () => {
  const cases: [string, object[], string, number | null][] = [
    ['by its name', [http, admin], 'admin', 9090],
    ['without a name, asked for by number: the only one', [unnamed], '80', 8080],
    ['by number, several: the pods have the same', [http, admin], '9090', 9090],
    ['by number, several: no pod has it', [http, admin], '80', null],
    ['by a name that no port has', [http], 'web', null],
    ['UDP is none', [{ ...http, protocol: 'UDP' }], 'http', null],
  ]
  for (const [name, ports, asked, found] of cases) {
    test(name, () => expect(portOf(ports, asked)).toBe(found))
  }
})

describe('a slice of a Service', () => {
  const labels = { 'kubernetes.io/service-name': 'web' }
  const slice = (more: object = {}) =>
    sliceOf({
      name: 'web-x',
      labels,
      version: 7,
      ports: [http, admin],
      endpoints: ['10.0.0.1'],
      ...more,
    })
  const ids = { 'shop/web': ['shop/web:http', 'shop/web:admin'] } as Record<string, string[]>
  const idsOf = (namespace: string, name: string) => ids[`${namespace}/${name}`] ?? []
  const endpoints = (object: unknown) =>
    readServiceSlice(object, idsOf).read.map(({ slice }) =>
      [
        slice?.release,
        ...(slice?.endpoints ?? []).map(({ address, port }) => `${address}:${port}`),
      ].join(' '),
    )

  test('gives endpoints to each port that is asked for', () => {
    expect(endpoints(slice())).toEqual([
      'shop/web:http 10.0.0.1:8080',
      'shop/web:admin 10.0.0.1:9090',
    ])
  })
  test('of a Service of the same name elsewhere gives none', () => {
    expect(endpoints(slice({ namespace: 'bank' }))).toEqual([])
  })
  test('without the port tells what is wrong, for the id that lacks it', () => {
    const { read } = readServiceSlice(slice({ ports: [http] }), idsOf)
    expect(read.map(({ problem }) => problem)).toEqual([
      null,
      'EndpointSlice shop/web-x: no TCP port of it is the port admin',
    ])
  })
  test('without endpoints and ports is nothing wrong', () => {
    const { read } = readServiceSlice(slice({ ports: null, endpoints: null }), idsOf)
    expect(read.map(({ problem }) => problem)).toEqual([null, null])
  })
  test('that is malformed says so', () => {
    expect(readServiceSlice({ metadata: 5 }, idsOf).read[0]?.problem).toMatch(/^EndpointSlice/)
  })
})

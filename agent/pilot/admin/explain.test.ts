import { describe, expect, it } from 'vitest'
import { endpointName } from '../../link.ts'
import type { Progress } from '../convergence.ts'
import { announce, createSigner, headerOf, position, shop } from '../fleet.fixture.ts'
import { appliedOf } from '../positions.ts'
import { BadRequest } from './admin.ts'
import { createExplainHere } from './explain.ts'

const tree = shop(2, 'shop-r2')
const header = headerOf(tree)
const sealed = (await announce(await createSigner(), header)).header
const endpoint = { address: '127.0.0.1', port: 9001 }
const progress: Progress = {
  held: { header, sealed, tree, receivedMs: null },
  standings: new Map(),
  applied: new Map([['shop', appliedOf(position('shop', 1, 'shop-r1'))]]),
  endpoints: {},
  arrived: {},
  served: { 'shop-r1': [endpoint] },
  workers: [],
  equal: false,
  drift: null,
  ready: true,
}
const ask = (body: unknown, changes: Partial<Progress> = {}) =>
  createExplainHere(() => ({ ...progress, ...changes }))(body)

describe('explain at the agent', () => {
  it('ends at the endpoints, by the position that is applied and not by the one that is held', () => {
    expect(ask({ host: 'shop.example', path: '/cart?x=1' })).toMatchObject({
      status: 200,
      candidates: [{ route: 'route/shop/default', lost: null }],
      destination: { releases: [{ release: 'shop-r1' }] },
      endpoints: { 'shop-r1': [endpoint] },
    })
  })

  it('knows the pod behind an endpoint, where the platform does', () => {
    const pod = { name: 'shop-r1-x', uid: 'u', node: 'node-1', zone: null }
    const pods = () => new Map([[endpointName(endpoint), pod]])
    expect(createExplainHere(() => progress, pods)({ host: 'shop.example' })).toMatchObject({
      endpoints: { 'shop-r1': [{ ...endpoint, pod: 'shop-r1-x', node: 'node-1' }] },
    })
  })

  it('says when nothing is ready', () => {
    expect(ask({ host: 'shop.example' }, { served: {} })).toMatchObject({
      endpoints: { 'shop-r1': [] },
    })
  })

  it('answers as the router would for unknown hosts and requests that HTTP forbids', () => {
    expect(ask({ host: 'other.example' })).toMatchObject({ status: 404, endpoints: {} })
    expect(ask({ host: 'shop.example', method: 'TRACE' })).toMatchObject({ ok: false })
  })

  it('asks for a request that is one, and for a snapshot', () => {
    expect(() => ask({ path: '/' })).toThrow(BadRequest)
    expect(() => ask({ host: 'shop.example' }, { held: null })).toThrow('no snapshot yet')
  })
})

/** Who may ask what of a local cluster: the holder of the lease, other agents, pages in a browser. */
import { get } from 'node:http'
import { describe, expect, it } from 'vitest'
import { until } from '../../pilot/fleet.fixture.ts'
import type { Workload } from '../platform.ts'
import {
  cluster,
  open,
  platform,
  reasons,
  signal,
  view,
  want,
  workload,
} from './cluster.fixture.ts'
import { copiesMax } from './protocol.ts'

const put = (body: unknown) =>
  fetch(`${cluster.url}/workloads`, { method: 'PUT', body: JSON.stringify(body) })

describe('the lease', () => {
  it('belongs to one agent until it does not renew', async () => {
    await open({ programs: {}, leaseMs: 1_000 })
    const { acquire } = platform.workloads!
    expect(await acquire('eu-1-a', signal)).toBe(true)
    expect(await acquire('eu-1-b', signal)).toBe(false)
    await until('the takeover', () => acquire('eu-1-b', signal))
    expect(await acquire('eu-1-a', signal)).toBe(false)
  })

  it('is needed to write workloads', async () => {
    await open()
    const desired = { epoch: 1, revision: 1, workloads: [] }
    const { acquire, apply } = platform.workloads!
    expect(await apply('eu-1-a', desired, signal)).toBe('not-holder')
    await acquire('eu-1-b', signal)
    expect(await apply('eu-1-a', desired, signal)).toBe('not-holder')
    expect((await view()).version).toBe(0)
  })
})

describe('a write of workloads', () => {
  const body = { holder: 'eu-1-a', epoch: 1, revision: 1, expected: 0, workloads: [] as Workload[] }

  it('is refused from an older snapshot than the applied one', async () => {
    await open()
    await want(5)
    const desired = { epoch: 1, revision: 4, workloads: [workload('shop-r1', 1)] }
    expect(await platform.workloads!.apply('eu-1-a', desired, signal)).toBe('older')
    expect((await view()).copies).toEqual([])
  })

  it('is refused with another version than the one it has read', async () => {
    await open()
    await platform.workloads!.acquire('eu-1-a', signal)
    expect((await put({ ...body, expected: 1 })).status).toBe(412)
    expect((await put(body)).status).toBe(200)
  })

  it('is refused when it asks for one copy too many', async () => {
    await open({ programs: {} })
    await platform.workloads!.acquire('eu-1-a', signal)
    const many = (copies: number) => ({ ...body, workloads: [workload('shop-r1', copies)] })
    expect((await put(many(copiesMax + 1))).status).toBe(422)
    expect((await put(many(copiesMax))).status).toBe(200)
  })

  it('is told to the releases that are too much, until it is not', async () => {
    await open()
    await platform.workloads!.acquire('eu-1-a', signal)
    const first = { epoch: 1, revision: 1, workloads: [workload('shop-r1', 1)] }
    expect(await platform.workloads!.apply('eu-1-a', first, signal)).toBe('applied')
    const workloads = [workload('shop-r1', 1), workload('shop-r2', copiesMax)]
    const more = { ...first, revision: 2, workloads }
    expect(await platform.workloads!.apply('eu-1-a', more, signal)).toBe('refused')
    await until('the trouble', () => reasons.length === 1)
    expect(reasons[0]).toMatchObject({
      release: 'shop-r2',
      message: expect.stringContaining('at most 256 copies, and all releases together ask for 257'),
    })
    const again = { ...first, revision: 3 }
    expect(await platform.workloads!.apply('eu-1-a', again, signal)).toBe('applied')
    await until('no trouble', () => reasons.length === 0)
  })

  it('is refused when it is not of the agreed form', async () => {
    await open()
    expect((await put({ ...body, surprise: true })).status).toBe(400)
    const response = await fetch(`${cluster.url}/lease`, { method: 'POST', body: 'x' })
    expect(response.status).toBe(400)
  })
})

describe('a page in a browser', () => {
  it('gets nothing: neither with an origin nor with another name for this address', async () => {
    await open()
    const { port } = new URL(cluster.url)
    const statusOf = (headers: Record<string, string>) =>
      new Promise<number>((done) => {
        get({ host: '127.0.0.1', port, path: '/workloads', headers }, (response) => {
          response.resume()
          done(response.statusCode!)
        })
      })
    expect(await statusOf({ origin: 'http://evil.example' })).toBe(403)
    expect(await statusOf({ host: `evil.example:${port}` })).toBe(403)
    expect(await statusOf({ host: `localhost:${port}` })).toBe(200)
  })
})

import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Progress } from '../convergence.ts'
import { position, until } from '../fleet.fixture.ts'
import { appliedOf } from '../positions.ts'
import { type Admin, BadRequest, startAdmin } from './admin.ts'
import { createMetrics, type Metrics, type MetricsFacts } from './metrics.ts'
import { tableView } from './table-view.ts'

const progress: Progress = {
  held: null,
  standings: new Map([['shop', { prepared: 0, active: 4, proof: null }]]),
  applied: new Map([['shop', appliedOf(position('shop', 4, 'shop-r1'))]]),
  endpoints: { 'shop-r1': [{ address: '127.0.0.1', port: 9001 }] },
  arrived: {},
  served: { 'shop-r1': [{ address: '127.0.0.1', port: 9001 }] },
  workers: [],
  equal: false,
  drift: 'no worker is connected',
  ready: false,
}
const usage = {
  inUse: { 'shop-r1': 3 },
  requests: { 'shop-r1': 10 },
  errors: { 'shop-r1': 3 },
  failures: { 'no-route': 2 },
  connections: 5,
}

let admin: Admin
let url: string
let port: number
let facts: MetricsFacts
let metrics: Metrics
let reason: string | null

beforeEach(async () => {
  port = await new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = server.address() as { port: number }
      server.close(() => resolve(free))
    })
  })
  url = `http://127.0.0.1:${port}`
  facts = { progress, usage, refusals: [], stale: true }
  reason = 'not yet'
  metrics = createMetrics(() => facts)
  open()
  await until('the address', () => fetch(url).catch(() => null))
})
afterEach(() => admin.close())

function open(): void {
  admin = startAdmin({
    address: { host: '127.0.0.1', port },
    metrics,
    table: () => tableView(progress, true, 0),
    notReady: () => reason,
    explain(body) {
      if (body !== 1) throw new BadRequest('write 1')
      return { route: 'default' }
    },
    log: () => {},
  })
}

const text = async (path: string) => (await fetch(url + path)).text()
const explain = (body: string) => fetch(`${url}/explain`, { method: 'POST', body })

describe('/metrics', () => {
  it('has a figure for everything that moves', async () => {
    metrics.switched(2)
    metrics.compiled(5)
    const refusal = { code: 'older' as const, revision: 1, reason: '', count: 6 }
    facts = { ...facts, refusals: [refusal] }
    const lines = (await text('/metrics')).split('\n')
    for (const line of [
      'switchyard_agent_requests_total{release="shop-r1"} 10',
      'switchyard_agent_failures_total{reason="no-route"} 2',
      'switchyard_agent_errors_total{release="shop-r1"} 3',
      'switchyard_agent_in_use{release="shop-r1"} 3',
      'switchyard_agent_endpoints_ready{release="shop-r1"} 1',
      'switchyard_agent_refusals_total{code="older"} 6',
      'switchyard_agent_active_generation{app="shop"} 4',
      'switchyard_agent_served_revision 0',
      'switchyard_agent_workers 0',
      'switchyard_agent_stale 1',
      'switchyard_agent_switch_seconds_count 1',
      'switchyard_agent_compile_seconds_count 1',
    ]) {
      expect(lines).toContain(line)
    }
    expect(await text('/metrics')).toContain('requests_total{release="shop-r1"} 10')
  })
})

describe('the other addresses', () => {
  it('show the table and whether it is served', async () => {
    expect(JSON.parse(await text('/table'))).toMatchObject({
      ready: false,
      drift: 'no worker is connected',
      positions: [{ app: 'shop', generation: 4, active: 4 }],
      endpoints: { 'shop-r1': [{ port: 9001 }] },
    })
  })

  it('say whether the pilot lives and whether it is ready', async () => {
    expect(await text('/livez')).toBe('live\n')
    expect(await text('/readyz')).toBe('not ready: not yet\n')
    expect((await fetch(`${url}/readyz`)).status).toBe(503)
    reason = null
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
  })

  it('explain a request, or say what is wrong with it', async () => {
    expect(await (await explain('1')).json()).toEqual({ route: 'default' })
    for (const [body, answer] of [
      ['2', 'write 1\n'],
      ['{', 'the body is not JSON\n'],
      [JSON.stringify('x'.repeat(65_536)), 'the body is longer than 65536 bytes\n'],
    ] as const) {
      const response = await explain(body)
      expect([response.status, await response.text()]).toEqual([400, answer])
    }
  })

  it('refuse other methods and paths', async () => {
    expect((await fetch(`${url}/explain`)).status).toBe(405)
    expect((await fetch(`${url}/table`, { method: 'PUT' })).status).toBe(405)
    expect((await fetch(`${url}/nothing`)).status).toBe(404)
  })
})

it('waits for its address instead of dying', async () => {
  const first = admin
  open()
  const second = admin
  await first.close()
  admin = second
  await until('the address', () => fetch(`${url}/livez`).catch(() => null))
})

/** While a cluster's API server is away nobody holds its Lease; a release that waits for pods says why, all the same. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { until } from '../../agent/pilot/fleet.fixture.ts'
import { startFakeApiServer } from '../../agent/platform/kubernetes/api/api-server.fixture.ts'
import { startControl } from '../../control/control-under-test.ts'
import { startOneAgent } from './one-agent.ts'

test('a release says that the API server of its cluster cannot be reached', async () => {
  await using stopping = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'swy-away-'))
  stopping.defer(() => rmSync(folder, { recursive: true }))
  const server = await startFakeApiServer()
  stopping.defer(server.stop)
  const control = await startControl(['eu-1'])
  stopping.defer(control.stop)
  await server.away()
  const { kubeconfig } = server
  const agent = startOneAgent(
    folder,
    { url: control.url, enrolmentToken: control.enrolmentToken('eu-1') },
    { type: 'kubernetes', kubeconfig },
  )
  stopping.defer(agent.stop)
  const shop = {
    clusters: ['eu-1'],
    hosts: ['shop.example'],
    platform: { type: 'kubernetes', namespace: 'shop', port: 8080 },
    copies: 2,
  }
  const asked = await control.call('PUT', '/v1/apps/shop', { body: shop })
  expect(asked.status, asked.text).toBeLessThan(300)
  const release = { app: 'shop', version: '1', image: 'shop:1' }
  const made = await control.call('POST', '/v1/releases', { body: release })
  expect(made.status, made.text).toBe(201)
  const shown = async () => (await control.call('GET', '/v1/releases/shop-r1')).body
  const message = async () => (await shown()).waiting as unknown as { message: string }
  const why = `eu-1/eu-1-a sees 0 of 2 ready; eu-1: nothing can be started or stopped: the API server ${server.url} cannot be reached: connect ECONNREFUSED`
  await until('why', async () => (await message()).message.includes(why))
  expect((await shown()).troubles).toHaveLength(1)
}, 60_000)

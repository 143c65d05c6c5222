/**
 * A release whose copies never become ready, through everything: a real local cluster knows why, its agent
 * reports it, control says it, and whoever watches the release reads it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../../agent/pilot/fleet.fixture.ts'
import { type LocalCluster, startLocalCluster } from '../../agent/platform/local/cluster.ts'
import { copyTiming } from '../../agent/platform/local/copy.ts'
import type { Supervisor } from '../../agent/supervisor.ts'
import { createDesk, type DeskUnderTest } from '../../cli/desk-under-test.ts'
import { type ControlUnderTest, startControl } from '../../control/control-under-test.ts'
import { startOneAgent } from './one-agent.ts'

const shopProgram = resolve(import.meta.dirname, '../../deploy/local/shop.ts')

let folder: string
let control: ControlUnderTest
let cluster: LocalCluster
let supervisor: Supervisor
let desk: DeskUnderTest

const openCluster = async (programs: Readonly<Record<string, string>>, port = 0) => {
  cluster = await startLocalCluster({
    cluster: 'eu-1',
    listen: { host: '127.0.0.1', port },
    stateFolder: join(folder, 'platform'),
    programs,
    timing: { ...copyTiming, restart: { firstMs: 50, mostMs: 200 }, stopGraceMs: 1_000 },
    log: () => {},
  })
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'swy-troubles-'))
  control = await startControl(['eu-1'])
  await openCluster({ shop: shopProgram })
  const enrolmentToken = control.enrolmentToken('eu-1')
  supervisor = startOneAgent(folder, { url: control.url, enrolmentToken }, cluster)
  desk = createDesk({ SWITCHYARD_URL: control.url, SWITCHYARD_TOKEN: control.adminToken })
})
afterEach(async () => {
  desk.remove()
  await supervisor.stop()
  await cluster.stop()
  await control.stop()
  rmSync(folder, { recursive: true })
})

async function putShop(program: string): Promise<void> {
  const platform = { type: 'local', program }
  const body = { clusters: ['eu-1'], hosts: ['shop.example'], platform, copies: 2 }
  const { status, text } = await control.call('PUT', '/v1/apps/shop', { body })
  expect(status, text).toBeLessThan(300)
}
async function message(id: string): Promise<string> {
  const { body } = await control.call('GET', `/v1/releases/${id}`)
  const waiting = body.waiting as unknown as { message: string } | null
  return waiting?.message ?? ''
}

describe('copies that never become ready', () => {
  it('say that their program is unknown, to who watches and in the log, and start once it is known', async () => {
    await putShop('shop-9')
    const why =
      'eu-1: this cluster has no program shop-9: start its platform with --program shop-9=FILE'
    const watch = ['release', 'create', 'shop', '0.0.1', '--watch', '--timeout', '20s']
    const told = `eu-1/eu-1-a sees 0 of 2 ready; ${why}; mend that, or abort shop-r1`
    let seen = ''
    const interrupted = new AbortController()
    const watching = desk.run(watch, {
      interrupted: interrupted.signal,
      onOut(text) {
        seen += text
        if (seen.includes(told)) interrupted.abort()
      },
    })
    expect(await watching).toMatchObject({ code: 130, err: expect.stringContaining(told) })
    expect((await desk.run(['release', 'show', 'shop-r1'])).out.replace(/\s+/g, ' ')).toContain(why)
    await control.call('POST', '/v1/releases/shop-r1/abort')
    const events = await desk.run(['audit', '--release', 'shop-r1', '-o', 'json'])
    expect(events.out).toContain(`asked to abort; ${why}`)

    await control.call('POST', '/v1/releases', { body: { app: 'shop', version: '0.0.1' } })
    await until('the next one says it too', async () => (await message('shop-r2')).includes(why))
    const port = Number(new URL(cluster.url).port)
    await cluster.stop()
    await openCluster({ 'shop-9': shopProgram }, port)
    await until('it is live', async () => {
      const { body } = await control.call('GET', '/v1/releases/shop-r2')
      return body.phase === 'live' && body.waiting === null
    })
  }, 60_000)

  it('say that their platform is away, until it is back', async () => {
    const port = Number(new URL(cluster.url).port)
    await cluster.stop()
    await putShop('shop')
    await control.call('POST', '/v1/releases', { body: { app: 'shop', version: '0.0.1' } })
    const why =
      /sees 0 of 2 ready; eu-1: nothing can be started or stopped: .*; mend that, or abort shop-r1$/
    await until('why', async () => why.test(await message('shop-r1')))
    const shown = await desk.run(['release', 'show', 'shop-r1'])
    expect(shown.out.replace(/\s+/g, ' ')).toContain('nothing can be started or stopped')
    await openCluster({ shop: shopProgram }, port)
    await until('it is live', async () => {
      const { body } = await control.call('GET', '/v1/releases/shop-r1')
      return body.phase === 'live' && body.waiting === null && `${body.troubles}` === ''
    })
  }, 60_000)

  it('say how they end, and that they are not ready, as long as it is so', async () => {
    await putShop('shop')
    const release = (version: string) =>
      control.call('POST', '/v1/releases', { body: { app: 'shop', version } })
    await release('0.0.1-crashing')
    const ends = /2 ready; eu-1: shop-r1\/\d ended by exit code 1, again and again; shop-r1\//
    await until('how they end', async () => ends.test(await message('shop-r1')))
    await control.call('POST', '/v1/releases/shop-r1/abort')
    await release('0.0.1-broken')
    const slow = /answers 503, for more than 5 s.*; mend that, or abort shop-r2$/
    await until('what they answer', async () => slow.test(await message('shop-r2')), 30_000)
    const { copies } = (await (await fetch(`${cluster.url}/workloads`)).json()) as {
      copies: { release: string; port: number }[]
    }
    for (const { port } of copies.filter((copy) => copy.release === 'shop-r2')) {
      await fetch(`http://127.0.0.1:${port}/readyz?ready=true`, { method: 'POST' })
    }
    await until('no word of it', async () => !slow.test(await message('shop-r2')))
  }, 60_000)
})

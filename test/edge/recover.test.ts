/** Back up, restore and recover an object; and its log into a state folder of Node. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { enrolAgent } from '../../control/agent-under-test.ts'
import { shop } from '../../control/control-under-test.ts'
import { openStateFolder } from '../../control/node/folder.ts'
import { serveFolder } from '../../control/node/served-folder.fixture.ts'
import { importTransfer } from '../../control/node/transfer-file.ts'
import { type ControlOnWorkerd, startControl } from './control-under-test.ts'

describe('an object', () => {
  let control: ControlOnWorkerd
  beforeEach(async () => {
    control = await startControl(['eu-1'])
  })
  afterEach(() => control.stop())

  const put = async (app: string) => {
    const body = { ...shop, clusters: ['eu-1'], hosts: [`${app}.example`] }
    expect((await control.call('PUT', `/v1/apps/${app}`, { body })).status).toBe(201)
  }
  const path = '/v1/clusters/eu-1/snapshot'
  const snapshot = async () => (await control.call('GET', path)).body
  const epoch = async () => (await snapshot()).epoch as unknown as { number: number }
  const backup = async () => (await control.worker.transfer('GET')).text()
  const asked = async (method: string, path: string) => {
    const answer = await control.worker.ask(method, path)
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }

  it('is restored from a backup, under an epoch above all that agents have seen', async () => {
    await put('cart')
    const kept = await backup()
    const { objects, digest } = await snapshot()
    await put('search')
    expect(await asked('POST', '/edge/recover')).toMatchObject({ status: 200, body: { epoch: 3 } })
    const wrong = await asked('DELETE', '/edge/log?revision=1')
    expect([wrong.status, wrong.body.code]).toEqual([412, 'state-changed'])
    const { revision } = (await control.call('GET', '/readyz')).body
    const removed = await asked('DELETE', `/edge/log?revision=${revision}`)
    expect(removed).toEqual({ status: 200, body: { removed: revision } })
    expect((await control.call('GET', '/readyz')).body.code).toBe('log-missing')
    await control.restart()
    expect((await control.call('GET', '/readyz')).body.code, 'also later').toBe('log-missing')
    expect((await control.worker.transfer('PUT', kept)).status).toBe(200)
    expect(await snapshot()).toMatchObject({ objects, digest, epoch: { number: 4 } })
  })

  it('that is behind its fleet publishes nothing until it is recovered, above what was seen', async () => {
    await put('cart')
    const agent = await enrolAgent(control, 'eu-1', 'eu-1-a')
    await agent.report({ epoch: { number: 9, id: 'f'.repeat(16) } })
    expect((await control.call('GET', '/readyz')).body.code).toBe('log-behind-fleet')
    await control.restart()
    expect(await asked('POST', '/edge/recover')).toMatchObject({ status: 200, body: { epoch: 10 } })
    expect((await control.call('GET', '/readyz')).status).toBe(200)
    expect(await epoch()).toMatchObject({ number: 10 })
    await control.restart()
    expect(await epoch(), 'once').toMatchObject({ number: 10 })
    await put('search')
  })

  it('ends what waits and streams when it is recovered, and they go on', async () => {
    const agent = await enrolAgent(control, 'eu-1', 'eu-1-a')
    const call = () =>
      control.call('PUT', '/v1/apps/shop?wait=active', {
        body: { ...shop, clusters: ['eu-1'] },
        headers: { 'idempotency-key': 'once' },
      })
    const before = control.head()
    const events = await fetch(`${control.url}/v1/events`, {
      headers: { authorization: `Bearer ${control.adminToken}` },
    })
    const waiting = call()
    await expect.poll(() => control.head()).toBeGreaterThan(before)
    expect((await asked('POST', '/edge/recover')).status).toBe(200)
    const cut = await waiting
    expect([cut.status, cut.body.code]).toEqual([504, 'wait-timeout'])
    expect(await events.text(), 'it has ended').toContain(`id: ${before + 1}\n`)
    const again = call()
    await agent.report()
    expect((await again).status).toBe(201)
  })

  it('gives a log that a state folder takes: the same objects, under a higher epoch', async () => {
    await put('cart')
    const file = join(control.folder.path, '..', 'object.transfer')
    writeFileSync(file, await backup())
    const folder = openStateFolder(join(control.folder.path, '..', 'imported'))
    const clocks = { now: Date.now, monotonicMs: () => performance.now() }
    const imported = await importTransfer(file, { folder, ...clocks, wrapLog: (log) => log })
    expect(imported).toEqual({ records: control.head(), epochNumber: 3 })
    const node = await serveFolder(folder, control.adminToken)
    try {
      const there = await node.get<typeof here>(path)
      const here = await snapshot()
      expect([there.objects, there.digest]).toEqual([here.objects, here.digest])
      expect(there.epoch).toMatchObject({ number: 3 })
    } finally {
      await node.stop()
    }
  })
})

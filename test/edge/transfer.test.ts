/** A log into the Durable Object and out of it: whole or not at all, and then under a higher epoch. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ControlUnderTest, shop, startControl } from '../../control/control-under-test.ts'
import { transferOf, writeTransfer } from '../../control/node/transfer-file.ts'
import { startWorker, type WorkerUnderTest } from './worker-under-test.ts'

let node: ControlUnderTest
let worker: WorkerUnderTest
let text: string
beforeEach(async () => {
  node = await startControl()
  for (const app of ['cart', 'search']) {
    await node.call('PUT', `/v1/apps/${app}`, { body: { ...shop, hosts: [`${app}.example`] } })
  }
  text = await new Response(transferOf(node.folder) as unknown as BodyInit).text()
  worker = await startWorker()
})
afterEach(async () => {
  await worker.stop()
  await node.stop()
})

const onWorker = async (path: string) => {
  const headers = { authorization: `Bearer ${node.adminToken}` }
  const answer = await fetch(worker.url + path, { headers })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}
const codeOf = async (answer: Promise<Response>) =>
  ((await (await answer).json()) as { code: string }).code

describe('a transfer', () => {
  it('gives the same objects and digests, under a higher epoch', async () => {
    expect(await codeOf(fetch(`${worker.url}/readyz`))).toBe('log-missing')
    expect((await worker.transfer('PUT', text)).status).toBe(200)
    for (const cluster of ['eu-1', 'us-1']) {
      const path = `/v1/clusters/${cluster}/snapshot`
      const [before, after] = [(await node.call('GET', path)).body, (await onWorker(path)).body]
      expect(after.objects).toEqual(before.objects)
      expect(after.digest).toBe(before.digest)
      expect(after.epoch).toMatchObject({ number: 2 })
    }
    expect(await codeOf(worker.transfer('PUT', text))).toBe('log-present')
  })

  it('comes out as it went in, with the new epoch, and goes into another object', async () => {
    await worker.transfer('PUT', text)
    const out = await (await worker.transfer('GET')).text()
    const lines = (of: string) => of.trimEnd().split('\n')
    expect(lines(out).slice(0, -2)).toEqual(lines(text).slice(0, -1))
    const other = await startWorker()
    try {
      expect(await (await other.transfer('PUT', out)).json()).toEqual({
        records: node.head() + 1,
        revision: node.head() + 2,
      })
    } finally {
      await other.stop()
    }
  })

  it('is a file of mode 0600 under Node, which is never overwritten', async () => {
    const file = join(node.folder.path, 'fleet.transfer')
    await writeTransfer(node.folder, file)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readFileSync(file, 'utf8')).toBe(text)
    await expect(writeTransfer(node.folder, file)).rejects.toThrow('never overwrites')
  })

  it('is for the bearer of its token only', async () => {
    for (const method of ['GET', 'PUT'] as const) {
      const body = method === 'PUT' ? text : null
      expect(await codeOf(worker.transfer(method, body, node.adminToken))).toBe('unauthenticated')
    }
    expect(await codeOf(worker.transfer('GET'))).toBe('log-missing')
  })

  it('that was cut, changed or is something else counts for nothing', async () => {
    const half = text.slice(0, text.length / 2)
    const changed = text.replace('search', 'surche')
    const lines = text.split('\n')
    const swapped = [lines[0], lines[2], lines[1], ...lines.slice(3)].join('\n')
    for (const wrong of [half, changed, swapped, '', '{}\n', 'not json\n', `${half}\n`]) {
      expect(await codeOf(worker.transfer('PUT', wrong))).toBe('transfer-broken')
      expect(await codeOf(fetch(`${worker.url}/readyz`))).toBe('log-missing')
    }
    expect((await worker.transfer('PUT', text)).status).toBe(200)
  })

  it('that workerd was killed in is sent again from its beginning', async () => {
    const begun = Promise.withResolvers<void>()
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        controller.enqueue(new TextEncoder().encode(text.slice(0, text.length - 20)))
        setTimeout(begun.resolve, 200)
        await new Promise(() => {})
      },
    })
    const cut = worker.transfer('PUT', body).catch((error: Error) => error.message)
    await begun.promise
    await worker.restart()
    expect(await cut).toBe('fetch failed')
    expect(await codeOf(fetch(`${worker.url}/readyz`))).toBe('log-missing')
    expect((await worker.transfer('PUT', text)).status).toBe(200)
    expect((await onWorker('/v1/apps/cart')).status).toBe(200)
  })
})

describe('the object', () => {
  it('has the same state after kill -9, from its checkpoint or its log', async () => {
    await worker.transfer('PUT', text)
    const before = (await onWorker('/v1/apps')).body
    await worker.restart()
    expect((await onWorker('/v1/apps')).body).toEqual(before)
  })
})

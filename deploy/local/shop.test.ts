/** The demo application keeps what its address promises; the story's checks rest on it. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type Shop, startShop } from './shop.ts'

let shop: Shop | undefined
afterEach(() => shop?.stop())

const start = async (version = '0.0.1') => {
  shop = await startShop({
    host: '127.0.0.1',
    port: 0,
    version,
    release: 'shop-r1',
    cluster: 'eu-1',
  })
  return `127.0.0.1:${shop.port}`
}

const sha256 = (bytes: ArrayBuffer | string) =>
  createHash('sha256')
    .update(typeof bytes === 'string' ? bytes : new Uint8Array(bytes))
    .digest('hex')

test('answers with its version and gives the request id back', async () => {
  const address = await start()
  const response = await fetch(`http://${address}/cart?n=1`, { headers: { 'x-request-id': '7' } })
  expect(response.headers.get('x-version')).toBe('0.0.1')
  expect(response.headers.get('x-request-id')).toBe('7')
  const body = await response.text()
  expect(JSON.parse(body)).toMatchObject({ version: '0.0.1', path: '/cart?n=1', requestId: '7' })
  expect(response.headers.get('x-body-bytes')).toBe(String(body.length))
  expect(response.headers.get('x-body-sha256')).toBe(sha256(body))
})

test('says that it is not ready when it was told to', async () => {
  const url = `http://${await start()}/readyz`
  expect((await fetch(url)).status).toBe(200)
  await fetch(`${url}?ready=false`, { method: 'POST' })
  expect((await fetch(url)).status).toBe(503)
  await fetch(`${url}?ready=true`, { method: 'POST' })
  expect((await fetch(url)).status).toBe(200)
})

test('is not ready in a version that is broken, until it is told to be', async () => {
  const url = `http://${await start('0.0.2-broken')}/readyz`
  expect((await fetch(url)).status).toBe(503)
  await fetch(`${url}?ready=true`, { method: 'POST' })
  expect((await fetch(url)).status).toBe(200)
})

test('promises the digest of a streamed body before it is sent', async () => {
  const address = await start()
  const response = await fetch(`http://${address}/slow?ms=50&bytes=100001`)
  const body = await response.arrayBuffer()
  expect(body.byteLength).toBe(100_001)
  expect(sha256(body)).toBe(response.headers.get('x-body-sha256'))
})

test('says what arrived in an upload', async () => {
  const address = await start()
  const body = 'x'.repeat(70_000)
  const response = await fetch(`http://${address}/upload`, { method: 'POST', body })
  expect(await response.json()).toEqual({ bytes: 70_000, sha256: sha256(body) })
})

test('echoes on a WebSocket and closes it with 1001 when it stops', async () => {
  const address = await start()
  const socket = new WebSocket(`ws://${address}/ws`)
  await new Promise((resolve) => socket.once('open', resolve))
  const echoed = new Promise((resolve) => socket.once('message', (data) => resolve(String(data))))
  socket.send('hello')
  expect(await echoed).toBe('0.0.1: hello')
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await shop!.stop()
  expect(await closed).toBe(1001)
})

test('finishes an open response before it stops, and takes no new connection', async () => {
  const address = await start()
  const response = await fetch(`http://${address}/slow?ms=300&bytes=5000`)
  const stopped = shop!.stop()
  await delay(20)
  await expect(fetch(`http://${address}/`)).rejects.toThrow()
  expect((await response.arrayBuffer()).byteLength).toBe(5_000)
  await stopped
})

test('with ON_SIGTERM=exit it ends at once, whatever is open', async () => {
  const env = { ...process.env, ON_SIGTERM: 'exit' }
  const script = new URL('./shop.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [script], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  const [said] = (await once(child.stdout!, 'data')) as [Buffer]
  const address = /127\.0\.0\.1:\d+/.exec(said.toString())![0]
  const slow = await fetch(`http://${address}/slow?ms=60000&bytes=1000000`)
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await expect(slow.arrayBuffer()).rejects.toThrow()
  expect((await ended)[0]).toBe(0)
})

/**
 * Real workers under a real supervisor; the pilot is a stand-in that this test plays on the link's socket.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { beforeEach, describe, expect, test } from 'vitest'
import { linkLine, linkPath, linkReader, type PilotMessage, type WorkerMessage } from '../link.ts'
import { type Supervisor, startSupervisor } from '../supervisor.ts'
import { shopPosition, shopTable } from './shop-table.ts'
import {
  eventually,
  get,
  kept,
  ok,
  plainBackend,
  type RawClient,
  rawBackend,
  rawClient,
} from './stage.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-worker-'))
  kept({ stop: () => rmSync(folder, { recursive: true }) })
})

/** Processes start slowly on a busy machine. */
const patient = { timeout: 60_000 }

type Backends = Readonly<Record<string, { readonly port: number }>>

const endpointsOf = (backends: Backends) =>
  Object.fromEntries(
    Object.entries(backends).map(([release, { port }]) => [
      release,
      [{ address: '127.0.0.1', port }],
    ]),
  )

/** The last-known-good: `shop-r1` public. */
function writeFiles(backends: Backends): void {
  writeFileSync(join(folder, 'table'), shopTable())
  writeFileSync(
    join(folder, 'positions.json'),
    JSON.stringify({ positions: [shopPosition('shop-r1', 1)] }),
  )
  writeFileSync(
    join(folder, 'endpoints.json'),
    JSON.stringify({ endpoints: endpointsOf(backends) }),
  )
}

async function start(workers = 1): Promise<Supervisor> {
  const idle = join(folder, 'idle.ts')
  const child = new URL('../child.ts', import.meta.url).href
  writeFileSync(idle, `import { supervised } from '${child}'\nsupervised(() => process.exit(0))\n`)
  const free = { host: '127.0.0.1', port: 0 }
  const supervisor = startSupervisor(
    {
      cluster: 'eu-1',
      name: 'eu-1-a',
      stateFolder: folder,
      listen: free,
      probe: free,
      admin: free,
      workers,
      control: { url: 'http://127.0.0.1:9', enrolmentToken: null },
      nats: null,
      platform: { type: 'static', file: 'none' },
    },
    { pilotScript: pathToFileURL(idle), log: () => {} },
  )
  kept(supervisor)
  await supervisor.listening
  return supervisor
}

interface Pilot {
  readonly messages: WorkerMessage[]
  readonly sockets: Socket[]
  send(...messages: PilotMessage[]): void
  /** The newest message of a type. */
  last<Type extends WorkerMessage['type']>(
    type: Type,
  ): Extract<WorkerMessage, { type: Type }> | undefined
  stop(): void
}

async function playPilot(): Promise<Pilot> {
  const messages: WorkerMessage[] = []
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on(
      'data',
      linkReader<WorkerMessage>((message) => messages.push(message)),
    )
    socket.on('error', () => {})
  })
  server.listen(linkPath(folder))
  await once(server, 'listening')
  const pilot: Pilot = {
    messages,
    sockets,
    send(...orders) {
      for (const socket of sockets) socket.write(orders.map(linkLine).join(''))
    },
    last: (type) => messages.findLast((message) => message.type === type) as never,
    stop() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
  return kept(pilot)
}

async function probe(port: number, path: string): Promise<{ status: number; text: string }> {
  return await new Promise((resolve, reject) => {
    http
      .get({ port, host: '127.0.0.1', path, agent: false }, async (response) => {
        let text = ''
        for await (const chunk of response) text += chunk
        resolve({ status: response.statusCode ?? 0, text })
      })
      .on('error', reject)
  })
}

async function until(holds: () => Promise<boolean>, boundMs = 15_000): Promise<void> {
  const endMs = performance.now() + boundMs
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error('timed out')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const tableMessage = (): PilotMessage => {
  const bytes = shopTable()
  writeFileSync(join(folder, 'table'), bytes)
  return { type: 'table', file: join(folder, 'table'), digest: sha256(bytes) }
}

/** Asks on an open connection, and waits for one more answer. */
async function ask(client: RawClient, target: string): Promise<string> {
  const before = client.text().length
  client.send(get(target))
  await eventually(() => /\r\n\r\n.+$/s.test(client.text().slice(before)), `answer to ${target}`)
  return client.text().slice(before).split('\r\n\r\n')[1] ?? ''
}

describe('a worker without a pilot', patient, () => {
  test('serves its three files, and says ready after it has waited for the pilot', async () => {
    const one = kept(await plainBackend('one'))
    const two = kept(await plainBackend('two'))
    writeFiles({ 'shop-r1': one, 'shop-r2': two })
    const { listen, probe: probes } = await start()
    const client = await rawClient(listen.port)
    expect(await ask(client, '/')).toBe('one')
    expect(await ask(client, '/test/x')).toBe('two')
    expect(two.received[0]).toMatch(/^GET \/x HTTP\/1\.1\r\n/)
    const early = await probe(probes.port, '/readyz')
    expect(early.status).toBe(503)
    expect(early.text).toMatch(/the pilot is out of reach/)
    expect((await probe(probes.port, '/livez')).status).toBe(200)
    await until(async () => (await probe(probes.port, '/readyz')).status === 200)
    expect((await probe(probes.port, '/metrics')).status).toBe(404)
  })

  test('without files answers 503 and is never ready', async () => {
    const { listen, probe: probes } = await start()
    const client = await rawClient(listen.port)
    client.send(get('/'))
    await client.until(/^HTTP\/1\.1 503 /)
    await new Promise((resolve) => setTimeout(resolve, 2_300))
    const { status, text } = await probe(probes.port, '/readyz')
    expect(status).toBe(503)
    expect(text).toMatch(/no verified table/)
  })

  test('with a corrupt table on disk is not ready and serves nothing wrong', async () => {
    const one = kept(await plainBackend('one'))
    writeFiles({ 'shop-r1': one })
    const bytes = shopTable()
    bytes[bytes.length >> 1]! ^= 0xff
    writeFileSync(join(folder, 'table'), bytes.subarray(0, bytes.length - 3))
    const { listen, probe: probes } = await start()
    const client = await rawClient(listen.port)
    client.send(get('/'))
    await client.until(/^HTTP\/1\.1 503 /)
    expect((await probe(probes.port, '/readyz')).text).toMatch(/no verified table/)
  })
})

describe('a worker and its pilot', patient, () => {
  test('from nothing to ready, by messages', async () => {
    const one = kept(await plainBackend('one'))
    const pilot = await playPilot()
    const { listen, probe: probes } = await start()
    await eventually(() => pilot.last('serving') !== undefined, 'the worker to say what it serves')
    expect(pilot.last('serving')?.tableDigest).toBe(sha256(new Uint8Array(0)))

    const table = tableMessage()
    pilot.send(table)
    pilot.send({ type: 'positions', positions: [shopPosition('shop-r1', 5)] })
    pilot.send({ type: 'endpoints', number: 7, endpoints: endpointsOf({ 'shop-r1': one }) })
    await eventually(() => pilot.last('serving')?.endpoints['shop-r1'] === 1, 'the endpoints')
    const serving = pilot.last('serving')
    expect(serving?.tableDigest).toBe((table as { digest: string }).digest)
    expect(serving?.positions).toEqual({ shop: 5 })
    expect(serving?.endpointsNumber).toBe(7)
    expect((await probe(probes.port, '/readyz')).text).toMatch(/waiting for the pilot/)
    pilot.send({ type: 'ready', ready: true })
    await until(async () => (await probe(probes.port, '/readyz')).status === 200)
    const client = await rawClient(listen.port)
    expect(await ask(client, '/')).toBe('one')
    const more = { 'shop-r2': [{ address: '127.0.0.1', port: 9 }] }
    pilot.send({ type: 'endpoints-changed', number: 8, endpoints: more })
    await eventually(() => pilot.last('serving-endpoints') !== undefined, 'more endpoints')
    expect(pilot.last('serving-endpoints')).toMatchObject({
      endpoints: { 'shop-r2': 1 },
      endpointsNumber: 8,
    })
    expect(await ask(client, '/'), 'the others stay').toBe('one')
    pilot.send({ type: 'endpoints-changed', number: 9, endpoints: { 'shop-r2': [] } })
    await eventually(() => pilot.last('serving-endpoints')?.endpointsNumber === 9, 'the change')
    expect(pilot.last('serving-endpoints')?.endpoints).toEqual({ 'shop-r2': 0 })
    pilot.send({ type: 'positions', positions: [] })
    await eventually(() => pilot.last('serving')?.endpointsNumber === 9, 'all that it serves')
    expect(pilot.last('serving')?.endpoints).toEqual({ 'shop-r1': 1 })
    pilot.send({ type: 'ready', ready: false })
    await until(async () => (await probe(probes.port, '/readyz')).status === 503)
  })

  test('refuses a table that is not the announced one, or not a table, and serves on', async () => {
    const one = kept(await plainBackend('one'))
    writeFiles({ 'shop-r1': one })
    const pilot = await playPilot()
    const { listen } = await start()
    await eventually(() => pilot.last('serving') !== undefined, 'the worker')
    const digest = pilot.last('serving')?.tableDigest
    const other = join(folder, 'other')
    writeFileSync(other, 'not a table at all')
    pilot.send({ type: 'table', file: other, digest: 'f'.repeat(64) })
    await eventually(() => /digest/.test(pilot.last('refused')?.reason ?? ''), 'a refusal')
    pilot.send({ type: 'table', file: other, digest: sha256(Buffer.from('not a table at all')) })
    await eventually(
      () => pilot.messages.filter((message) => message.type === 'refused').length === 2,
      'a second refusal',
    )
    pilot.send({ type: 'table', file: join(folder, 'missing'), digest: 'f'.repeat(64) })
    await eventually(() => /cannot be read/.test(pilot.last('refused')?.reason ?? ''), 'a third')
    pilot.send({ type: 'positions', positions: [] })
    await eventually(() => pilot.messages.at(-1)?.type === 'serving', 'the state')
    expect(pilot.last('serving')?.tableDigest).toBe(digest)
    expect(await ask(await rawClient(listen.port), '/')).toBe('one')
  })

  test('a switch moves the next request of an open connection; what is open stays', async () => {
    let finish = () => {}
    const one = kept(
      await rawBackend((socket, text) => {
        if (text.endsWith('/slow HTTP/1.1\r\n')) return
        if (text.includes('/slow')) finish = () => void socket.write(ok('slow one'))
        else socket.write(ok('one'))
      }),
    )
    const two = kept(await plainBackend('two'))
    writeFiles({ 'shop-r1': one, 'shop-r2': two })
    const pilot = await playPilot()
    const { listen } = await start()
    await eventually(() => pilot.last('serving') !== undefined, 'the worker')
    const client = await rawClient(listen.port)
    const slow = await rawClient(listen.port)
    expect(await ask(client, '/')).toBe('one')
    slow.send(get('/slow'))
    await eventually(() => pilot.last('usage')?.usage.inUse['shop-r1'] === 1, 'the ledger')
    pilot.send({ type: 'positions', positions: [shopPosition('shop-r2', 2)] })
    await eventually(() => pilot.last('serving')?.positions.shop === 2, 'the switch')
    expect(await ask(client, '/')).toBe('two')
    expect(pilot.last('usage')?.usage.inUse['shop-r1']).toBe(1)
    finish()
    await slow.until('slow one')
    await eventually(() => pilot.last('usage')?.usage.inUse['shop-r1'] === 0, 'the ledger')
    expect(pilot.last('usage')?.usage.requests).toMatchObject({ 'shop-r1': 2, 'shop-r2': 1 })
  })

  test('closes what is open on a release past its drain deadline', async () => {
    const silent = kept(await rawBackend(() => {}))
    writeFiles({ 'shop-r1': silent })
    const pilot = await playPilot()
    const { listen } = await start()
    await eventually(() => pilot.last('serving') !== undefined, 'the worker')
    const client = await rawClient(listen.port)
    client.send(get('/'))
    await eventually(() => pilot.last('usage')?.usage.inUse['shop-r1'] === 1, 'the ledger')
    pilot.send({ type: 'positions', positions: [shopPosition('shop-r2', 2, ['shop-r1'])] })
    await eventually(() => pilot.last('usage')?.usage.inUse['shop-r1'] === 0, 'the ledger')
    expect(pilot.last('usage')?.usage.failures).toEqual({ 'drain-deadline': 1 })
  })

  test('goes on when the pilot dies, and finds the next one', async () => {
    const one = kept(await plainBackend('one'))
    writeFiles({ 'shop-r1': one })
    const first = await playPilot()
    const { listen, probe: probes } = await start()
    await eventually(() => first.last('serving') !== undefined, 'the worker')
    first.send({ type: 'ready', ready: true })
    await until(async () => (await probe(probes.port, '/readyz')).status === 200)
    const client = await rawClient(listen.port)
    expect(await ask(client, '/')).toBe('one')
    first.stop()
    expect(await ask(client, '/')).toBe('one')
    expect((await probe(probes.port, '/readyz')).status).toBe(200)
    const second = await playPilot()
    await eventually(() => second.last('serving') !== undefined, 'the worker to come back')
    expect(await ask(client, '/')).toBe('one')
  })
})

describe('workers that die', patient, () => {
  test('one of two: the other serves on, and a new one is there within a second', async () => {
    const one = kept(await plainBackend('one'))
    writeFiles({ 'shop-r1': one })
    const { listen, pids } = await start(2)
    const clients = await Promise.all(Array.from({ length: 20 }, () => rawClient(listen.port)))
    for (const client of clients) expect(await ask(client, '/')).toBe('one')
    const [victim] = pids().workers
    process.kill(victim!, 'SIGKILL')
    const startMs = performance.now()
    await eventually(
      () => !pids().workers.includes(victim!) && !pids().workers.includes(null),
      'it',
    )
    expect(performance.now() - startMs).toBeLessThan(1_000)
    for (let n = 0; n < 20; n++) expect(await ask(await rawClient(listen.port), '/')).toBe('one')
  })

  test('both of two: connections wait, and are served by the next ones', async () => {
    const one = kept(await plainBackend('one'))
    writeFiles({ 'shop-r1': one })
    const { listen, pids } = await start(2)
    for (const pid of pids().workers) process.kill(pid!, 'SIGKILL')
    const client = await rawClient(listen.port)
    expect(await ask(client, '/')).toBe('one')
  })

  test('a stop is noticed by /readyz first, then finishes what is open', async () => {
    let finish = () => {}
    const slow = kept(
      await rawBackend((socket) => {
        finish = () => void socket.write(ok('finished'))
      }),
    )
    writeFiles({ 'shop-r1': slow })
    const supervisor = await start()
    const client = await rawClient(supervisor.listen.port)
    client.send(get('/'))
    await eventually(() => slow.received[0] !== undefined, 'the request')
    const stopped = supervisor.stop()
    await until(async () => /draining/.test((await probe(supervisor.probe.port, '/readyz')).text))
    await eventually(() => slow.received.length === 1, 'nothing else')
    finish()
    await client.until('finished')
    client.socket.end()
    await stopped
    expect(supervisor.pids()).toEqual({ pilot: null, workers: [null] })
  })
})

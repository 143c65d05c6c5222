/** The pilot as a process, with a control and a worker that these tests play over real sockets. */
import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { limits } from '#wire/limits.ts'
import type { PositionObject } from '#wire/object.ts'
import { update } from '#wire/tree.ts'
import type { AgentConfig } from '../config.ts'
import { freePort } from '../free-port.ts'
import { linkPath } from '../link.ts'
import { type FakeControl, startFakeControl } from './control.fixture.ts'
import {
  announce,
  announceChange,
  bytesOf,
  createSigner,
  headerOf,
  position,
  type Signer,
  shop,
  until,
} from './fleet.fixture.ts'
import { dialPilot, type FakeWorker } from './workers/worker.fixture.ts'

const script = new URL('./pilot.ts', import.meta.url)
const proposal: PositionObject['next'] = {
  generation: 2,
  weights: [{ release: 'shop-r2', weight: 1 }],
  minReady: 1,
}
const one = shop(1, 'shop-r1')
const prepare = shop(1, 'shop-r1', proposal)
const commit = shop(2, 'shop-r2')

let folder: string
let control: FakeControl
let config: AgentConfig
let pilot: ChildProcess | null
let worker: FakeWorker | null

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'swy-pilot-'))
  control = await startFakeControl()
  const file = join(folder, 'addresses.json')
  writeFileSync(
    file,
    JSON.stringify({ shop: { '0.0.1': ['127.0.0.1:9001'], '0.0.2': ['127.0.0.1:9002'] } }),
  )
  config = {
    cluster: 'eu-1',
    name: 'eu-1-a',
    stateFolder: join(folder, 'state'),
    listen: { host: '127.0.0.1', port: 1 },
    probe: { host: '127.0.0.1', port: 2 },
    admin: { host: '127.0.0.1', port: await freePort() },
    workers: 1,
    control: { url: control.url, enrolmentToken: 'swy_enrol_x' },
    nats: null,
    platform: { type: 'static', file },
  }
  pilot = null
  worker = null
})
afterEach(async () => {
  worker?.socket.destroy()
  await end('SIGKILL')
  await control.close()
  rmSync(folder, { recursive: true })
})

/** How long an empty program takes now: 40 ms on an idle machine, seconds on one that is swamped. */
function bareStartMs(): number {
  const startMs = performance.now()
  execFileSync(process.execPath, ['-e', ''])
  return performance.now() - startMs
}

/** Starts the pilot and a worker that dials it, as the supervisor does. */
async function start(): Promise<void> {
  pilot = fork(script, [JSON.stringify(config)], {
    stdio: ['ignore', 'ignore', process.env.SHOW ? 'inherit' : 'ignore', 'ipc'],
    execArgv: [],
  })
  const state = worker?.state ?? {}
  worker = await until('the link', () =>
    dialPilot(linkPath(config.stateFolder), state).catch(() => null),
  )
}

async function end(how: NodeJS.Signals): Promise<number | null> {
  const child = pilot
  if (!child || child.exitCode !== null || child.signalCode !== null) return null
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  child.kill(how)
  return ended
}

const admin = (path: string) =>
  fetch(`http://127.0.0.1:${config.admin.port}${path}`).catch(() => null)
const isReady = () => admin('/readyz').then((response) => response?.status === 200)
const shopPosition = () => control.newest()?.positions.shop
const active = (generation: number) =>
  until(`generation ${generation}`, () => shopPosition()?.active === generation)

describe('a pilot', () => {
  it('enrols, serves what control has published, and reports it under its own key', async () => {
    await control.publish(one, 5)
    await start()
    await active(1)
    await until('ready', isReady)
    expect(worker?.state.positions).toEqual({ shop: 1 })
    const report = await until('the digest', () =>
      control.reports.find((it) => it.digest === one.root),
    )
    expect(report).toMatchObject({ agent: 'eu-1-a', revision: 5, drift: null, workers: 1 })
    expect(await (await admin('/table'))!.json()).toMatchObject({
      revision: 5,
      equal: true,
      stale: false,
      routes: [{ app: 'shop' }],
      positions: [{ app: 'shop', generation: 1, active: 1 }],
    })
  })

  it('acks prepare and commit of a switch at once', async () => {
    await control.publish(one, 1)
    await start()
    await active(1)
    await until('endpoints', () => control.newest()?.readyEndpoints['shop-r2'] === 1)
    await control.publish(prepare, 2)
    await until('prepared', () => shopPosition()?.prepared === 2)
    const startMs = performance.now()
    await control.publish(commit, 3)
    await active(2)
    const acknowledgedMs = performance.now() - startMs
    const { appliedMs } = control.reports.find((it) => it.positions.shop?.active === 2)!.positions
      .shop!
    expect(appliedMs).toBeGreaterThan(0)
    expect(appliedMs).toBeLessThan(acknowledgedMs)
    const metrics = await (await admin('/metrics'))!.text()
    expect(metrics).toMatch(/switch_seconds_count [1-9]/)
  })

  it('is back within a second after kill -9 with the table it had, control being away', async () => {
    await control.publish(one, 1)
    await start()
    await active(1)
    await until('ready', isReady)
    const { tableDigest } = worker!.state
    control.away(true)
    await end('SIGKILL')
    worker!.socket.destroy()
    worker = null
    const busyMs = bareStartMs()
    const startMs = performance.now()
    await start()
    await until('everything', () => worker!.state.positions.shop === 1)
    expect(performance.now() - startMs).toBeLessThan(Math.max(1_000, 25 * busyMs))
    expect(worker!.state.tableDigest).toBe(tableDigest)
    await until('ready and stale', isReady)
    expect(performance.now() - startMs).toBeGreaterThan(limits.seekHeaderMs)
    // On a busy machine the snapshot is read from the disk after the workers have what they had.
    const table = async () => (await admin('/table'))!.json()
    await until('the snapshot of the disk', async () => (await table()).revision === 1)
    expect(await table()).toMatchObject({ stale: true })
    control.away(false)
    await until('confirmation', () => control.newest()?.stale === false)
  })

  it('adopts a position that was committed while it was away before it is ready', async () => {
    await control.publish(one, 1)
    await start()
    await active(1)
    await end('SIGKILL')
    await control.publish(commit, 9)
    worker!.socket.destroy()
    const readiness: boolean[] = []
    await start()
    const { received } = worker!
    await until('ready', () => received.find((it) => it.type === 'ready' && it.ready))
    for (const message of received) {
      if (message.type === 'ready' && message.ready)
        readiness.push(worker!.state.positions.shop === 2)
    }
    expect(readiness).toEqual([true])
  })

  it('closes a gap by itself', async () => {
    await control.publish(one, 1)
    await start()
    await active(1)
    control.away(true)
    await control.publish(prepare, 2)
    await control.publish(commit, 3)
    control.away(false)
    await active(2)
  })

  it('shows what a worker serves wrongly, and repairs it', async () => {
    await control.publish(one, 1)
    await start()
    await active(1)
    worker!.state.deaf = true
    worker!.state.positions.shop = 77
    worker!.report()
    const report = await until('drift', () => control.reports.find((it) => it.drift))
    expect(report.drift).toContain('shop at generation 77 instead of 1')
    expect(report.digest).not.toBe(one.root)
    expect(report.positions.shop?.active).toBe(0)
    worker!.state.deaf = false
    await until(
      'repair',
      () => control.newest()?.drift === null && worker!.state.positions.shop === 1,
    )
  })

  it('ends with exit code 0 when it is told to', async () => {
    await control.publish(one, 1)
    await start()
    await active(1)
    expect(await end('SIGTERM')).toBe(0)
  })
})

describe('the keys of control', () => {
  const ids = (...signers: Signer[]) => signers.map(({ key }) => key.keyId)
  const naming = (...signers: Signer[]) =>
    update(one, {
      put: [{ kind: 'keys', key: 'keys', publicKeys: signers.map((signer) => signer.publicKey) }],
      remove: [],
    })
  const pins = (...signers: Signer[]) =>
    until('the pins', () => control.newest()?.pinnedKeys.join() === ids(...signers).join())
  /** What it reported in its former life counts no more. */
  const restart = async () => {
    await end('SIGKILL')
    worker!.socket.destroy()
    worker = null
    control.reports.length = 0
    await start()
  }

  it('are exactly those that the held snapshot names, also after a kill', async () => {
    const [a, b, c] = [control.signer, await createSigner(), await createSigner()]
    await control.publish(one, 1)
    await start()
    await pins(a)
    await control.publish(naming(a, b), 2)
    await pins(a, b)
    await restart()
    await pins(a, b)
    control.signWith(b)
    await control.publish(naming(a, b), 3)
    await until('revision 3', () => control.newest()?.revision === 3)
    await control.publish(naming(b, c), 4)
    await pins(b, c)
    await restart()
    await pins(b, c)
    const late = bytesOf(await announce(a, headerOf(one, { revision: 5 })))
    await until('a refusal', () => {
      control.show(late)
      return control.newest()?.refusals.at(-1)?.code === 'unknown-key'
    })
    expect(control.newest()).toMatchObject({ revision: 4, pinnedKeys: ids(b, c) })
  })

  it('that were retired still prove what they signed when it is on disk, and nothing that comes', async () => {
    const [a, b] = [control.signer, await createSigner()]
    await control.publish(one, 1)
    await start()
    await active(1)
    await control.publish(naming(b), 2)
    await pins(b)
    await until('everything on disk', async () => {
      const told = await (await admin('/table'))?.json()
      return told && (told as { equal: boolean }).equal
    })
    control.away(true)
    await restart()
    await until('ready and stale', isReady)
    expect(await (await admin('/table'))!.json()).toMatchObject({ stale: true, revision: 2 })
    control.away(false)
    const next = update(naming(b), { put: [position('shop', 2, 'shop-r2')], remove: [] })
    await control.publish(next, 3)
    await until('a refusal', () => control.newest()?.refusals.at(-1)?.code === 'unknown-key')
    expect(a.key.keyId, 'the retired one signed it').toBe(control.signer.key.keyId)
    expect(control.newest()).toMatchObject({ revision: 2 })
    control.signWith(b)
    await control.publish(next, 4)
    await active(2)
  })
})

describe('a bad message', () => {
  it('of any kind is refused by its code, reported, and changes nothing', async () => {
    await control.publish(one, 5)
    await start()
    await active(1)
    const { signer } = control
    const forger = await createSigner()
    const good = await announceChange(signer, headerOf(commit, { revision: 6 }), one, commit)
    const { payload } = good.header
    const corrupt = `${payload.slice(0, 20)}${payload[20] === 'A' ? 'B' : 'A'}${payload.slice(21)}`
    const signed = async (changes: Parameters<typeof headerOf>[1]) =>
      bytesOf(await announce(signer, headerOf(commit, { revision: 6, ...changes })))
    const bad = {
      malformed: Buffer.from('{"header":1}'),
      'bad-signature': bytesOf({ ...good, header: { ...good.header, payload: corrupt } }),
      'unknown-key': bytesOf(await announce(forger, headerOf(commit, { revision: 6 }))),
      'foreign-cluster': await signed({ cluster: 'us-1' }),
      older: await signed({ revision: 4 }),
      fork: await signed({ revision: 5 }),
      'future-format': await signed({ format: 3 }),
    }
    const before = { ...worker!.state, positions: { ...worker!.state.positions } }
    for (const bytes of Object.values(bad)) control.show(bytes)
    await until('all refusals', () => control.newest()?.refusals.length === Object.keys(bad).length)
    expect(control.newest()!.refusals.map(({ code }) => code)).toEqual(Object.keys(bad))
    expect(control.newest()).toMatchObject({ revision: 5, digest: one.root })
    expect(worker!.state).toMatchObject(before)
    const metrics = await (await admin('/metrics'))!.text()
    for (const code of Object.keys(bad)) {
      expect(metrics).toContain(`switchyard_agent_refusals_total{code="${code}"} 1`)
    }
    control.show(bytesOf(good))
    await active(2)
  })
})

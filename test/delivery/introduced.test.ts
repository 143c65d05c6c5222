/**
 * A pilot whose disk is empty while control and the hub are away: it has an introduction, and the NATS leaf of
 * its cluster (ADR 17). Real NATS servers, the pilot's own process; these tests play worker and control.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Introduction } from '#wire/enrolment.ts'
import type { AgentConfig } from '../../agent/config.ts'
import { freePort } from '../../agent/free-port.ts'
import { linkPath } from '../../agent/link.ts'
import { type FakeControl, startFakeControl } from '../../agent/pilot/control.fixture.ts'
import { createSigner, shop } from '../../agent/pilot/fleet.fixture.ts'
import { dialPilot, type FakeWorker } from '../../agent/pilot/workers/worker.fixture.ts'
import { until } from '../../deploy/local/until.ts'
import { openControlSide } from './control-side.ts'
import { type LeafRig, leafCluster, openLeafRig } from './leaf-rig.ts'
import { createHistory } from './trees.ts'

const script = new URL('../../agent/pilot/pilot.ts', import.meta.url)
const withinMs = 30_000
vi.setConfig({ testTimeout: 90_000 })

let folder: string
let rig: LeafRig
/** Who enrols; what it announces travels over NATS. */
let control: FakeControl
let config: AgentConfig
let pilot: ChildProcess | null
let worker: FakeWorker | null
let said: string

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'swy-introduced-'))
  rig = await openLeafRig()
  control = await startFakeControl()
  const addresses = join(folder, 'addresses.json')
  writeFileSync(addresses, JSON.stringify({ shop: { '0.0.1': ['127.0.0.1:9001'] } }))
  config = {
    cluster: leafCluster,
    name: 'eu-1-a',
    stateFolder: join(folder, 'state'),
    listen: { host: '127.0.0.1', port: 1 },
    probe: { host: '127.0.0.1', port: 2 },
    admin: { host: '127.0.0.1', port: await freePort() },
    workers: 1,
    control: { url: control.url, enrolmentToken: 'swy_enrol_x' },
    nats: rig.leaf.servers(),
    introduction: join(folder, 'introduction.json'),
    platform: { type: 'static', file: addresses },
  }
  introduce({})
  pilot = null
  worker = null
  said = ''
})
afterEach(async () => {
  worker?.socket.destroy()
  pilot?.kill('SIGKILL')
  await control.close()
  await rig.close()
  rmSync(folder, { recursive: true })
})

function introduce(changes: Partial<Introduction>): void {
  const controlKeys = [control.signer.publicKey]
  const whole = { cluster: leafCluster, controlKeys, nats: rig.user(leafCluster), ...changes }
  writeFileSync(config.introduction!, JSON.stringify(whole))
}

/** Control has published version 1, and both it and the hub are gone. */
async function publishedAndGone(): Promise<void> {
  const history = createHistory(shop(1, 'shop-r1'))
  const { key, publicKey } = control.signer
  const side = await openControlSide({
    transport: await rig.transport(),
    keys: { signing: key, publicKeys: [publicKey] },
    publications: new Map([[leafCluster, history.newest()]]),
  })
  const out = () => side.publisher.progress().get(leafCluster)?.published
  await until('it is stored', out, (revision) => revision === history.newest().revision, withinMs)
  await side.stop()
  await rig.hub.kill()
  control.away(true)
}

function startPilot(): ChildProcess {
  const stdio: ('ignore' | 'pipe' | 'ipc')[] = ['ignore', 'ignore', 'pipe', 'ipc']
  const child = fork(script, [JSON.stringify(config)], { stdio, execArgv: [] })
  child.stderr!.on('data', (bytes: Buffer) => {
    said += bytes.toString()
  })
  return child
}
/** Starts the pilot and a worker that dials it, as the supervisor does. */
async function start(): Promise<void> {
  pilot = startPilot()
  const dial = () => dialPilot(linkPath(config.stateFolder), {}).catch(() => null)
  worker = await until('the link', dial, Boolean, withinMs)
}
const admin = (path: string) =>
  fetch(`http://127.0.0.1:${config.admin.port}${path}`).catch(() => null)
const isReady = async () => (await admin('/readyz'))?.status === 200
const table = async () => (await (await admin('/table'))!.json()) as { stale: boolean }

test('it serves what the leaf holds, ready and stale, and enrols when control is back', async () => {
  await publishedAndGone()
  await start()
  await until('it is ready', isReady, Boolean, withinMs)
  expect(worker!.state.positions).toEqual({ shop: 1 })
  expect(await table()).toMatchObject({ revision: 1, equal: true, stale: true })
  expect(said).toContain('agent-introduced')
  control.away(false)
  await until('it has enrolled', table, ({ stale }) => !stale, withinMs)
  expect(said).toContain('agent-enrolled')
})

test('its pilot restarted before it has enrolled goes on from its disk', async () => {
  await publishedAndGone()
  await start()
  await until('it is ready', isReady, Boolean, withinMs)
  const ended = once(pilot!, 'exit')
  pilot!.kill('SIGKILL')
  await ended
  worker!.socket.destroy()
  await rig.leaf.kill()
  await start()
  await until('it is ready again', isReady, Boolean, withinMs)
  expect(worker!.state.positions).toEqual({ shop: 1 })
})

test('a leaf that serves what no key of the introduction has signed is not believed', async () => {
  introduce({ controlKeys: [(await createSigner()).publicKey] })
  await publishedAndGone()
  await start()
  await until(
    'the refusal',
    () => said,
    (text) => text.includes('unknown-key'),
    withinMs,
  )
  expect(await isReady()).toBe(false)
  control.away(false)
  await until('control says which keys are its own', isReady, Boolean, withinMs)
})

test.each([
  ['of another cluster', { cluster: 'us-1' }, 'is of us-1, not of eu-1'],
  ['without keys', { controlKeys: [] }, 'is damaged'],
])(
  'an introduction %s ends it with a sentence, and without the password',
  async (_, changes, words) => {
    introduce(changes)
    control.away(true)
    pilot = startPilot()
    const [code] = await once(pilot, 'exit')
    expect([code, said]).toEqual([1, expect.stringContaining(words)])
    expect(said).not.toContain(rig.user(leafCluster).password)
  },
)

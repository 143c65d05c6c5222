/**
 * Each alert rule is fired by a real fault in a real fleet, seen by a real Prometheus. The faults come one
 * on top of the other, as they do; the rules are the file's own, in a hurry.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { logCodes } from '#wire/log-codes.ts'
import { openReceiver, type Receiver } from '../../control/webhooks/receiver.fixture.ts'
import { until, untilPhase } from '../../deploy/local/until.ts'
import { findPrometheus } from '../../deploy/prometheus/find.ts'
import { openStage, type Stage } from '../stage.ts'
import { type Prometheus, startPrometheus } from './prometheus.ts'
import { alertNames, rulesFile } from './rules.ts'

const hurry = 600
const moody = resolve(import.meta.dirname, 'moody.ts')

let stage: Stage
let prometheus: Prometheus
let receiver: Receiver
const seen = new Set<string>()

beforeAll(async () => {
  stage = await openStage({ nats: true, logFormat: 'json', programs: { moody } })
  receiver = await openReceiver()
  const { fleet } = stage
  const { token } = await fleet.client.call<{ token: string }>('POST', '/v1/tokens', {
    name: 'prometheus',
    scope: 'read',
  })
  const address = (port: number) => `127.0.0.1:${port}`
  prometheus = await startPrometheus(
    {
      folder: stage.folder,
      token,
      control: address(fleet.ports.control),
      agents: fleet.agents.map(({ name }) => address(fleet.ports.agents[name]!.admin)),
    },
    hurry,
  )
  await putApp('shop')
  await stage.release({ app: 'shop', version: '1', autoPromote: true })
}, 300_000)

afterAll(async () => {
  await prometheus?.stop()
  await receiver?.die()
  await stage?.close()
})

const putApp = (app: string, more: object = {}) =>
  stage.putApp(app, { platform: { type: 'local', program: 'moody' }, ...more })

async function fires(alert: string, labels: Readonly<Record<string, string>> = {}): Promise<void> {
  await prometheus.fires(alert, labels)
  seen.add(alert)
}

describe('the rules', () => {
  test('are taken by promtool', async () => {
    const { promtool } = await findPrometheus()
    expect(execFileSync(promtool, ['check', 'rules', rulesFile], { encoding: 'utf8' })).toContain(
      'SUCCESS',
    )
  })

  test('keep quiet when they should, in an hour of figures', async () => {
    const { promtool } = await findPrometheus()
    const cases = resolve(import.meta.dirname, 'alerts-quiet.yaml')
    execFileSync(promtool, ['test', 'rules', cases], { encoding: 'utf8' })
  })

  test('keep quiet while all is well', async () => {
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    expect(await prometheus.firing()).toEqual([])
  })
})

describe('an alert fires when', { timeout: 60_000 }, () => {
  test('a token ends soon', async () => {
    const body = { name: 'ci', scopes: ['release'], expiresInMs: 3_600_000 }
    await stage.fleet.client.call('POST', '/v1/tokens', body)
    await fires('SwitchyardTokenExpires', { token: 'ci' })
  })

  test('the receiver of a webhook wants no more messages', async () => {
    receiver.answer = 410
    await stage.fleet.client.call('PUT', '/v1/webhooks/chat', { url: receiver.url })
    await putApp('other')
    await fires('SwitchyardWebhookFailing', { webhook: 'chat' })
    await stage.fleet.client.call('DELETE', '/v1/webhooks/chat')
  })

  test('a new release fails where the one before did not', async () => {
    const load = await stage.load('shop', { kinds: [kind], ratePerSecond: 40 })
    await stage.release({ app: 'shop', version: '9' })
    await stage.fleet.client.step('shop-r2', 'promote', { wait: 'active' })
    await fires('SwitchyardNewReleaseErrors', { app: 'shop', release: 'shop-r2' })
    await stage.fleet.client.step('shop-r2', 'rollback', { wait: 'active' })
    await load.stop()
  })

  test('a release waits for copies that do not become ready', async () => {
    await stage.fleet.client.createRelease({ app: 'other', version: '8' })
    await fires('SwitchyardReleaseWaits', { release: 'other-r1', code: 'endpoints' })
  })

  test('somebody pauses a release and forgets it', async () => {
    await stage.fleet.client.call('POST', '/v1/releases/other-r1/pause', { reason: 'lunch' })
    await fires('SwitchyardReleasePaused', { release: 'other-r1' })
    await stage.fleet.client.step('other-r1', 'abort')
  })

  test('copies of a rolling release do not become ready', async () => {
    await putApp('roller', { copies: 2 })
    await stage.release({ app: 'roller', version: '1', autoPromote: true })
    await stage.fleet.client.createRelease({
      app: 'roller',
      version: '8',
      strategy: 'rolling',
      rolling: { progressDeadlineMs: 1_000 },
    })
    await fires('SwitchyardReleaseStalled', { release: 'roller-r2' })
  })

  test('an agent dies, and a switch is completed without it', async () => {
    await stage.fleet.killAll('us-1-b')
    await Promise.all([
      fires('SwitchyardAgentSilent', { agent: 'us-1-b', cluster: 'us-1' }),
      fires('SwitchyardAgentDown'),
    ])
    await stage.fleet.client.createRelease({
      app: 'shop',
      version: '3',
      whenSilent: 'proceed',
      deadlineMs: 500,
    })
    await untilPhase(stage.fleet.client, 'shop-r3', 'ready', 30_000)
    await stage.fleet.client.step('shop-r3', 'promote')
    await fires('SwitchyardSwitchIncomplete', { app: 'shop' })
  })

  test('a worker hangs and a change passes it by', async () => {
    const pids = ['eu-1-a', 'eu-1-a.worker-0'].map((name) => stage.fleet.pid(name)!)
    // The supervisor would kill a worker that hangs: it is stopped as well.
    for (const pid of pids) process.kill(pid, 'SIGSTOP')
    try {
      await stage.putApp('third', { platform: { type: 'static' } }, {})
      await fires('SwitchyardAgentDrifting', { agent: 'eu-1-a' })
    } finally {
      for (const pid of pids) process.kill(pid, 'SIGCONT')
    }
  })

  test('NATS is away and something changes', async () => {
    await stage.fleet.stopOne('nats')
    await stage.putApp('fourth', { platform: { type: 'static' } }, {})
    await fires('SwitchyardPublishLag', { cluster: 'eu-1' })
    await stage.fleet.startOne('nats')
  })

  test('control is gone, a pilot starts without it, and a new agent has nothing to serve', async () => {
    await until(
      'eu-1-b serves',
      () => stage.get('eu-1-b', 'shop'),
      ({ status }) => status === 200,
    )
    await stage.fleet.runControl('backup', join(stage.folder, 'older.backup'))
    await stage.putApp('fifth', { platform: { type: 'static' } })
    await stage.fleet.stopOne('control')
    await stage.fleet.stopOne('nats')
    await stage.fleet.kill('eu-1-b.pilot')
    rmSync(join(stage.folder, 'agents', 'us-1-b'), { recursive: true })
    const starting = stage.fleet.startOne('us-1-b').catch(() => {})
    await Promise.all([
      fires('SwitchyardControlDown'),
      fires('SwitchyardAgentStale'),
      fires('SwitchyardAgentNotReady', {
        instance: `127.0.0.1:${stage.fleet.ports.agents['us-1-b']!.admin}`,
      }),
    ])
    await stage.fleet.killAll('us-1-b')
    await starting
    await stage.fleet.startOne('nats')
  })

  test('the log was restored from a backup that is too old', async () => {
    const state = join(stage.folder, 'control')
    rmSync(state, { recursive: true })
    await stage.fleet.runControl('restore', join(stage.folder, 'older.backup'))
    await stage.fleet.startOne('control')
    await Promise.all([fires('SwitchyardLogBehindFleet'), fires('SwitchyardNotReady')])
  })

  test('each of them has fired', () => {
    expect(alertNames.filter((name) => !seen.has(name))).toEqual([])
  })
})

/** All of it was written down: one object a line, by stable codes, without a secret. */
describe('the logs of these faults', () => {
  interface Line {
    readonly code: string
    readonly program: string
    readonly agent?: string
  }
  const filesOf = () => {
    const folder = join(stage.folder, 'logs')
    return readdirSync(folder)
      .filter((name) => name !== 'nats.log')
      .map((name) => readFileSync(join(folder, name), 'utf8'))
  }
  const lines = () =>
    filesOf().flatMap((text) =>
      text.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Line] : [])),
    )

  test('hold nothing but objects, and what commands tell their caller', () => {
    const others = filesOf()
      .flatMap((text) => text.split('\n'))
      .filter((line) => line !== '' && !line.startsWith('{'))
    const told = /^(control (listens on|has stopped)|\/.*: (added|written|restored)|moody)/
    expect(others.filter((line) => !told.test(line))).toEqual([])
    expect(lines().filter(({ code }) => !(code in logCodes))).toEqual([])
  })

  test.each([
    ['control', 'turn-taken'],
    ['control', 'publish-failed'],
    ['control', 'publish-recovered'],
    ['control', 'webhook-failing'],
    ['control', 'fleet-ahead'],
    ['agent', 'child-ended'],
    ['pilot', 'agent-enrolled'],
    ['pilot', 'revision-admitted'],
    ['pilot', 'drift-began'],
    ['pilot', 'drift-ended'],
    ['pilot', 'control-away'],
    ['pilot', 'control-back'],
    ['pilot', 'not-enrolled'],
    ['local-cluster', 'copy-started'],
  ])('hold what happened to %s: %s', (program, code) => {
    expect(lines().some((line) => line.program === program && line.code === code)).toBe(true)
  })

  test('hold when the platform was away, and that it is back', async () => {
    const said = (code: string) =>
      until(code, lines, (all) =>
        all.some((line) => line.program === 'pilot' && line.code === code),
      )
    await stage.fleet.kill('us-1.platform')
    await said('platform-away')
    await stage.fleet.startOne('us-1.platform')
    await said('platform-back')
  })

  test('hold no secret', () => {
    const all = filesOf().join('\n')
    expect(all).not.toMatch(/swy_[a-z]+_[\w-]{20}|whsec_[\w+/]{20}/)
    const { control } = natsPasswords()
    expect(all).not.toContain(control)
  })

  const natsPasswords = () => {
    const text = readFileSync(join(stage.folder, 'nats-users.json'), 'utf8')
    return { control: (JSON.parse(text) as { control: { password: string } }).control.password }
  }
})

const kind = { name: 'get', method: 'GET', path: '/', weight: 1 } as const

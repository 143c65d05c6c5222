import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { natsCredentials } from '../../control/delivery/nats-credentials.ts'
import { type LocalNats, startNats } from './nats.ts'
import { freePorts } from './ports.ts'
import { until } from './until.ts'

let folder: string
let port: number
const running: LocalNats[] = []

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'swy-nats-'))
  port = (await freePorts(['eu-1'], 1)).nats
})
afterEach(async () => {
  for (const nats of running.splice(0)) await nats.kill()
  rmSync(folder, { recursive: true, force: true })
})

async function start(clusters: readonly string[]): Promise<LocalNats> {
  const nats = await startNats({ stateFolder: folder, port, clusters })
  running.push(nats)
  return nats
}
const users = (nats: LocalNats) =>
  natsCredentials.parse(JSON.parse(readFileSync(nats.credentialsFile, 'utf8')))
const accepts = () =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })

test('passwords are kept from a former start, and a new cluster gets a user of its own', async () => {
  const first = await start(['eu-1'])
  const before = users(first)
  await first.stop()
  const after = users(await start(['eu-1', 'us-1']))
  expect(after.control).toEqual(before.control)
  expect(after.clusters['eu-1']).toEqual(before.clusters['eu-1'])
  expect(after.clusters['us-1']?.password).toMatch(/^[\w-]{32}$/)
})

test('only the owner can read the files that hold passwords', async () => {
  const nats = await start(['eu-1'])
  for (const file of [nats.credentialsFile, join(folder, 'nats.conf')]) {
    expect(statSync(file).mode & 0o777).toBe(0o600)
  }
})

test.each(['stop', 'kill'] as const)('%s ends the server', async (how) => {
  const nats = await start(['eu-1'])
  expect(await accepts()).toBe(true)
  await nats[how]()
  expect(await accepts()).toBe(false)
})

test('a second server on the port fails and shows its log', async () => {
  await start(['eu-1'])
  const other = join(folder, 'other')
  const second = startNats({ stateFolder: other, port, clusters: ['eu-1'] })
  await expect(second).rejects.toThrow(/did not start[\s\S]*address already in use/)
})

const script = resolve(import.meta.dirname, 'nats.ts')
const flags = () => ['--state', folder, '--port', String(port), '--cluster', 'eu-1']

function run(args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const child: ChildProcess = spawn(process.execPath, [script, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env,
  })
  let text = ''
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk: Buffer) => {
      text += chunk
    })
  }
  const code = new Promise<number | null>((resolve) => child.once('exit', resolve))
  return { child, code, text: () => text }
}

test.each(['SIGTERM', 'SIGINT', 'disconnect'] as const)(
  'as a command it ends at %s',
  async (how) => {
    const { child, code, text } = run(flags())
    await until('it listens', text, (said) => said.includes('NATS listens on'))
    if (how === 'disconnect') child.disconnect()
    else child.kill(how)
    expect(await code).toBe(0)
    expect(await accepts()).toBe(false)
  },
)

test('a start that is given up leaves no server behind', async () => {
  const giveUp = new AbortController()
  const { signal } = giveUp
  const starting = startNats({ stateFolder: folder, port, clusters: ['eu-1'], signal })
  giveUp.abort()
  await expect(starting).rejects.toThrow(/abort/i)
  expect(await accepts()).toBe(false)
})

test('without flags it says how it is used', async () => {
  const { code, text } = run([])
  expect(await code).toBe(2)
  expect(text()).toContain('--state <folder>')
})

test.each([
  ['no server', null, 'none is on the PATH'],
  ['an old server', '2.10.29', 'the one on the PATH is 2.10.29'],
])('with %s and no Go it says what to install', async (_, version, words) => {
  if (version) {
    const fake = `#!/bin/sh\necho "nats-server: v${version}"\n`
    writeFileSync(join(folder, 'nats-server'), fake, { mode: 0o755 })
  }
  const env = { ...process.env, PATH: folder, XDG_CACHE_HOME: join(folder, 'cache') }
  const { code, text } = run(flags(), env)
  expect(await code).toBe(1)
  expect(text()).toContain(words)
  expect(text()).toContain('Install nats-server')
})

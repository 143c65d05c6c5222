/**
 * Control killed with -9 at each step of each change of keys. It starts again, the key that the log names
 * signs and is one that agents are told to pin, its private half is there, and the same call completes.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generateKey, keyIdOf, open, pinKeys, sealed } from '#wire/signature.ts'
import { killAll, runControl, startControlProcess } from './control-process.ts'

interface Key {
  readonly keyId: string
  readonly state: 'signing' | 'spare'
}
interface Enrolled {
  readonly token: string
  readonly controlKeys: readonly string[]
}

const verbs = ['add', 'activate', 'retire'] as const
type Verb = (typeof verbs)[number]
const steps = ['file-written', 'file-renamed', 'file-synced', 'append', 'appended'] as const
const timeout = 120_000

let folder: string
/** The ids of the keys in the order in which they were made. */
let [first, spare, added] = ['', '', '']
const before = (verb: Verb) => join(folder, `before-${verb}`)

const pathOf = (verb: Verb) =>
  verb === 'add' ? '' : verb === 'activate' ? `/${added}/activate` : `/${first}/retire`

async function ask<Answer>(
  state: string,
  url: string,
  path: string,
  more: { method?: string; token?: string; body?: unknown; key?: string } = {},
): Promise<Answer> {
  const token = more.token ?? readFileSync(join(state, 'admin.token'), 'utf8').trim()
  const response = await fetch(url + path, {
    method: more.method ?? 'GET',
    headers: {
      authorization: `Bearer ${token}`,
      ...(more.key && { 'idempotency-key': more.key }),
      ...(more.body !== undefined && { 'content-type': 'application/json' }),
    },
    body: more.body === undefined ? null : JSON.stringify(more.body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`)
  return JSON.parse(text) as Answer
}
const change = (state: string, url: string, verb: Verb) =>
  ask<{ keyId: string }>(state, url, `/v1/keys${pathOf(verb)}`, { method: 'POST', key: verb })
const keysOf = async (state: string, url: string) =>
  (await ask<{ keys: readonly Key[] }>(state, url, '/v1/keys')).keys
const signingOf = (keys: readonly Key[]) => keys.find(({ state }) => state === 'signing')?.keyId
const fileOf = (state: string) =>
  JSON.parse(readFileSync(join(state, 'keys.json'), 'utf8')) as {
    keys: { publicKey: string; pkcs8: string }[]
  }

/** What a new agent is told to pin proves the header that is published, by the key that the log names. */
async function expectSound(state: string, url: string): Promise<readonly Key[]> {
  const keys = await keysOf(state, url)
  const { key } = await generateKey()
  const body = { cluster: 'eu-1', agent: 'eu-1-a', publicKey: key.publicKey }
  const token = readFileSync(join(state, 'enrol-eu-1.token'), 'utf8').trim()
  const agent = await ask<Enrolled>(state, url, '/v1/agents/enrol', { method: 'POST', token, body })
  expect(agent.controlKeys.map(keyIdOf).sort()).toEqual(keys.map(({ keyId }) => keyId).sort())
  const path = '/v1/agents/eu-1/header'
  const announced = await ask<{ header: unknown }>(state, url, path, { token: agent.token })
  const header = sealed.parse(announced.header)
  expect(header.keyId).toBe(signingOf(keys))
  expect(await open(header, await pinKeys(agent.controlKeys))).toHaveProperty('payload')
  const stored = fileOf(state).keys.map(({ publicKey }) => keyIdOf(publicKey))
  for (const { keyId } of keys) expect(stored, 'private halves of all').toContain(keyId)
  const forget = '/v1/clusters/eu-1/agents/eu-1-a'
  await ask(state, url, forget, { method: 'DELETE' })
  return keys
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-crash-keys-'))
  const state = join(folder, 'state')
  await runControl(['init', '--state', state, '--cluster', 'eu-1'])
  ;[first = '', spare = ''] = fileOf(state).keys.map(({ publicKey }) => keyIdOf(publicKey))
  for (const verb of verbs) {
    cpSync(state, before(verb), { recursive: true })
    const control = await startControlProcess(state)
    const { keyId } = await change(state, control.url!, verb)
    if (verb === 'add') added = keyId
    await control.kill('SIGTERM')
  }
}, timeout)
afterAll(() => {
  killAll()
  rmSync(folder, { recursive: true, force: true })
})

describe.each(verbs)('control killed while it does %s', (verb) => {
  it.each(steps)('at %s', { timeout }, async (step) => {
    const state = join(folder, `${verb}-${step}`)
    cpSync(before(verb), state, { recursive: true })
    const dying = await startControlProcess(state, `${step}:1`)
    if (dying.url) await change(state, dying.url, verb).catch(() => {})
    expect((await dying.ended).signal).toBe('SIGKILL')

    const control = await startControlProcess(state)
    const url = control.url!
    const done = await expectSound(state, url)
    const isDurable = step === 'appended' || (step.startsWith('file-') && verb !== 'add')
    const expected = {
      add: done.length === 3,
      activate: signingOf(done) === added,
      retire: done.length === 2 && signingOf(done) === added,
    }
    expect(expected[verb], 'what the log holds has happened, and nothing else').toBe(isDurable)
    await change(state, url, verb)
    const keys = await expectSound(state, url)
    expect(keys).toHaveLength(verb === 'retire' ? 2 : 3)
    expect(signingOf(keys)).toBe(verb === 'add' ? first : added)
    expect(keys.some(({ keyId }) => keyId === spare)).toBe(true)
    await control.kill('SIGTERM')
    if (verb === 'retire') {
      expect(fileOf(state).keys.map(({ publicKey }) => keyIdOf(publicKey))).toEqual([added, spare])
    }
  })
})

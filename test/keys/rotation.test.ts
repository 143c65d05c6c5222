/**
 * The signing key of a real fleet is replaced under load: no request fails, agents that are killed or
 * restarted on the way come back, and everything goes on under the new key: switches, preview links, a
 * control that starts anew.
 */
import { type IncomingMessage, request } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHistory } from '../../bench/load/history.ts'
import { Rejected } from '../../deploy/local/control-client.ts'
import { until } from '../../deploy/local/until.ts'
import { openStage, type Stage } from '../stage.ts'
import { underLoad } from '../story/scene.ts'

const app = 'shop'
let stage: Stage

interface Key {
  readonly keyId: string
  readonly state: string
  readonly missing: readonly { readonly agent: string }[]
}
const keys = async () =>
  (await stage.fleet.client.call<{ keys: readonly Key[] }>('GET', '/v1/keys')).keys
const change = (path: string) =>
  stage.fleet.client.call<{ readonly keyId: string }>('POST', `/v1/keys${path}`)
const refusal = (calling: Promise<unknown>) =>
  calling.then(
    () => null,
    (error: unknown) => (error instanceof Rejected ? error.problem.code : error),
  )
const pinnedByAll = (keyId: string) =>
  until('every agent pins the key', keys, (all) =>
    all.some((key) => key.keyId === keyId && key.missing.length === 0),
  )

beforeAll(async () => {
  stage = await openStage()
  await stage.putApp(app, { copies: 1 })
  await stage.release({ app, version: '0.0.1', autoPromote: true })
})
afterAll(() => stage.close())

let former = ''
let added = ''

test('a key is added, activated, and the former one retired: no request fails', async () => {
  const { fleet } = stage
  former = (await keys()).find(({ state }) => state === 'signing')!.keyId
  // eu-1-b is down for a part of it, as a proxy that is replaced would be.
  const others = fleet.agents.map(({ name }) => name).filter((name) => name !== 'eu-1-b')
  const scene = async () => {
    await fleet.stopOne('eu-1-b')
    added = (await change('')).keyId
    await until('the others pin it', keys, (all) =>
      all.some(({ keyId, missing }) => keyId === added && missing.length === 1),
    )
    expect(await refusal(change(`/${added}/activate`))).toBe('key-not-pinned')
    await fleet.startOne('eu-1-b')
    await pinnedByAll(added)
    await fleet.kill('us-1-a.pilot')
    await change(`/${added}/activate`)
    await until(
      'the former key may go',
      () => refusal(change(`/${former}/retire`)),
      (code) => code === null,
    )
    await until('the former key is gone', keys, (all) =>
      all.every(({ keyId, missing }) => keyId !== former && missing.length === 0),
    )
  }
  await underLoad(stage, app, createHistory('0.0.1'), scene, { targets: fleet.targets(others) })
  const left = await keys()
  expect(left.find(({ state }) => state === 'signing')?.keyId).toBe(added)
})

test('control and agents that start anew go on with the new key', async () => {
  const { fleet } = stage
  await fleet.stopOne('control')
  await fleet.startOne('control')
  await fleet.stopOne('eu-1-a')
  await fleet.startOne('eu-1-a')
  await pinnedByAll(added)
  expect(await refusal(change(`/${former}/activate`))).toBe('not-found')
})

test('a preview link and a switch are signed by the new key, and every agent takes them', async () => {
  const { client } = stage.fleet
  const { id } = await stage.release({ app, version: '0.0.2', preview: { links: true } })
  const made = await client.call<{ readonly path: string }>(
    'POST',
    `/v1/releases/${id}/preview-links`,
    { expiresInMs: 60_000 },
  )
  expect(made.path, 'the token names its key').toContain(`.${added}.`)
  for (const { name } of stage.fleet.agents) {
    const link = await ask(name, made.path)
    expect(link.statusCode, name).toBe(302)
    const [cookie = ''] = String(link.headers['set-cookie']).split(';')
    expect((await ask(name, '/', cookie)).headers['x-version'], name).toBe('0.0.2')
  }
  const history = createHistory('0.0.1')
  await underLoad(stage, app, history, async () => {
    await history.move('0.0.2', () =>
      client.step(id, 'promote', { wait: 'active', timeoutMs: 10_000 }),
    )
  })
  for (const { name } of stage.fleet.agents) {
    expect(await stage.get(name, app)).toMatchObject({ status: 200, version: '0.0.2' })
  }
})

function ask(agent: string, path: string, cookie?: string): Promise<IncomingMessage> {
  const port = stage.fleet.targets([agent])[0]!.port
  const headers = { host: `${app}.example`, ...(cookie && { cookie }) }
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, agent: false, headers }, (answer) => {
      answer.resume()
      answer.once('end', () => resolve(answer))
    })
    asked.once('error', reject)
    asked.end()
  })
}

/** Control killed with -9 between a delivery and the note that it was made: repeated, never lost. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openReceiver, type Receiver } from '../../control/webhooks/receiver.fixture.ts'
import { until } from '../../deploy/local/until.ts'
import { runControl, startControlProcess } from './control-process.ts'

let state: string
let receiver: Receiver
beforeEach(async () => {
  state = join(mkdtempSync(join(tmpdir(), 'switchyard-webhook-')), 'state')
  receiver = await openReceiver()
  await runControl(['init', '--state', state, '--cluster', 'eu-1'])
})
afterEach(async () => {
  await receiver.die()
  rmSync(join(state, '..'), { recursive: true, force: true })
})

async function ask(url: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const token = readFileSync(join(state, 'admin.token'), 'utf8').trim()
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  })
  return response.json()
}

const app = (name: string) => ({
  clusters: ['eu-1'],
  hosts: [`${name}.example`],
  platform: { type: 'static' },
})
const apps = () => receiver.got.map(({ message }) => String(message.app))

test('a message that was sent and not noted is sent again, under the same id and in order', async () => {
  const first = await startControlProcess(state)
  const hook = { url: receiver.url, events: ['app-*'] }
  const made = (await ask(first.url!, 'PUT', '/v1/webhooks/audit', hook)) as { secret: string }
  await ask(first.url!, 'PUT', '/v1/apps/a', app('a'))
  await until('the first message', apps, (all) => all.length === 1)
  await until(
    'it is noted',
    () => readCursor(),
    (position) => position >= 3,
  )
  await first.kill('SIGKILL')

  // The next note is the one of the message about "b": control dies before it is made.
  const second = await startControlProcess(state, 'cursor:1')
  await ask(second.url!, 'PUT', '/v1/apps/b', app('b')).catch(() => {})
  expect((await second.ended).signal).toBe('SIGKILL')
  expect(apps()).toEqual(['a', 'b'])

  const third = await startControlProcess(state)
  await ask(third.url!, 'PUT', '/v1/apps/c', app('c'))
  await until('the rest', apps, (all) => all.includes('c'))
  await third.kill('SIGTERM')

  expect(apps()).toEqual(['a', 'b', 'b', 'c'])
  const ids = receiver.got.map(({ message }) => message.id)
  expect(ids[1]).toBe(ids[2])
  expect(new Set(ids).size).toBe(3)
  for (const { body, headers } of receiver.got) new Webhook(made.secret).verify(body, headers)
})

function readCursor(): number {
  const file = readFileSync(join(state, 'webhook-cursors.json'), 'utf8')
  return (JSON.parse(file) as { audit: { position: number } }).audit.position
}

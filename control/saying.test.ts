/** What control writes to its log: who did what, what was refused, troubles once; never a secret. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ControlUnderTest, shop, startControl } from './control-under-test.ts'
import type { PublisherMetrics } from './delivery/publisher.ts'
import { sayFold, saying } from './saying.ts'

let control: ControlUnderTest
beforeAll(async () => {
  control = await startControl()
})
afterAll(() => control.stop())

const newest = () => control.said.at(-1)

it('says each turn that changed something: who, what, which revision, how long', async () => {
  await control.call('PUT', '/v1/apps/shop', { body: shop })
  expect(newest()).toEqual({
    code: 'turn-taken',
    text: 'App shop was created in eu-1 and us-1.',
    kind: 'intent',
    type: 'put-app',
    actor: 'admin',
    revision: control.head(),
    ms: expect.any(Number),
    events: ['app-created'],
  })
})

it('says what was refused, and to whom', async () => {
  await control.call('POST', '/v1/releases', { body: { app: 'cart', version: '1' } })
  expect(newest()).toMatchObject({
    code: 'intent-refused',
    type: 'create-release',
    actor: 'admin',
    refusal: 'unknown-app',
  })
})

it('says nothing of a call that only reads', async () => {
  const before = control.said.length
  await control.call('GET', '/v1/apps')
  await control.call('GET', '/v1/apps/none')
  expect(control.said).toHaveLength(before)
})

it('never says a token', async () => {
  const { body } = await control.call('POST', '/v1/tokens', {
    body: { name: 'ci', scope: 'release' },
  })
  expect(newest()).toMatchObject({ code: 'turn-taken', events: ['token-created'] })
  const all = JSON.stringify(control.said)
  expect(all).not.toContain(String(body.token))
  expect(all).not.toContain(control.adminToken)
})

it('says a trouble once, and when it is over', () => {
  const said: string[] = []
  const none: PublisherMetrics = {
    published: () => {},
    failed: () => {},
    reportTaken: () => {},
    reportRefused: () => {},
  }
  let ms = 0
  const metrics = saying(
    none,
    (code) => said.push(code),
    () => ms,
  )
  metrics.failed('eu-1', new Error('away'))
  metrics.failed('eu-1', new Error('away'))
  metrics.published('eu-1', 0.1)
  metrics.published('eu-1', 0.1)
  expect(said).toEqual(['publish-failed', 'publish-recovered'])
  metrics.reportRefused('eu-1', 'bad-signature')
  metrics.reportRefused('eu-1', 'bad-signature')
  ms = 60_000
  metrics.reportRefused('eu-1', 'bad-signature')
  expect(said.slice(2)).toEqual(['report-refused', 'report-refused'])
})

it('says how far a long fold is, every two seconds, and how long it takes yet', () => {
  let now = 50
  const said: unknown[] = []
  const fold = sayFold(
    (code, text, fields) => said.push({ code, text, ...fields }),
    () => now,
  )
  for (let position = 512; position <= 5_120; position += 512) {
    fold(position, 10_240)
    now += 500
  }
  const line = (revision: number, secondsLeft: number) => {
    const text = `the log is read: ${revision} of 10240 records`
    return { code: 'log-folding', text, revision, of: 10_240, secondsLeft }
  }
  expect(said).toEqual([line(2_560, 8), line(4_608, 6)])
})

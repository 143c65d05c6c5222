/** The platform ends the object while it answers: who waited is told how to go on, and does. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { enrolAgent } from '../../control/agent-under-test.ts'
import { shop } from '../../control/control-under-test.ts'
import { type ControlOnWorkerd, startControl } from './control-under-test.ts'

let control: ControlOnWorkerd
beforeAll(async () => {
  const config = join(import.meta.dirname, 'ended-worker.toml')
  control = await startControl(['eu-1'], { config })
})
afterAll(() => control?.stop())

it('answers what was under way, and the same calls go on', { timeout: 60_000 }, async () => {
  const agent = await enrolAgent(control, 'eu-1', 'eu-1-a')
  const before = control.head()
  const events = await fetch(`${control.url}/v1/events`, {
    headers: { authorization: `Bearer ${control.adminToken}` },
  })
  const put = () =>
    control.call('PUT', '/v1/apps/shop?wait=active', {
      body: { ...shop, clusters: ['eu-1'] },
      headers: { 'idempotency-key': 'once' },
    })
  const waiting = put()
  await expect.poll(() => control.head()).toBe(before + 1)
  for (const answer of [await control.call('GET', '/end'), await waiting]) {
    expect([answer.status, answer.body.code]).toEqual([503, 'control-starting'])
    expect(answer.body.fix).toContain('Idempotency-Key')
    expect(answer.headers.get('retry-after')).toBe('1')
  }
  await expect(events.text(), 'the stream ends; a reader resumes it').rejects.toThrow()
  const again = put()
  await agent.report()
  expect(await again).toMatchObject({ status: 201 })
  expect(control.head()).toBe(before + 1)
})

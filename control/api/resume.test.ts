/** What was cut goes on where it was: a stream of events, and a call that waits. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AgentUnderTest, enrolAgent } from '../agent-under-test.ts'
import { type ControlUnderTest, shop, startControl } from '../control-under-test.ts'

describe('after a cut', () => {
  let control: ControlUnderTest
  let agent: AgentUnderTest
  beforeEach(async () => {
    control = await startControl(['eu-1'])
    agent = await enrolAgent(control, 'eu-1', 'eu-1-a')
  })
  afterEach(() => control.stop())

  const app = (name: string) => ({ ...shop, clusters: ['eu-1'], hosts: [`${name}.example`] })
  const put = async (name: string) => {
    const { status, text } = await control.call('PUT', `/v1/apps/${name}`, { body: app(name) })
    expect(status, text).toBe(201)
  }

  /** Reads ids from where it is until it has `last`, or the stream ends. */
  async function readOn(ids: number[], last: number): Promise<void> {
    const aborted = new AbortController()
    const seen = ids.at(-1)
    const response = await fetch(`${control.url}/v1/events`, {
      headers: {
        authorization: `Bearer ${control.adminToken}`,
        ...(seen !== undefined && { 'last-event-id': String(seen) }),
      },
      signal: aborted.signal,
    })
    let rest = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const messages = (rest + chunk).split('\n\n')
      rest = messages.pop()!
      for (const message of messages) {
        const id = /^id: (\d+)$/m.exec(message)?.[1]
        if (id !== undefined) ids.push(Number(id))
      }
      if ((ids.at(-1) ?? 0) >= last) break
    }
    aborted.abort()
  }

  it('a reader of events has each of them once, in order', async () => {
    await put('one')
    const ids: number[] = []
    const cut = readOn(ids, Number.POSITIVE_INFINITY).catch(() => {})
    await put('two')
    await expect.poll(() => ids.at(-1)).toBe(control.head())
    await control.restart()
    await cut
    await put('three')
    const head = control.head()
    while ((ids.at(-1) ?? 0) < head) await readOn(ids, head)
    expect(ids).toEqual(Array.from({ length: head }, (_, n) => n + 1))
  })

  const headers = { 'idempotency-key': 'once' }
  const putAndWait = (timeout: string) =>
    control.call('PUT', `/v1/apps/shop?wait=active&timeout=${timeout}`, {
      body: app('shop'),
      headers,
    })

  it('a wait that ran out of time says how to go on, and the same call does', async () => {
    const late = await putAndWait('50ms')
    expect([late.status, late.body.code]).toEqual([504, 'wait-timeout'])
    expect(late.body.fix).toContain('same Idempotency-Key')
    const { revision } = late.body
    const waiting = putAndWait('30s')
    await agent.report()
    const done = await waiting
    expect([done.status, done.headers.get('switchyard-revision')]).toEqual([201, `${revision}`])
    expect(done.headers.get('idempotent-replayed')).toBe('true')
  })

  it('a wait that was cut is answered or ends, and the same call goes on', async () => {
    const before = control.head()
    const cut = putAndWait('30s').catch(() => null)
    await expect.poll(() => control.head()).toBeGreaterThan(before)
    await control.restart()
    const answered = await cut
    if (answered) expect(answered.status).toBeGreaterThan(500)
    const waiting = putAndWait('30s')
    await agent.report()
    const done = await waiting
    expect([done.status, done.headers.get('idempotent-replayed')]).toEqual([201, 'true'])
    expect(control.head()).toBe(before + 1)
  })
})

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SnapshotObject } from '#wire/object.ts'
import { type AgentUnderTest, enrolAgent } from '../agent-under-test.ts'
import { type Called, type ControlUnderTest, shop, startControl } from '../control-under-test.ts'

describe('the life of a release over HTTP', () => {
  let control: ControlUnderTest
  let agent: AgentUnderTest

  beforeEach(async () => {
    control = await startControl(['eu-1'])
    agent = await enrolAgent(control, 'eu-1', 'eu-1-a')
    await control.call('PUT', '/v1/apps/shop', { body: { ...shop, clusters: ['eu-1'] } })
    await release('1')
    await agent.report({ readyEndpoints: { 'shop-r1': 1 } })
  })
  afterEach(() => control.stop())

  const release = (version: string, deadlineMs = 30_000) =>
    control.call('POST', '/v1/releases', {
      body: { app: 'shop', version, autoPromote: false, deadlineMs },
    })
  const motion = (
    what: string,
    id = 'shop-r1',
    more: { query?: string; headers?: Record<string, string> } = {},
  ) =>
    control.call('POST', `/v1/releases/${id}/${what}${more.query ?? ''}`, {
      headers: more.headers ?? {},
    })
  const shown = (id = 'shop-r1') => control.call('GET', `/v1/releases/${id}`)
  const codeOf = ({ status, body }: Called) => [status, body.code]

  /** The agent follows the position: prepared for what is next, active with what is. */
  async function follow() {
    const snapshot = await control.call('GET', '/v1/clusters/eu-1/snapshot')
    const objects = snapshot.body.objects as unknown as SnapshotObject[]
    const position = objects.find((object) => object.kind === 'position')!
    await agent.report({
      readyEndpoints: { 'shop-r1': 1, 'shop-r2': 1, 'shop-r3': 1 },
      positions: {
        shop: {
          prepared: position.next?.generation ?? 0,
          active: position.generation,
          appliedMs: 1,
          activeForMs: 1,
        },
      },
    })
  }
  async function followUntil(
    answer: Promise<Called>,
    say: () => Promise<unknown> = follow,
  ): Promise<Called> {
    let done = false
    void answer.finally(() => {
      done = true
    })
    for (let n = 0; n < 200 && !done; n++) await say()
    return answer
  }

  it('is ready, promoted with proof, and live; the answer after the wait is the live release', async () => {
    expect((await shown()).body.phase).toBe('ready')
    const promoted = await followUntil(
      motion('promote', 'shop-r1', { query: '?wait=active&timeout=10s' }),
    )
    expect([promoted.status < 300, promoted.body.phase]).toEqual([true, 'live'])
    expect(promoted.headers.get('etag')).toBe(`"${promoted.body.etag}"`)
    expect(codeOf(await motion('decommission'))).toEqual([409, 'is-live'])
    expect(codeOf(await motion('promote'))).toEqual([409, 'phase-conflict'])
  })

  it('promote pressed twice: If-Match answers 412, the same key the recorded answer', async () => {
    const etag = (await shown()).headers.get('etag')!
    const headers = { 'if-match': etag, 'idempotency-key': 'press' }
    const first = await motion('promote', 'shop-r1', { headers })
    expect(first.status).toBeLessThan(300)
    const again = await motion('promote', 'shop-r1', { headers })
    expect([again.status, again.body]).toEqual([first.status, first.body])
    const before = control.head()
    const other = { 'if-match': etag, 'idempotency-key': 'press-again' }
    expect(codeOf(await motion('promote', 'shop-r1', { headers: other }))).toEqual([
      412,
      'state-changed',
    ])
    expect(control.head()).toBe(before)
  })

  it('is waited for until it is ready to be promoted, not only until it is announced', async () => {
    await motion('abort')
    const body = { app: 'shop', version: '2', autoPromote: false }
    const path = '/v1/releases?wait=active&timeout=300ms'
    const early = await followUntil(control.call('POST', path, { body }), () => agent.report())
    expect(codeOf(early)).toEqual([504, 'wait-timeout'])
    await motion('abort', 'shop-r2')
    const longer = '/v1/releases?wait=active&timeout=10s'
    const answer = followUntil(control.call('POST', longer, { body }))
    expect((await answer).body).toMatchObject({ id: 'shop-r3', phase: 'ready' })
  })

  it('says that a switch was aborted when it was waited for, with the reason', async () => {
    await motion('abort')
    await release('2', 200)
    await agent.report({ readyEndpoints: { 'shop-r2': 1 } })
    const answer = await motion('promote', 'shop-r2', { query: '?wait=active&timeout=10s' })
    expect(codeOf(answer)).toEqual([409, 'switch-aborted'])
    expect(answer.body.accepted).toMatchObject({ id: 'shop-r2', switch: { state: 'aborted' } })
    expect(String(answer.body.detail)).toContain('eu-1/eu-1-a')
  })

  it('refuses a second one, and routes and clusters that a release stands on', async () => {
    expect(codeOf(await release('2'))).toEqual([409, 'release-in-progress'])
    const moved = { ...shop, clusters: ['eu-1'], copies: 2 }
    expect(codeOf(await control.call('PUT', '/v1/apps/shop', { body: moved }))).toEqual([
      409,
      'app-in-release',
    ])
    expect(codeOf(await control.call('DELETE', '/v1/apps/shop'))).toEqual([409, 'app-in-release'])
  })

  it('is not promoted without endpoints, and not rolled back without a former one', async () => {
    await followUntil(motion('promote', 'shop-r1', { query: '?wait=active&timeout=10s' }))
    await release('2')
    expect(codeOf(await motion('promote', 'shop-r2'))).toEqual([409, 'not-ready'])
    const waiting = (await shown('shop-r2')).body.waiting as unknown as { code: string }
    expect(waiting.code).toBe('endpoints')
    expect(codeOf(await motion('rollback', 'shop-r1'))).toEqual([409, 'no-rollback-target'])
    expect((await motion('abort', 'shop-r2')).status).toBeLessThan(300)
    expect(codeOf(await control.call('DELETE', '/v1/apps/shop'))).toEqual([409, 'app-has-releases'])
  })

  it('takes a body of {} or none, and refuses any other', async () => {
    const before = control.head()
    const body = { force: true }
    const refused = await control.call('POST', '/v1/releases/shop-r1/abort', { body })
    expect(codeOf(refused)).toEqual([400, 'invalid-request'])
    expect(control.head()).toBe(before)
    const taken = await control.call('POST', '/v1/releases/shop-r1/abort', { body: {} })
    expect(taken.status).toBeLessThan(300)
  })
})

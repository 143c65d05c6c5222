/** What holds the next step of a release back. */
import { describe, expect, it } from 'vitest'
import { freezeIntent } from '#wire/freeze.ts'
import { decide } from '../decide.ts'
import { createRelease, putApp } from '../fleet-of.fixture.ts'
import type { Input, Intent } from '../input.ts'
import { emptyFleet } from '../reports/fleet.ts'
import { local, motion, shop } from './shop.fixture.ts'

describe('what holds a release back', () => {
  it('is a pause, until it is resumed', () => {
    const { ask, refused, settle, view, promote, pass } = shop()
    const steps = [{ weight: 10, pause: { forMs: 1_000 } }]
    ask(createRelease('shop', { strategy: 'canary', steps, autoPromote: true }))
    settle()
    ask(motion('pause', { reason: 'looking at it' }))
    pass(5_000)
    settle()
    expect(view()).toMatchObject({
      phase: 'progressing',
      status: '10 % in eu-1, us-1; step 1 of 2, paused',
      waiting: { code: 'paused', message: 'paused by tests: looking at it' },
    })
    expect(refused(promote())?.code).toBe('release-paused')
    expect(refused(motion('pause'))?.code).toBe('phase-conflict')
    ask(motion('resume'))
    settle()
    expect(view().phase).toBe('live')
    expect(refused(motion('resume'))?.code).toBe('phase-conflict')
  })

  it('is a missing approval of somebody else', () => {
    const { ask, refused, settle, view, promote } = shop()
    ask(putApp('shop', { clusters: ['eu-1', 'us-1'], ...local, approvals: 2 }))
    ask({ type: 'create-token', name: 'carol', scope: 'admin', tokenHash: 'a'.repeat(64) })
    ask(createRelease('shop'), { actor: 'alice' })
    settle()
    const refusal = refused(promote(), { actor: 'alice' })
    expect(refusal?.code).toBe('approval-required')
    expect(refusal?.detail).toContain('2 approvals are missing')
    expect(refusal?.detail).toContain('carol')
    expect(refused(motion('approve'), { actor: 'alice' })?.code).toBe('self-approval')
    ask(motion('approve', { reason: 'seen' }), { actor: 'bob' })
    ask(motion('approve'), { actor: 'bob' })
    expect(view().approvals).toMatchObject({ required: 2, given: [{ by: 'bob', reason: 'seen' }] })
    expect(refused(promote())?.detail).toContain('one approval is missing (given by bob)')
    ask(motion('approve'), { actor: 'carol' })
    ask(promote())
    settle()
    expect(view().phase).toBe('live')
  })

  it('is a freeze window, until it ends; going back is allowed', () => {
    const { ask, refused, settle, view, promote, pass, time } = shop()
    const at = (ms: number) => new Date(ms).toISOString()
    const body = freezeIntent.parse({ from: at(0), until: at(time() + 60_000), reason: 'sale' })
    ask({ type: 'set-freeze', name: 'sale', body })
    ask(createRelease('shop', { autoPromote: true }))
    settle()
    expect(view()).toMatchObject({ phase: 'ready', waiting: { code: 'frozen' } })
    const refusal = refused(promote())
    expect(refusal).toMatchObject({ code: 'frozen', evidence: { untilMs: time() + 60_000 } })
    expect(refusal?.detail).toContain('frozen by "sale" until 1970-01-01T00:01:01Z')
    pass(60_000)
    settle()
    expect(view().phase).toBe('live')
    ask({ type: 'set-freeze', name: 'sale', body: { ...body, until: at(time() + 60_000) } })
    ask(motion('rollback'))
    expect(view().phase).toBe('retired')
  })

  it('is overridden only with the scope and a reason, which is recorded', () => {
    const { ask, refused, settle, view, promote, time, last } = shop()
    ask(putApp('shop', { clusters: ['eu-1', 'us-1'], ...local, approvals: 1 }))
    const body = freezeIntent.parse({
      from: '1970-01-01T00:00:00Z',
      until: new Date(time() + 60_000).toISOString(),
      reason: 'sale',
    })
    ask({ type: 'set-freeze', name: 'sale', body })
    ask(createRelease('shop'))
    settle()
    const override = promote({ override: { reason: 'the site is down' } })
    expect(refused(override, { scopes: ['release'] })?.code).toBe('forbidden')
    ask(override, { scopes: ['release', 'override'] })
    expect(last().events[0]).toEqual({
      type: 'release-overridden',
      v: 1,
      release: 'shop-r2',
      reason: 'the site is down',
      freezes: ['sale'],
      approvalsMissing: 1,
    })
    settle()
    expect(view().phase).toBe('live')
  })

  it('are agents that do not read the content format', () => {
    const { state, fleet } = shop()
    const old = { ...state(), format: 1 }
    const asked = (intent: Intent) => {
      const input = { kind: 'intent', intent, actor: 'tests', idempotencyKey: null, ifMatch: null }
      return decide(old, emptyFleet(0), input as Input, 1_000)
    }
    expect(fleet().clusters.size).toBe(2)
    for (const intent of [
      createRelease('shop', { strategy: 'canary' }),
      createRelease('shop', { preview: { links: true } }),
    ]) {
      expect(asked(intent)).toMatchObject({
        rejection: {
          code: 'format-not-supported',
          evidence: { agents: [{ agent: 'eu-1-a' }, { agent: 'us-1-a' }] },
        },
      })
    }
    expect(asked(createRelease('shop')).kind).toBe('record')
  })
})

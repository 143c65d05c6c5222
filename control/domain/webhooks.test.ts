import { describe, expect, it } from 'vitest'
import { limits } from '#wire/limits.ts'
import { fleetOf, hash } from './fleet-of.fixture.ts'
import type { Intent } from './input.ts'
import { appIn, releaseIn, wants } from './webhooks.ts'

const set = (name: string, more: object = {}): Intent => ({
  type: 'set-webhook',
  name,
  origin: 'https://chat.example',
  urlHash: hash,
  events: ['*'],
  apps: null,
  format: 'switchyard',
  ...more,
})

describe('webhooks in the log', () => {
  it('are set, changed and removed; what happened before the first is not sent', () => {
    const { ask, state, refused } = fleetOf('eu-1')
    ask(set('chat'))
    const { since } = state().webhooks.get('chat')!
    expect(since).toBe(state().position)
    ask(set('chat', { events: ['release-*'] }))
    expect(state().webhooks.get('chat')).toMatchObject({ since, events: ['release-*'] })
    ask({ type: 'remove-webhook', name: 'chat' })
    expect(state().webhooks.size).toBe(0)
    expect(refused({ type: 'remove-webhook', name: 'chat' })?.code).toBe('not-found')
  })

  it('want events that exist', () => {
    const { refused } = fleetOf('eu-1')
    const rejection = refused(set('chat', { events: ['release-*', 'relaese-*'] }))
    expect(rejection).toMatchObject({
      code: 'invalid-request',
      detail: 'No event fits relaese-*.',
      fix: expect.stringContaining('release-created'),
    })
  })

  it(`are at most ${limits.webhooks}`, () => {
    const { ask, refused } = fleetOf('eu-1')
    for (let n = 0; n < limits.webhooks; n++) ask(set(`hook-${n}`))
    expect(ask(set('hook-0')).kind).toBe('record')
    expect(refused(set('one-more'))?.code).toBe('limit-reached')
  })
})

describe('a webhook', () => {
  const ready = { type: 'release-ready', v: 1, release: 'my-shop-r12', evidence: [] } as const
  const began = { type: 'token-revoked', v: 1, name: 'ci' } as const

  it.each([
    [{ events: ['*'], apps: null }, true, true],
    [{ events: ['release-*'], apps: null }, true, false],
    [{ events: ['release-ready'], apps: ['my-shop'] }, true, false],
    [{ events: ['*'], apps: ['shop'] }, false, false],
    [{ events: ['release'], apps: null }, false, false],
  ])('%j', (hook, wantsReady, wantsToken) => {
    expect([wants(hook, { ...ready, evidence: [] }), wants(hook, began)]).toEqual([
      wantsReady,
      wantsToken,
    ])
  })

  it('knows the app of an event by the release', () => {
    expect(appIn({ ...ready, evidence: [] })).toBe('my-shop')
    expect(releaseIn({ ...ready, evidence: [] })).toBe('my-shop-r12')
    expect(appIn(began)).toBeNull()
  })
})

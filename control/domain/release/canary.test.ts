/** A canary: what each step does, and how it ends. */
import { describe, expect, it } from 'vitest'
import { objectsOf } from '#wire/tree.ts'
import { createRelease } from '../fleet-of.fixture.ts'
import { snapshotOf } from '../snapshot/snapshot.ts'
import { motion, shop, until } from './shop.fixture.ts'

describe('a canary', () => {
  const steps = [
    { weight: 10, pause: until },
    { weight: 50, pause: { forMs: 60_000 } },
  ]
  const canary = (more = {}) => createRelease('shop', { strategy: 'canary', steps, ...more })

  it('takes its share step by step, and ends with everything', () => {
    const { ask, settle, view, shares, position, promote, pass } = shop()
    ask(canary())
    settle()
    expect(view()).toMatchObject({ phase: 'ready', waiting: { code: 'promote' } })
    ask(promote())
    expect(position().next).toMatchObject({ targets: ['shop-r2'] })
    settle()
    expect(shares()).toEqual({ 'shop-r2': 10, 'shop-r1': 90 })
    expect(position().split).toMatchObject({ key: { header: 'x-user-id' } })
    expect(view()).toMatchObject({
      phase: 'progressing',
      status: '10 % in eu-1, us-1; step 1 of 3',
      weights: { 'eu-1': 10, 'us-1': 10 },
      waiting: { code: 'promote' },
      steps: [{ state: 'current' }, { state: 'pending' }, { state: 'pending' }],
    })
    ask(promote())
    settle()
    expect(view().waiting).toMatchObject({ code: 'pause-time' })
    pass(59_000)
    settle()
    expect(shares()).toEqual({ 'shop-r2': 50, 'shop-r1': 50 })
    pass(1_000)
    settle()
    expect(shares()).toEqual({ 'shop-r2': 1 })
    expect(position().split).toBeUndefined()
    expect([view().phase, view('shop-r1').phase]).toEqual(['live', 'retired'])
    expect(view().rollback).toMatchObject({ ready: true, to: 'shop-r1' })
  })

  it('keeps the seed of its users through all steps', () => {
    const { ask, settle, position, promote } = shop()
    ask(canary())
    settle()
    ask(promote())
    settle()
    const first = position().split
    ask(promote())
    settle()
    expect(position().split).toEqual(first)
  })

  it('goes to the end at once when it is asked to', () => {
    const { ask, settle, view, shares, promote } = shop()
    ask(canary())
    settle()
    ask(promote())
    settle()
    ask(promote({ full: true }))
    settle()
    expect([view().phase, shares(), shares('us-1')]).toEqual([
      'live',
      { 'shop-r2': 1 },
      { 'shop-r2': 1 },
    ])
  })

  it('takes steps in single clusters', () => {
    const { ask, settle, shares, promote } = shop()
    ask(canary({ steps: [{ weight: 20, clusters: ['us-1'], pause: until }] }))
    settle()
    ask(promote())
    settle()
    expect([shares('eu-1'), shares('us-1')]).toEqual([
      { 'shop-r1': 1 },
      { 'shop-r2': 20, 'shop-r1': 80 },
    ])
  })

  it('gives its share back when it is aborted, and is given up', () => {
    const { ask, settle, view, shares, promote } = shop()
    ask(canary())
    settle()
    ask(promote())
    settle()
    ask(motion('abort'))
    expect([shares(), view().phase]).toEqual([{ 'shop-r1': 1 }, 'aborted'])
    settle()
    expect([view().phase, view('shop-r1').phase, view().status]).toEqual([
      'aborted',
      'live',
      'aborted',
    ])
  })

  it('gives its share back when it is rolled back, and can begin anew', () => {
    const { ask, settle, view, shares, promote } = shop()
    ask(canary())
    settle()
    ask(promote())
    settle()
    ask(motion('rollback'))
    settle()
    expect([shares(), view().phase]).toEqual([{ 'shop-r1': 1 }, 'retired'])
    ask(promote())
    settle()
    expect([shares(), view().phase]).toEqual([{ 'shop-r2': 10, 'shop-r1': 90 }, 'progressing'])
  })

  it('keeps its share and pauses when an agent refuses the next step', () => {
    const { ask, settle, view, shares, position, promote, report, state } = shop()
    ask(canary())
    settle()
    ask(promote())
    settle()
    ask(promote())
    const { revision } = state().clusters.get('eu-1')!
    const refusal = { code: 'does-not-compile' as const, revision, reason: 'no', count: 1 }
    const positions = {
      shop: { prepared: 0, active: position().generation, appliedMs: 1, activeForMs: 1 },
    }
    report('eu-1', 'eu-1-a', { revision: revision - 1, refusals: [refusal], positions })
    expect(view()).toMatchObject({ phase: 'progressing', paused: { by: 'fleet' } })
    expect(shares()).toEqual({ 'shop-r2': 10, 'shop-r1': 90 })
    settle()
    expect(view().waiting).toMatchObject({ code: 'paused' })
  })

  it('answers those with the header or the cookie of its target from the beginning', () => {
    const { ask, settle, state } = shop()
    const target = {
      header: { name: 'x-team', value: 'qa' },
      cookie: { name: 'canary', value: '1' },
    }
    ask(canary({ target }))
    settle()
    const routes = [...objectsOf(snapshotOf(state(), 'eu-1'))].filter((one) => one.kind === 'route')
    expect(routes.filter((one) => one.release === 'shop-r2').map((one) => one.matches)).toEqual([
      [expect.objectContaining({ headers: [target.header] })],
      [expect.objectContaining({ cookies: [target.cookie] })],
    ])
  })

  it('is refused when a step would take users back, or names a foreign cluster', () => {
    const { refused } = shop()
    const shrinking = refused(canary({ steps: [{ weight: 50 }, { weight: 20 }] }))
    expect(shrinking).toMatchObject({
      code: 'invalid-request',
      errors: [{ pointer: '/steps/1/weight' }],
    })
    const foreign = refused(
      canary({ clusters: ['eu-1'], steps: [{ weight: 50, clusters: ['us-1'] }] }),
    )
    expect(foreign).toMatchObject({ errors: [{ pointer: '/steps/0/clusters' }] })
  })
})

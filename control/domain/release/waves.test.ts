/** Waves: cluster by cluster, each behind its own gate. */
import { describe, expect, it } from 'vitest'
import { createRelease } from '../fleet-of.fixture.ts'
import { motion, shop, until } from './shop.fixture.ts'

describe('waves', () => {
  it('take clusters one after another, each behind its own gate', () => {
    const { ask, settle, view, shares, promote } = shop()
    ask(createRelease('shop', { waves: [{ clusters: ['us-1'], pause: until }] }))
    settle()
    ask(promote())
    settle()
    expect([shares('eu-1'), shares('us-1')]).toEqual([{ 'shop-r1': 1 }, { 'shop-r2': 1 }])
    expect(view()).toMatchObject({ phase: 'progressing', waiting: { code: 'promote' } })
    expect(view('shop-r1').phase).toBe('live')
    ask(promote())
    settle()
    expect([view().phase, view('shop-r1').phase]).toEqual(['live', 'retired'])
  })

  it('count the agents of each cluster that has had its turn', () => {
    const { ask, settle, view, promote } = shop()
    const states = (id?: string) => view(id).agents.map(({ cluster, state }) => [cluster, state])
    ask(createRelease('shop', { waves: [{ clusters: ['us-1'], pause: until }] }))
    settle()
    ask(promote())
    settle()
    expect(states()).toEqual([
      ['eu-1', 'pending'],
      ['us-1', 'active'],
    ])
    ask(promote())
    settle()
    expect(states()).toEqual([
      ['eu-1', 'active'],
      ['us-1', 'active'],
    ])
  })

  it('go back where they have been', () => {
    const { ask, settle, view, shares, promote } = shop()
    ask(createRelease('shop', { waves: [{ clusters: ['us-1'], pause: until }] }))
    settle()
    ask(promote())
    settle()
    ask(motion('rollback'))
    settle()
    expect([shares('us-1'), view().phase, view('shop-r1').phase]).toEqual([
      { 'shop-r1': 1 },
      'retired',
      'live',
    ])
  })
})

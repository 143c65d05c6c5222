/** The installation: its clusters, agents, tokens and epochs, and their limits. */
import { describe, expect, it } from 'vitest'
import { digestOf } from '#wire/digest.ts'
import { limits } from '#wire/limits.ts'
import { enrol, fleetOf, hash } from '../fleet-of.fixture.ts'
import type { Intent } from '../input.ts'

describe('the installation', () => {
  it('begins once; a later init adds clusters and replaces tokens', () => {
    const { ask, last } = fleetOf('eu-1')
    const other = digestOf('other')
    const clusters = [
      { name: 'eu-1', enrolmentTokenHash: other },
      { name: 'us-1', enrolmentTokenHash: hash },
    ]
    ask({ type: 'init', epochId: '1'.repeat(16), clusters, adminTokenHash: null })
    expect(last().events.map((event) => event.type)).toEqual([
      'enrolment-token-replaced',
      'cluster-added',
    ])
  })

  it(`has at most ${limits.clusters} clusters`, () => {
    const named = (count: number) =>
      Array.from({ length: count }, (_, n) => ({ name: `c-${n}`, enrolmentTokenHash: hash }))
    const init = (count: number): Intent => ({
      type: 'init',
      epochId: '1'.repeat(16),
      clusters: named(count),
      adminTokenHash: null,
    })
    const { ask, refused } = fleetOf()
    expect(ask(init(limits.clusters)).kind).toBe('record')
    expect(refused(init(limits.clusters + 1))?.code).toBe('limit-reached')
  })

  it('recovers only under a higher epoch, and then every cluster is published anew', () => {
    const { ask, refused, state } = fleetOf('eu-1')
    const recover = (epochNumber: number): Intent => ({
      type: 'recover',
      epochId: 'f'.repeat(16),
      epochNumber,
    })
    expect(refused(recover(1))).toMatchObject({ code: 'invalid-request' })
    expect(ask(recover(3)).kind).toBe('record')
    expect(state().epoch).toEqual({ number: 3, id: 'f'.repeat(16) })
    expect(state().clusters.get('eu-1')?.revision).toBe(state().position)
  })

  it(`enrols at most ${limits.agentsPerCluster} agents a cluster, and one of them again`, () => {
    const { ask, refused } = fleetOf('eu-1')
    expect(refused(enrol('mars', 'a'))?.code).toBe('unknown-cluster')
    for (let n = 0; n < limits.agentsPerCluster; n++) {
      expect(ask(enrol('eu-1', `a-${n}`)).kind).toBe('record')
    }
    expect(refused(enrol('eu-1', 'one-more'))?.code).toBe('limit-reached')
    expect(ask(enrol('eu-1', 'a-0')).kind).toBe('record')
  })

  it('forgets only agents that it knows', () => {
    const { refused } = fleetOf('eu-1')
    const forget = (cluster: string): Intent => ({ type: 'forget-agent', cluster, agent: 'x' })
    expect(refused(forget('eu-1'))?.code).toBe('unknown-agent')
    expect(refused(forget('mars'))?.code).toBe('unknown-cluster')
  })

  it(`keeps at most ${limits.tokens} tokens, and revokes only those that it has`, () => {
    const { ask, refused, state } = fleetOf('eu-1')
    const create = (name: string): Intent => ({
      type: 'create-token',
      name,
      scope: 'read',
      tokenHash: hash,
    })
    for (let n = 1; n < limits.tokens; n++) expect(ask(create(`t-${n}`)).kind).toBe('record')
    expect(refused(create('one-more'))?.code).toBe('limit-reached')
    expect(ask(create('t-1')).kind).toBe('record')
    expect(ask({ type: 'revoke-token', name: 't-1' }).kind).toBe('record')
    expect(refused({ type: 'revoke-token', name: 't-1' })?.code).toBe('not-found')
    expect(state().tokens.has('t-1')).toBe(false)
  })
})

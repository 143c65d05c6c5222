/** Stored events are parsed before they are believed, and older ones are brought up to date. */
import { describe, expect, it } from 'vitest'
import { parseEvent } from './event.ts'
import { parseRecord, recordText } from './record.ts'

const revoked = { type: 'token-revoked', v: 1, name: 'ci' }

describe('a stored event', () => {
  it('is read as what it is', () => {
    expect(parseEvent(revoked)).toEqual(revoked)
  })

  it.each([
    ['an unknown fact', { type: 'token-lost', v: 1, name: 'ci' }],
    ['a later version', { ...revoked, v: 2 }],
    ['a missing field', { type: 'token-revoked', v: 1 }],
    ['a field too many', { ...revoked, why: 'because' }],
    ['no event at all', null],
  ])('stops the program when it is %s', (_, stored) => {
    expect(() => parseEvent(stored)).toThrow()
  })

  it('of an older version is upcast step by step', () => {
    const older = { type: 'token-dropped', v: 1, id: 'ci' }
    const steps = {
      'token-dropped v1': ({ id }: Readonly<Record<string, unknown>>) => ({
        type: 'token-dropped',
        v: 2,
        name: id,
      }),
    }
    expect(() => parseEvent(older, steps)).toThrow()
    const renamed = { 'token-revoked v0': () => revoked }
    expect(() => parseEvent({ ...revoked, v: 0 }, renamed)).toThrow()
    const skips = { 'token-revoked v1': () => ({ ...revoked, v: 3 }) }
    expect(() => parseEvent(revoked, skips)).toThrow('skips a version')
  })
})

describe('a stored record', () => {
  const record = {
    v: 1,
    at: 1,
    position: 3,
    actor: 'clock',
    input: { kind: 'alarm', type: null },
    idempotency: null,
    answer: null,
    events: [],
  } as const

  it('is canonical text and comes back as it was', () => {
    expect(parseRecord(recordText(record), 3)).toEqual(record)
  })

  it('stops the program when it is damaged or somewhere else', () => {
    expect(() => parseRecord(recordText(record), 4)).toThrow('says that it is number 3')
    expect(() => parseRecord(recordText(record).slice(1), 3)).toThrow()
    expect(() => parseRecord(JSON.stringify({ ...record, v: 2 }), 3)).toThrow()
  })
})

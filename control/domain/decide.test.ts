/** What a turn records, and when it does not. */
import { describe, expect, it } from 'vitest'
import { digestOf } from '#wire/digest.ts'
import { fleetOf, hash, liveShop, putApp } from './fleet-of.fixture.ts'
import { bodyDigestOf, recordText } from './record.ts'
import { rebuild, snapshotOf } from './snapshot/snapshot.ts'

describe('a record', () => {
  it('is made for an accepted intent even when nothing changes, and answers its repetition', () => {
    const { ask, refused, last, state } = fleetOf('eu-1')
    ask(putApp('shop'))
    const { root } = snapshotOf(state(), 'eu-1')
    ask(putApp('shop'), { key: 'again' })
    expect(last()).toMatchObject({ events: [], answer: { status: 200 } })
    expect(snapshotOf(state(), 'eu-1').root).toBe(root)
    expect(ask(putApp('shop'), { key: 'again' })).toEqual({
      kind: 'repeated',
      position: last().position,
    })
    const other = refused(putApp('shop', { copies: 2 }), { key: 'again' })
    expect(other?.code).toBe('idempotency-key-reused')
  })

  it('does not tell a repeated call apart by the secret that was made for it', () => {
    const token = (tokenHash: string) =>
      bodyDigestOf({ type: 'create-token', name: 'ci', scope: 'read', tokenHash })
    expect(token(hash)).toBe(token(digestOf('another')))
  })

  it('is the same bytes for the same prefix, and no record is made of a report that changes nothing', () => {
    const [one, two] = [liveShop(), liveShop()]
    expect(recordText(one.last())).toBe(recordText(two.last()))
    expect(one.state()).toEqual(two.state())
    expect(one.report('eu-1', 'eu-1-a').kind).toBe('nothing')
    const { state } = one
    expect(rebuild(state(), 'eu-1').root).toBe(snapshotOf(state(), 'eu-1').root)
  })
})

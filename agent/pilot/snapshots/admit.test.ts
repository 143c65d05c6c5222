import { beforeAll, describe, expect, it } from 'vitest'
import type { RefusalCode } from '#wire/codes.ts'
import { currentFormat, supportedFormats } from '#wire/header.ts'
import { limits } from '#wire/limits.ts'
import { announce, bytesOf, createSigner, headerOf, type Signer, shop } from '../fleet.fixture.ts'
import { admit, type Refused, type Trust } from './admit.ts'

const tree = shop(1, 'shop-r1')
const held = headerOf(tree, { revision: 5 })
let control: Signer
let trust: Trust

beforeAll(async () => {
  control = await createSigner()
  trust = { cluster: 'eu-1', keys: () => control.pinned, formats: supportedFormats }
})

async function refusal(bytes: Uint8Array): Promise<RefusalCode> {
  const outcome = await admit(bytes, held, trust)
  expect(outcome.ok).toBe(false)
  return (outcome as Refused).code
}

describe('the gate for announcements', () => {
  it('lets a newer header of this cluster in, with its changes', async () => {
    const message = await announce(control, headerOf(tree, { revision: 6 }), { remove: ['x'] })
    const outcome = await admit(bytesOf(message), held, trust)
    expect(outcome).toMatchObject({ ok: true, precedence: 'newer', header: { revision: 6 } })
    expect(outcome.ok && outcome.announcement.remove).toEqual(['x'])
  })

  it('knows the held header when it comes once more', async () => {
    const outcome = await admit(bytesOf(await announce(control, held)), held, trust)
    expect(outcome).toMatchObject({ ok: true, precedence: 'same' })
  })

  it('takes a lower revision of a higher epoch: control was recovered', async () => {
    const epoch = { number: 2, id: 'fedcba9876543210' }
    const message = await announce(control, headerOf(tree, { epoch, revision: 1 }))
    expect((await admit(bytesOf(message), held, trust)).ok).toBe(true)
  })

  it('takes a message of exactly the largest size and refuses one byte more', async () => {
    const text = JSON.stringify(await announce(control, headerOf(tree, { revision: 6 })))
    const padded = (bytes: number) => Buffer.from(text.padEnd(bytes, ' '))
    expect((await admit(padded(limits.announcementBytes), held, trust)).ok).toBe(true)
    expect(await refusal(padded(limits.announcementBytes + 1))).toBe('oversize')
  })

  it.each([
    ['not JSON', '{"header":'],
    ['not UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['null', 'null'],
    ['without a seal', '{}'],
    ['with a broken seal', '{"header":{"payload":"!","keyId":"x","signature":"y"}}'],
  ])('refuses what is %s as malformed', async (_what, text) => {
    expect(await refusal(Buffer.from(text))).toBe('malformed')
  })

  it('refuses corrupt bytes by their signature, before it reads a header', async () => {
    const message = await announce(control, headerOf(tree, { revision: 6 }))
    const { payload } = message.header
    const other = payload[10] === 'A' ? 'B' : 'A'
    const corrupt = payload.slice(0, 10) + other + payload.slice(11)
    const bytes = bytesOf({ ...message, header: { ...message.header, payload: corrupt } })
    expect(await refusal(bytes)).toBe('bad-signature')
  })

  it('refuses a forger: a key that is not pinned, or one that pretends to be', async () => {
    const forger = await createSigner()
    const message = await announce(forger, headerOf(tree, { revision: 6 }))
    expect(await refusal(bytesOf(message))).toBe('unknown-key')
    const header = { ...message.header, keyId: control.key.keyId }
    expect(await refusal(bytesOf({ ...message, header }))).toBe('bad-signature')
  })

  it('refuses a signed header that is not one as malformed', async () => {
    const message = await announce(control, { ...headerOf(tree), revision: -1 })
    expect(await refusal(bytesOf(message))).toBe('malformed')
  })

  it('refuses changes that are not objects, though the header is right', async () => {
    const message = await announce(control, headerOf(tree, { revision: 6 }))
    const outcome = await admit(bytesOf({ ...message, put: [{ kind: 'cat' }] }), held, trust)
    expect(outcome).toMatchObject({ ok: false, code: 'malformed', revision: 6 })
  })

  it.each<[RefusalCode, string, Parameters<typeof headerOf>[1]]>([
    ['foreign-cluster', "another cluster's header", { cluster: 'us-1', revision: 6 }],
    ['older', 'a replayed revision', { revision: 4 }],
    ['older', 'an older epoch', { epoch: { number: 1, id: '0123456789abcdef' }, revision: 0 }],
    ['fork', 'the held revision with another digest', { revision: 5, digest: 'a'.repeat(64) }],
    ['fork', 'the held epoch with another id', { epoch: { number: 1, id: 'f'.repeat(16) } }],
    ['future-format', 'a format from the future', { format: currentFormat + 1, revision: 6 }],
  ])('refuses as %s: %s', async (code, _what, changes) => {
    expect(await refusal(bytesOf(await announce(control, headerOf(tree, changes))))).toBe(code)
  })
})

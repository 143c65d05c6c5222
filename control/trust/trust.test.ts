import { describe, expect, it } from 'vitest'
import { open, pinKeys, seal } from '#wire/signature.ts'
import { loadKeys, makeKeys, storedKeys } from './keys.ts'
import {
  findByHash,
  hashToken,
  includesScope,
  looksLikeToken,
  makeToken,
  sameHash,
} from './tokens.ts'

describe('signing keys', () => {
  it('come as a signing key and a spare, both to be pinned', async () => {
    const stored = storedKeys.parse(JSON.parse(JSON.stringify(await makeKeys())))
    const keys = await loadKeys(stored)
    expect(new Set(keys.publicKeys).size).toBe(2)
    const message = await seal(new Uint8Array([1, 2, 3]), keys.signing)
    const opened = await open(message, await pinKeys(keys.publicKeys))
    expect(opened).toEqual({ payload: new Uint8Array([1, 2, 3]) })
  })

  it('are refused when the halves do not belong together', async () => {
    const [a, b] = [await makeKeys(), await makeKeys()]
    const mixed = { ...a, keys: [{ ...a.keys[0]!, publicKey: b.keys[0]!.publicKey }, a.keys[1]!] }
    await expect(loadKeys(mixed)).rejects.toThrow('does not belong')
  })
})

describe('tokens', () => {
  it('say what they are for, are never the same twice, and are kept as hashes', () => {
    const [a, b] = [makeToken('admin'), makeToken('admin')]
    expect(a.token).toMatch(/^swy_admin_[\w-]{43}$/)
    expect(a.token).not.toBe(b.token)
    expect(a.tokenHash).toBe(hashToken(a.token))
    expect(a.tokenHash).not.toContain(a.token)
  })

  it('are recognised by form before anything is hashed', () => {
    expect(looksLikeToken(makeToken('enrol').token)).toBe(true)
    for (const text of [
      '',
      'swy_admin_',
      'swy_root_'.padEnd(60, 'x'),
      `${makeToken('read').token}x`,
    ]) {
      expect(looksLikeToken(text)).toBe(false)
    }
  })

  it('are found among many by the whole hash', () => {
    const tokens = Array.from({ length: 50 }, () => makeToken('agent').tokenHash)
    for (const hash of tokens) expect(findByHash(tokens, (other) => other, hash)).toBe(hash)
    expect(findByHash(tokens, (other) => other, hashToken('x'))).toBeUndefined()
    expect(sameHash('ab', 'abc')).toBe(false)
    expect(sameHash('abc', 'ab')).toBe(false)
    expect(sameHash('', '')).toBe(true)
  })

  it('include the lesser scopes', () => {
    const scopes = ['read', 'release', 'admin'] as const
    const table = scopes.map((held) => scopes.map((needed) => includesScope(held, needed)))
    expect(table).toEqual([
      [true, false, false],
      [true, true, false],
      [true, true, true],
    ])
  })
})

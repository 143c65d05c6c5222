/**
 * Bearer tokens (DESIGN D14): random, shown once, kept only as SHA-256 hashes in the log. A token carries
 * 256 random bits, so a plain hash is enough; the readable prefix says what was leaked and to whom it
 * matters (`swy_admin_…`).
 */
import { sha256Hex } from '#wire/sha256.ts'
import { toBase64url } from '#wire/signature.ts'
import type { Scope } from '../domain/input.ts'

export type TokenKind = Scope | 'enrol' | 'agent'

const encoder = new TextEncoder()
const tokenText = /^swy_(admin|release|read|enrol|agent)_[A-Za-z0-9_-]{43}$/

export interface NewToken {
  /** The secret itself: goes to its owner and nowhere else. */
  readonly token: string
  readonly tokenHash: string
}

export function makeToken(kind: TokenKind): NewToken {
  const secret = toBase64url(crypto.getRandomValues(new Uint8Array(32)))
  const token = `swy_${kind}_${secret}`
  return { token, tokenHash: hashToken(token) }
}

/** Lower-case hex SHA-256 of the token's text. */
export const hashToken = (token: string): string => sha256Hex(encoder.encode(token))

/** Worth hashing and comparing at all. */
export const looksLikeToken = (text: string): boolean => tokenText.test(text)

/** Equal hashes, in a time that depends on nothing but their length. */
export function sameHash(a: string, b: string): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i)
  return difference === 0
}

/** The first holder of `tokenHash`; looks at every one, so that time does not tell which it was. */
export function findByHash<T>(
  holders: Iterable<T>,
  hashOf: (holder: T) => string,
  tokenHash: string,
): T | undefined {
  let found: T | undefined
  for (const holder of holders) if (sameHash(hashOf(holder), tokenHash)) found ??= holder
  return found
}

/** `admin` may everything, `release` moves traffic and reads, `read` reads. */
const ranks = { read: 0, release: 1, admin: 2 } as const

export const includesScope = (held: Scope, needed: Scope): boolean => ranks[held] >= ranks[needed]

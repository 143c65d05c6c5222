/**
 * Canonical bytes and their SHA-256: the same value has the same bytes in every program and runtime
 * (RFC 8785, JSON Canonicalization Scheme), so a digest names a value.
 */

import canonicalize from 'canonicalize'
import { sha256Hex } from '#wire/sha256.ts'

const encoder = new TextEncoder()

/** RFC 8785 text. Throws on values that JSON cannot hold (a bug: inputs are parsed before). */
export function canonicalText(value: unknown): string {
  const text = canonicalize(value)
  if (text === undefined) throw new TypeError('not a JSON value')
  return text
}

export const canonicalBytes = (value: unknown): Uint8Array => encoder.encode(canonicalText(value))

/** Digest of a JSON value: SHA-256 over its canonical bytes, lower-case hex. */
export const digestOf = (value: unknown): string => sha256Hex(canonicalBytes(value))

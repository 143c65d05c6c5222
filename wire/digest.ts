/**
 * Canonical bytes and their SHA-256: the same value has the same bytes in every program and runtime
 * (RFC 8785, JSON Canonicalization Scheme), so a digest names a value.
 */
import { sha256 as sha256Bytes } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import canonicalize from 'canonicalize'

const encoder = new TextEncoder()

/** RFC 8785 text. Throws on values that JSON cannot hold (a bug: inputs are parsed before). */
export function canonicalText(value: unknown): string {
  const text = canonicalize(value)
  if (text === undefined) throw new TypeError('not a JSON value')
  return text
}

export const canonicalBytes = (value: unknown): Uint8Array => encoder.encode(canonicalText(value))

export const sha256 = (bytes: Uint8Array): Uint8Array => sha256Bytes(bytes)
export const sha256Hex = (bytes: Uint8Array): string => bytesToHex(sha256Bytes(bytes))

/** Digest of a JSON value: SHA-256 over its canonical bytes, lower-case hex. */
export const digestOf = (value: unknown): string => sha256Hex(canonicalBytes(value))

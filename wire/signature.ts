/**
 * Ed25519 (RFC 8032) over exact bytes, by WebCrypto, the same in Node and on Workers. A sealed message
 * carries its payload as the very bytes that were signed: a receiver verifies first and decodes after.
 */
import { z } from 'zod'
import { sha256Hex } from '#wire/sha256.ts'

export const publicKeyText = z.base64url().length(43)

export const sealed = z.strictObject({
  /** The signed bytes, base64url without padding. */
  payload: z.base64url(),
  keyId: z.string().regex(/^[0-9a-f]{16}$/),
  signature: z.base64url().length(86),
})
export type Sealed = z.infer<typeof sealed>

export interface SigningKey {
  readonly keyId: string
  /** Raw public key, 32 bytes, base64url. */
  readonly publicKey: string
  readonly privateKey: CryptoKey
}

/** Pinned public keys by id, as `verifier` makes them. */
export type PinnedKeys = ReadonlyMap<string, CryptoKey>

const algorithm = { name: 'Ed25519' } as const

/** First 16 hex digits of the SHA-256 of the raw public key. */
export const keyIdOf = (publicKey: string): string =>
  sha256Hex(fromBase64url(publicKey)).slice(0, 16)

/** A new key pair and its private half as PKCS #8, base64url, to be kept with mode 0600. */
export async function generateKey(): Promise<{ key: SigningKey; pkcs8: string }> {
  const pair = (await crypto.subtle.generateKey(algorithm, true, [
    'sign',
    'verify',
  ])) as CryptoKeyPair
  const publicKey = toBase64url(
    new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)),
  )
  const pkcs8 = toBase64url(new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey)))
  return { key: { keyId: keyIdOf(publicKey), publicKey, privateKey: pair.privateKey }, pkcs8 }
}

export async function loadKey(stored: { pkcs8: string; publicKey: string }): Promise<SigningKey> {
  const bytes = fromBase64url(stored.pkcs8)
  const privateKey = await crypto.subtle.importKey('pkcs8', bytes, algorithm, false, ['sign'])
  return { keyId: keyIdOf(stored.publicKey), publicKey: stored.publicKey, privateKey }
}

export async function pinKeys(publicKeys: readonly string[]): Promise<PinnedKeys> {
  const pinned = new Map<string, CryptoKey>()
  for (const text of publicKeys) {
    const key = await crypto.subtle.importKey('raw', fromBase64url(text), algorithm, false, [
      'verify',
    ])
    pinned.set(keyIdOf(text), key)
  }
  return pinned
}

export async function seal(payload: Uint8Array, key: SigningKey): Promise<Sealed> {
  const signature = await crypto.subtle.sign(algorithm, key.privateKey, payload as BufferSource)
  return {
    payload: toBase64url(payload),
    keyId: key.keyId,
    signature: toBase64url(new Uint8Array(signature)),
  }
}

/** The payload's bytes when a pinned key signed them; otherwise why not. */
export async function open(
  message: Sealed,
  keys: PinnedKeys,
): Promise<{ payload: Uint8Array } | { refused: 'unknown-key' | 'bad-signature' }> {
  const key = keys.get(message.keyId)
  if (!key) return { refused: 'unknown-key' }
  const payload = fromBase64url(message.payload)
  const signature = fromBase64url(message.signature)
  const valid = await crypto.subtle.verify(algorithm, key, signature, payload)
  return valid ? { payload } : { refused: 'bad-signature' }
}

export const toBase64url = (bytes: Uint8Array): string =>
  bytes.toBase64({ alphabet: 'base64url', omitPadding: true })

/** Throws on text that is not base64url (callers parse with zod first). */
export const fromBase64url = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.fromBase64(text, { alphabet: 'base64url' })

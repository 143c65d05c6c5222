/**
 * Control's signing keys (DESIGN D3, D14): one signs, and every public half is pinned by agents when they
 * enrol. A spare is made at `init` and pinned from the first day, so that the signing key can be replaced
 * without visiting an agent.
 */
import { z } from 'zod'
import {
  generateKey,
  loadKey,
  open,
  pinKeys,
  publicKeyText,
  type SigningKey,
  seal,
} from '#wire/signature.ts'

const encoder = new TextEncoder()

const storedKey = z.strictObject({ pkcs8: z.base64url().max(256), publicKey: publicKeyText })

export const storedKeys = z.strictObject({
  /** Format of this file. */
  version: z.literal(1),
  /** The first one signs; the others are spares. */
  keys: z.array(storedKey).min(2).max(16),
})
export type StoredKeys = z.infer<typeof storedKeys>

export interface ControlKeys {
  readonly signing: SigningKey
  /** Raw public keys, base64url: what agents pin. */
  readonly publicKeys: readonly string[]
}

/** A signing key and a spare, as they are stored with mode 0600. */
export async function makeKeys(): Promise<StoredKeys> {
  const pairs = [await generateKey(), await generateKey()]
  const keys = pairs.map(({ key, pkcs8 }) => ({ pkcs8, publicKey: key.publicKey }))
  return { version: 1, keys }
}

/** Throws when a private key does not belong to its public key (a bug or a damaged file). */
export async function loadKeys(stored: StoredKeys): Promise<ControlKeys> {
  const publicKeys = stored.keys.map((key) => key.publicKey)
  const signing = await loadKey(stored.keys[0]!)
  const proof = await seal(encoder.encode('switchyard'), signing)
  const opened = await open(proof, await pinKeys(publicKeys.slice(0, 1)))
  if ('refused' in opened) throw new Error('the signing key does not belong to its public key')
  return { signing, publicKeys }
}

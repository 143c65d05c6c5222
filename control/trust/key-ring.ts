/**
 * The private halves of control's keys, in memory and in `keys.json`. The log says which of them count; the
 * file always holds at least those, so a crash at any step leaves at most one key too many in it:
 *
 *   add        file ▸ log       a key that the log does not name is used by the next `add`
 *   activate   log ▸ file       the file's order is mended at the next start
 *   retire     log ▸ file       the key is dropped from the file at the next start
 */
import { generateKey, keyIdOf, loadKey, type SigningKey } from '#wire/signature.ts'
import type { KnownKeys } from '../domain/state.ts'
import { loadKeys, type StoredKeys, storedKeys } from './keys.ts'

export interface KeyRing {
  /** As the file says: the first one signs. Without a key that was made and is not in the log yet. */
  known(): KnownKeys
  /** Throws when its private half is not here. */
  signing(keyId: string): SigningKey
  /** A key that `held` does not name: durable, with mode 0600, once it resolves. */
  make(held: KnownKeys | null): Promise<string>
  /** The log has spoken: the file holds exactly these, the signing one first. Throws when one is missing. */
  settle(held: KnownKeys): void
}

type Kept = StoredKeys['keys'][number]

/** Throws when the file is damaged, or a private key does not belong to its public key. */
export async function openKeyRing(
  store: { writeKeys(keys: StoredKeys): void },
  stored: StoredKeys,
): Promise<KeyRing> {
  await loadKeys(stored)
  let keys = stored.keys
  const loaded = new Map<string, SigningKey>()
  for (const key of keys) loaded.set(keyIdOf(key.publicKey), await loadKey(key))
  /** Not in the log as far as is known: `init` makes two, so a third one was made by an `add` that was cut. */
  const unused = new Set(keys.slice(madeByInit).map(({ publicKey }) => publicKey))

  function write(next: readonly Kept[]): void {
    const file = storedKeys.parse({ version: 1, keys: next })
    store.writeKeys(file)
    keys = file.keys
  }

  return {
    known() {
      const used = keys.filter((key) => !unused.has(key.publicKey))
      return { publicKeys: used.map((key) => key.publicKey), signing: keyIdOf(used[0]!.publicKey) }
    },
    signing(keyId) {
      const key = loaded.get(keyId)
      if (!key) throw new Error(missing([keyId]))
      return key
    },
    async make(held) {
      const spare = keys.find(({ publicKey }) =>
        held ? !held.publicKeys.includes(publicKey) : unused.has(publicKey),
      )
      if (spare) return spare.publicKey
      const { key, pkcs8 } = await generateKey()
      // A full file takes no more; the log refuses it as well.
      if (keys.length < storedKeysMax) {
        write([...keys, { pkcs8, publicKey: key.publicKey }])
        loaded.set(key.keyId, key)
        unused.add(key.publicKey)
      }
      return key.publicKey
    },
    settle({ publicKeys, signing }) {
      const first = (key: string) => (keyIdOf(key) === signing ? 0 : 1)
      const order = publicKeys.toSorted((a, b) => first(a) - first(b))
      const wanted = order.map((publicKey) => keys.find((key) => key.publicKey === publicKey))
      const found = wanted.filter((key) => key !== undefined)
      if (found.length < order.length) {
        throw new Error(missing(order.filter((_, n) => !wanted[n]).map(keyIdOf)))
      }
      for (const key of publicKeys) unused.delete(key)
      const same = found.length === keys.length && found.every((key, n) => key === keys[n])
      if (!same) write(found)
    },
  }
}

const storedKeysMax = 16
const madeByInit = 2

const missing = (keyIds: readonly string[]): string =>
  `keys.json lacks ${keyIds.join(', ')}, which the log names: restore keys.json from a backup of this log`

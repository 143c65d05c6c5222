/** Changes of keys, one at a time: the private half is durable before the log names it, and gone after. */
import { generateKey } from '#wire/signature.ts'
import type { KeyDesk } from '../api/keys.ts'
import type { State } from '../domain/state.ts'
import type { KeyRing } from './key-ring.ts'

export function createKeyDesk(
  ring: KeyRing,
  state: () => State,
  /** What it signs counts as ours from now on. */
  trust: (publicKey: string) => Promise<void>,
): KeyDesk {
  let last: Promise<unknown> = Promise.resolve()

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = last.then(work)
    last = done.catch(() => {})
    return done
  }
  async function settled<T>(work: Promise<T>): Promise<T> {
    const result = await work
    const { keys } = state()
    if (keys) ring.settle(keys)
    return result
  }

  return {
    known: () => state().keys ?? ring.known(),
    tried: async () => (await generateKey()).key.publicKey,
    add: (ask) =>
      inTurn(async () => {
        const before = state().keys
        const publicKey = await ring.make(before)
        await trust(publicKey)
        const result = await ask(publicKey)
        // Refused: the key stays for the next one that asks.
        const { keys } = state()
        if (keys?.publicKeys.includes(publicKey)) ring.settle(keys)
        return result
      }),
    change: (ask) => inTurn(() => settled(ask())),
  }
}

/**
 * Signing keys in a simulated life: what operators ask for, and what an agent pins. Nothing is signed here;
 * what counts is that no header is ever published under a key that an enrolled agent would refuse.
 */
import assert from 'node:assert/strict'
import { precedence } from '#wire/header.ts'
import { keysKey } from '#wire/object.ts'
import { keyIdOf } from '#wire/signature.ts'
import { find } from '#wire/tree.ts'
import type { Publication } from '../../control/delivery/publisher-port.ts'
import type { Intent } from '../../control/domain/input.ts'
import type { KnownKeys, State } from '../../control/domain/state.ts'
import type { Random } from './random.ts'

const publicKey = (digit: string) => `${digit.repeat(42)}A`

/** What `init` made. */
export const firstKeys: KnownKeys = {
  publicKeys: [publicKey('0'), publicKey('1')],
  signing: keyIdOf(publicKey('0')),
}
export const keysOf = (state: State): KnownKeys => state.keys ?? firstKeys

export function changeKeys(random: Random, state: State): Intent {
  const known = firstKeys
  const wish = random.next()
  if (wish < 0.35) return { type: 'add-key', newKey: `${random.hex(42)}A`, known }
  const keyId = keyIdOf(random.pick(keysOf(state).publicKeys))
  return { type: wish < 0.7 ? 'activate-key' : 'retire-key', keyId, known }
}

export interface ModelPins {
  ids(): readonly string[]
  /** The snapshot is held: its keys are pinned, on disk, unless newer ones are. */
  follow(publication: Publication): void
}

export function createModelPins(enrolledWith: readonly string[]): ModelPins {
  let pinned = enrolledWith
  let since: Publication | null = null
  const version = ({ epoch, revision, tree: { root: digest } }: Publication) => ({
    epoch,
    revision,
    digest,
  })
  return {
    ids: () => pinned.map(keyIdOf),
    follow(publication) {
      const named = find(publication.tree, keysKey)
      if (named?.kind !== 'keys') return
      if (since && precedence(version(publication), version(since)) !== 'newer') return
      pinned = named.publicKeys
      since = publication
    },
  }
}

interface Pinning {
  readonly agent: string
  pinnedKeys(): readonly string[]
}

/** Whether it is up or not: it would refuse the header for ever. */
export function nobodyRefuses(agents: readonly Pinning[], state: State): void {
  const { signing } = keysOf(state)
  for (const agent of agents) {
    assert(agent.pinnedKeys().includes(signing), `${agent.agent} has not pinned ${signing}`)
  }
}

/** At rest: exactly what the log names. */
export function pinnedExactly(agents: readonly Pinning[], state: State): void {
  const wanted = keysOf(state).publicKeys.map(keyIdOf).sort()
  for (const agent of agents) assert.deepEqual([...agent.pinnedKeys()].sort(), wanted, agent.agent)
}

/**
 * Rotation of signing keys: add ▸ activate ▸ retire, each allowed only once every enrolled agent says what
 * makes it safe. Agents pin the keys that their snapshot names, so no step needs a visit to one of them.
 *
 *   activate   every agent has pinned the key: none would refuse what it signs
 *   retire     every agent holds what the signing key has signed, and has pinned all keys that stay
 */
import { limits } from '#wire/limits.ts'
import { agentPlace } from '#wire/names.ts'
import { keyIdOf } from '#wire/signature.ts'
import type { Ruling } from '../decide.ts'
import type { AgentRef, DomainEvent } from '../event.ts'
import type { Intent } from '../input.ts'
import { reject } from '../rejections.ts'
import type { Fleet } from '../reports/fleet.ts'
import { currentReport } from '../reports/reading.ts'
import { agentsOf, type KnownKeys, type State } from '../state.ts'
import { formatFault } from './content-fault.ts'

export type KeyIntent = Extract<Intent, { type: 'add-key' | 'activate-key' | 'retire-key' }>

/** The signing key and one spare, always. */
const keysMin = 2

export interface KeyView {
  readonly keyId: string
  readonly publicKey: string
  readonly state: 'signing' | 'spare'
  /** Enrolled agents that do not report it as pinned. */
  readonly missing: readonly AgentRef[]
}

export function decideKeys(state: State, fleet: Fleet, intent: KeyIntent): Ruling {
  const held = state.keys ?? intent.known
  if (state.format < 2) return { rejection: formatFault(state, fleet, 'The rotation of keys') }
  if (intent.type === 'add-key') return add(held, intent.newKey)
  const { keyId } = intent
  if (!held.publicKeys.some((key) => keyIdOf(key) === keyId)) {
    return reject('not-found', `No key has the id "${keyId}".`, {
      fix: 'List them with GET /v1/keys.',
    })
  }
  return intent.type === 'activate-key'
    ? activate(state, fleet, held, keyId)
    : retire(state, fleet, held, keyId)
}

function add({ publicKeys, signing }: KnownKeys, newKey: string): Ruling {
  if (publicKeys.length >= limits.signingKeys) {
    return reject('limit-reached', `There are ${limits.signingKeys} signing keys already.`, {
      fix: 'Retire the ones that are not needed.',
    })
  }
  return ruled(keyIdOf(newKey), 201, [changed([...publicKeys, newKey], signing)])
}

function activate(state: State, fleet: Fleet, held: KnownKeys, keyId: string): Ruling {
  if (held.signing === keyId) return ruled(keyId, 200, [])
  const missing = agentsWithout(state, fleet, keyId)
  if (missing.length > 0) return notPinned(`Key ${keyId} is not pinned by`, missing)
  return ruled(keyId, 200, [changed(held.publicKeys, keyId)])
}

function retire(state: State, fleet: Fleet, held: KnownKeys, keyId: string): Ruling {
  if (held.signing === keyId) {
    return reject('last-key', `Key ${keyId} signs.`, { fix: 'Activate another key first.' })
  }
  if (held.publicKeys.length <= keysMin) {
    return reject('last-key', `Key ${keyId} is the last spare.`, { fix: 'Add a key first.' })
  }
  const stay = held.publicKeys.filter((key) => keyIdOf(key) !== keyId)
  const since = state.keys?.since ?? 0
  const behind = enrolled(state).filter((agent) => {
    const report = currentReport(state, fleet, agent)
    if (!report || report.revision < since) return true
    return stay.some((key) => !report.pinnedKeys.includes(keyIdOf(key)))
  })
  if (behind.length > 0) {
    return notPinned('The newest keys and their signature have not been confirmed by', behind)
  }
  return ruled(keyId, 200, [changed(stay, held.signing)])
}

export function keyViews(state: State, fleet: Fleet, known: KnownKeys): KeyView[] {
  const { publicKeys, signing } = state.keys ?? known
  return publicKeys.map((publicKey) => {
    const keyId = keyIdOf(publicKey)
    return {
      keyId,
      publicKey,
      state: keyId === signing ? 'signing' : 'spare',
      missing: agentsWithout(state, fleet, keyId),
    }
  })
}

const enrolled = (state: State): AgentRef[] =>
  [...agentsOf(state, [...state.clusters.keys()])].map(({ cluster, agent }) => ({ cluster, agent }))

const agentsWithout = (state: State, fleet: Fleet, keyId: string): AgentRef[] =>
  enrolled(state).filter((agent) => !currentReport(state, fleet, agent)?.pinnedKeys.includes(keyId))

const notPinned = (what: string, agents: readonly AgentRef[]) =>
  reject('key-not-pinned', `${what}: ${agents.map(agentPlace).join(', ')}.`, {
    fix: 'Wait until these agents report, or forget the ones that are gone for good.',
    evidence: { agents },
  })

const changed = (publicKeys: readonly string[], signing: string): DomainEvent => ({
  type: 'keys-changed',
  v: 1,
  publicKeys: [...publicKeys],
  signing,
})

const ruled = (keyId: string, status: number, events: readonly DomainEvent[]): Ruling => ({
  events,
  status,
  body: () => ({ keyId }),
})

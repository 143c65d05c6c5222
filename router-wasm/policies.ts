/**
 * Policies as the host keeps them: copied out of the served table once, because a response may come when that
 * table is gone. Exchanges share the copies.
 */
import { SCRATCH } from './layout.ts'
import * as at from './table-layout.ts'

export interface RoutePolicy {
  // Milliseconds; 0: none of its own.
  readonly requestMs: number
  readonly backendRequestMs: number
  readonly connectMs: number
  readonly idleMs: number
  readonly tunnelIdleMs: number
  /** Bytes for `layPolicy`; null when responses stay as they are. */
  readonly response: Uint8Array | null
}

export interface Policies {
  /** At VERDICT_POLICY, right after `request`. */
  at(offset: number): RoutePolicy
  /** Where `response` finds it; until the next call of the router. */
  lay(response: Uint8Array): number
  /** Another table is served. */
  forget(): void
}

/** Copies kept at once: each may be 20 KB. Beyond it they are made anew. */
const keptMax = 1_024

export function createPolicies(memory: Uint8Array, words: Int32Array): Policies {
  const kept = new Map<number, RoutePolicy>()

  function read(offset: number): RoutePolicy {
    const word = (place: number) => words[(offset + place) >> 2]!
    const changes = word(at.POLICY_CHANGE_COUNT)
    return {
      requestMs: word(at.POLICY_REQUEST_MS),
      backendRequestMs: word(at.POLICY_BACKEND_REQUEST_MS),
      connectMs: word(at.POLICY_CONNECT_MS),
      idleMs: word(at.POLICY_IDLE_MS),
      tunnelIdleMs: word(at.POLICY_TUNNEL_IDLE_MS),
      response: changes === 0 ? null : memory.slice(offset, offset + word(at.POLICY_BYTES)),
    }
  }

  return {
    at(offset) {
      const held = kept.get(offset)
      if (held) return held
      if (kept.size >= keptMax) kept.clear()
      const policy = read(offset)
      kept.set(offset, policy)
      return policy
    },
    lay(response) {
      memory.set(response, SCRATCH)
      return SCRATCH
    },
    forget: () => kept.clear(),
  }
}

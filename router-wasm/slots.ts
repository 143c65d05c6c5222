/**
 * Slots: one for each endpoint (address and port) that some list names or some request is still using,
 * stable across tables and lists, so that its requests in flight are counted through every change.
 */
import { SLOT_BYTES, SLOT_COUNT_MAX, SLOT_HASH, SLOT_IN_FLIGHT, SLOTS } from './layout.ts'
import type { EndpointInput } from './router.ts'
import { hashText } from './table-hash.ts'

export interface Slots {
  /** The endpoint's slot, with one more list that names it; -1 when all are taken. */
  take(endpoint: EndpointInput): number
  /** One list fewer names it. */
  drop(slot: number): void
  endpointOf(slot: number): EndpointInput
}

export const endpointKey = ({ address, port }: EndpointInput): string => `${address} ${port}`

export function createSlots(words: Int32Array): Slots {
  const byKey = new Map<string, number>()
  const endpoints: (EndpointInput | null)[] = []
  const lists = new Uint32Array(SLOT_COUNT_MAX)
  const free: number[] = []
  /** In no list any more, but with requests in flight when that happened. */
  const leaving = new Set<number>()

  const inFlight = (slot: number) => words[(SLOTS + slot * SLOT_BYTES + SLOT_IN_FLIGHT) >> 2]!
  const clear = (slot: number) => {
    byKey.delete(endpointKey(endpoints[slot]!))
    endpoints[slot] = null
    leaving.delete(slot)
    free.push(slot)
  }
  const claim = (): number => {
    for (const slot of leaving) if (inFlight(slot) === 0) clear(slot)
    const slot = free.pop()
    if (slot !== undefined) return slot
    return endpoints.length < SLOT_COUNT_MAX ? endpoints.length : -1
  }

  return {
    take(endpoint) {
      const key = endpointKey(endpoint)
      let slot = byKey.get(key) ?? -1
      if (slot < 0) {
        slot = claim()
        if (slot < 0) return -1
        byKey.set(key, slot)
        endpoints[slot] = { address: endpoint.address, port: endpoint.port }
        words[(SLOTS + slot * SLOT_BYTES + SLOT_HASH) >> 2] = hashText(0, key)
      }
      leaving.delete(slot)
      lists[slot]!++
      return slot
    },
    drop(slot) {
      if (--lists[slot]! > 0) return
      if (inFlight(slot) === 0) clear(slot)
      else leaving.add(slot)
    },
    endpointOf(slot) {
      const endpoint = endpoints[slot]
      if (!endpoint) throw new RangeError(`slot ${slot} has no endpoint`)
      return endpoint
    },
  }
}

/**
 * Hot path. A release → the slot of the endpoint that gets the request: the least requests in flight among
 * the next WINDOW endpoints, from a start that goes on behind the chosen one. Equal endpoints therefore
 * take turns, and up to WINDOW of them are always compared all. A search stops at an idle endpoint and never
 * looks at more than 8, so 256 busy endpoints cost as much as 8 (`bench/router/selection.ts`).
 */
import {
  BACKEND_COUNT_MAX,
  LIST_COUNT,
  LIST_SLOTS,
  LIST_START,
  LISTS,
  SLOT_BYTES,
  SLOT_COUNT_MAX,
  SLOT_IN_FLIGHT,
  SLOTS,
  VERDICT,
  VERDICT_BACKEND,
  VERDICT_SLOT,
} from '../layout.ts'

const WINDOW = 8

/**
 * Chooses an endpoint of VERDICT_BACKEND, but not the slot `exclude` (-1: any), and counts a request in
 * flight on it until `release`. Fills VERDICT_SLOT. Returns 0, or -503 when there is none.
 */
export function select(exclude: i32): i32 {
  const slot = reselect(load<i32>(VERDICT, VERDICT_BACKEND), exclude)
  store<i32>(VERDICT, slot, VERDICT_SLOT)
  return slot < 0 ? -503 : 0
}

/** The same for any release, without touching VERDICT. Returns the slot or -1. */
export function reselect(backend: i32, exclude: i32): i32 {
  assert(<u32>backend < <u32>BACKEND_COUNT_MAX)
  const list = load<i32>(LISTS + (backend << 2))
  if (list === 0) return -1
  const count = load<i32>(list, LIST_COUNT)
  let index = load<i32>(list, LIST_START)
  let least = i32.MAX_VALUE
  let chosen = -1
  let after = index
  let looked = 0
  for (let i = 0; i < count && looked < WINDOW; i++) {
    const slot = load<i32>(list + (index << 2), LIST_SLOTS)
    if (++index === count) index = 0
    if (slot === exclude) continue
    looked++
    const inFlight = load<i32>(SLOTS + slot * SLOT_BYTES, SLOT_IN_FLIGHT)
    if (inFlight >= least) continue
    least = inFlight
    chosen = slot
    after = index
    if (inFlight === 0) break
  }
  if (chosen < 0) return -1
  store<i32>(list, after, LIST_START)
  store<i32>(SLOTS + chosen * SLOT_BYTES, least + 1, SLOT_IN_FLIGHT)
  return chosen
}

/** Ends what `select` or `reselect` began. */
export function release(slot: i32): void {
  assert(<u32>slot < <u32>SLOT_COUNT_MAX)
  const inFlight = load<i32>(SLOTS + slot * SLOT_BYTES, SLOT_IN_FLIGHT)
  assert(inFlight > 0)
  store<i32>(SLOTS + slot * SLOT_BYTES, inFlight - 1, SLOT_IN_FLIGHT)
}

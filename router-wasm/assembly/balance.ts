/**
 * Hot path of routes that say which endpoint gets a request; all others go through `select` alone.
 *
 *   in turn, random    one or two looks
 *   by a key           the endpoint whose hash together with the key's is the highest (rendezvous): every agent
 *                      finds the same one, and when one goes only its own keys move; 2 ns an endpoint
 *
 * Whoever has no key (no such header) is sent where the fewest requests are in progress.
 */
import {
  FIELD_VALUE_BYTES,
  FIELD_VALUE_OFFSET,
  LIST_COUNT,
  LIST_SLOTS,
  LIST_START,
  LISTS,
  REQ_PATH_BYTES,
  REQ_PATH_OFFSET,
  REQUEST,
  SETTING_FORWARDED,
  SETTING_FORWARDED_ADDRESS,
  SLOT_BYTES,
  SLOT_HASH,
  SLOT_IN_FLIGHT,
  SLOTS,
  VERDICT,
  VERDICT_BACKEND,
  VERDICT_SLOT,
} from '../layout.ts'
import {
  BALANCE_ADDRESS,
  BALANCE_HEADER,
  BALANCE_LEAST,
  BALANCE_PATH,
  BALANCE_TURNS,
  POLICY_BALANCE,
  POLICY_KEY,
  POLICY_KEY_BYTES,
} from '../table-layout.ts'
import { DELETE, findTextEnd, LAST_CONTROL, vector } from './characters.ts'
import { fieldNamed } from './fields.ts'
import { finish, hashBytes } from './hash.ts'
import { select } from './select.ts'

/** As `select`, in the way that the policy says. */
export function selectBy(policy: i32): i32 {
  const balance = load<i32>(policy, POLICY_BALANCE)
  const list = load<i32>(LISTS + (load<i32>(VERDICT, VERDICT_BACKEND) << 2))
  if (balance === BALANCE_LEAST || list === 0) return select(-1)
  let index = 0
  if (balance === BALANCE_TURNS) index = nextOf(list)
  else if (balance < BALANCE_ADDRESS) index = lesserOfTwo(list)
  else if (findKey(balance, policy)) index = highest(list)
  else return select(-1)
  const slot = load<i32>(list + (index << 2), LIST_SLOTS)
  const record = SLOTS + slot * SLOT_BYTES
  store<i32>(record, load<i32>(record, SLOT_IN_FLIGHT) + 1, SLOT_IN_FLIGHT)
  store<i32>(VERDICT, slot, VERDICT_SLOT)
  return 0
}

function nextOf(list: i32): i32 {
  const index = load<i32>(list, LIST_START)
  store<i32>(list, index + 1 === load<i32>(list, LIST_COUNT) ? 0 : index + 1, LIST_START)
  return index
}

/** Of two drawn at random the one with fewer requests in progress: no endpoint is far above the others. */
function lesserOfTwo(list: i32): i32 {
  const count = load<i32>(list, LIST_COUNT)
  const one = draw(count)
  const other = draw(count)
  return inFlight(list, other) < inFlight(list, one) ? other : one
}

function inFlight(list: i32, index: i32): i32 {
  const slot = load<i32>(list + (index << 2), LIST_SLOTS)
  return load<i32>(SLOTS + slot * SLOT_BYTES, SLOT_IN_FLIGHT)
}

/** xorshift32 (Marsaglia): spreads load, and is no secret. */
let state: u32 = 0x9e3779b9

function draw(count: i32): i32 {
  state ^= state << 13
  state ^= state >> 17
  state ^= state << 5
  return <i32>((<u64>state * <u64>count) >> 32)
}

/** Of the present request. */
let keyHash: u32 = 0

function findKey(balance: i32, policy: i32): bool {
  let key = 0
  let end = 0
  if (balance === BALANCE_PATH) {
    key = load<i32>(REQUEST, REQ_PATH_OFFSET)
    end = key + load<i32>(REQUEST, REQ_PATH_BYTES)
  } else if (balance === BALANCE_HEADER) {
    const name = policy + load<i32>(policy, POLICY_KEY)
    const field = fieldNamed(name, load<i32>(policy, POLICY_KEY_BYTES))
    if (field === 0) return false
    key = load<i32>(field, FIELD_VALUE_OFFSET)
    end = key + load<i32>(field, FIELD_VALUE_BYTES)
  } else {
    const bytes = load<i32>(SETTING_FORWARDED)
    if (bytes === 0) return false
    const line = SETTING_FORWARDED + 4
    key = line + SETTING_FORWARDED_ADDRESS
    end = findTextEnd(key, line + bytes, vector(LAST_CONTROL), vector(DELETE))
  }
  keyHash = hashBytes(0, key, end)
  return end > key
}

function highest(list: i32): i32 {
  const count = load<i32>(list, LIST_COUNT)
  let best = 0
  let most: u32 = 0
  for (let i = 0; i < count; i++) {
    const slot = load<i32>(list + (i << 2), LIST_SLOTS)
    const score = finish(keyHash, load<i32>(SLOTS + slot * SLOT_BYTES, SLOT_HASH))
    if (score <= most) continue
    most = score
    best = i
  }
  return best
}

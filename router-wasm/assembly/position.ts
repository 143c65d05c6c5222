/**
 * Hot path. The matched route → the release that answers: the one that a preview route names, or the one
 * that the app's position gives the request to. Of several releases a user's key chooses: its hash is a
 * place in the sum of the weights, and each release has the places up to its share, in order
 * (`../user-split.ts` says the same). A request without a key takes a turn, by smooth weighted round robin:
 * each request owes every release its weight and goes to the one that is owed most, which pays the sum. So
 * each has exactly its weight of every `sum of weights` requests, spread evenly within them.
 */
import {
  COOKIE_VALUE,
  COOKIE_VALUE_BYTES,
  FIELD_VALUE_BYTES,
  FIELD_VALUE_OFFSET,
  POSITION_BYTES,
  POSITION_COUNT,
  POSITION_KEY,
  POSITION_KEY_BYTES,
  POSITION_SEED,
  POSITION_SPLIT,
  POSITION_TOTAL,
  POSITION_WEIGHTS,
  SERVED,
  SIDE_BACKENDS,
  SIDE_POSITIONS,
  SIDE_TABLE,
  SPLIT_COOKIE,
  SPLIT_HEADER,
  VERDICT,
  VERDICT_BACKEND,
  VERDICT_ROUTE,
  WEIGHT_BACKEND,
  WEIGHT_BYTES,
  WEIGHT_OWED,
  WEIGHT_SHARE,
} from '../layout.ts'
import { BACKEND_BY_POSITION, ROUTE_APP, ROUTE_BACKEND } from '../table-layout.ts'
import { findCookie } from './cookies.ts'
import { fieldNamed } from './fields.ts'
import { finish, hashBytes } from './hash.ts'
import { routeRecord } from './table.ts'

/** Fills VERDICT_BACKEND. Returns 0, or -503 when no release answers. */
export function place(): i32 {
  store<i32>(VERDICT, -1, VERDICT_BACKEND)
  const side = load<i32>(SERVED)
  const route = routeRecord(load<i32>(side, SIDE_TABLE), load<i32>(VERDICT, VERDICT_ROUTE))
  const named = load<i32>(route, ROUTE_BACKEND)
  if (named >= 0) {
    store<i32>(VERDICT, load<i32>(load<i32>(side, SIDE_BACKENDS) + (named << 2)), VERDICT_BACKEND)
    return 0
  }
  if (named !== BACKEND_BY_POSITION) return -503
  const position = load<i32>(side, SIDE_POSITIONS) + load<i32>(route, ROUTE_APP) * POSITION_BYTES
  const count = load<i32>(position, POSITION_COUNT)
  if (count === 0) return -503
  const weights = position + POSITION_WEIGHTS
  const weight = count === 1 ? weights : shared(position, weights, count)
  store<i32>(VERDICT, load<i32>(weight, WEIGHT_BACKEND), VERDICT_BACKEND)
  return 0
}

/** A preview link leads to one release of its app. Returns 0, or -503 when the route is of another app. */
export function placeAt(app: i32, backend: i32): i32 {
  const table = load<i32>(load<i32>(SERVED), SIDE_TABLE)
  const route = routeRecord(table, load<i32>(VERDICT, VERDICT_ROUTE))
  if (load<i32>(route, ROUTE_APP) !== app) return -503
  store<i32>(VERDICT, backend, VERDICT_BACKEND)
  return 0
}

function shared(position: i32, weights: i32, count: i32): i32 {
  const total = load<i32>(position, POSITION_TOTAL)
  return findKey(position)
    ? keyed(weights, load<u32>(position, POSITION_SEED), total)
    : owedMost(weights, count, total)
}

/** Of the present request: the value that tells users apart. */
let key: i32 = 0
let keyBytes: i32 = 0

function findKey(position: i32): bool {
  const split = load<i32>(position, POSITION_SPLIT)
  keyBytes = 0
  const name = position + POSITION_KEY
  const bytes = load<i32>(position, POSITION_KEY_BYTES)
  if (split === SPLIT_HEADER) readHeader(name, bytes)
  else if (split === SPLIT_COOKIE) {
    const cookie = findCookie(name, bytes)
    if (cookie !== 0) {
      key = load<i32>(cookie, COOKIE_VALUE)
      keyBytes = load<i32>(cookie, COOKIE_VALUE_BYTES)
    }
  }
  return keyBytes > 0
}

/** The first of several counts. */
function readHeader(name: i32, bytes: i32): void {
  const field = fieldNamed(name, bytes)
  if (field === 0) return
  key = load<i32>(field, FIELD_VALUE_OFFSET)
  keyBytes = load<i32>(field, FIELD_VALUE_BYTES)
}

/** Shares end at the total, and the place is below it: the search needs no count. */
function keyed(weights: i32, seed: u32, total: i32): i32 {
  const hash = finish(hashBytes(seed, key, key + keyBytes), 0)
  const place = <i32>((<u64>hash * <u64>total) >> 32)
  let weight = weights
  let share = load<i32>(weight, WEIGHT_SHARE)
  while (place >= share) {
    weight += WEIGHT_BYTES
    share += load<i32>(weight, WEIGHT_SHARE)
  }
  return weight
}

/** The first of those that are owed most; 16 weights of a million keep every sum below 2^25. */
function owedMost(weights: i32, count: i32, total: i32): i32 {
  let best = weights
  let most = i32.MIN_VALUE
  for (let i = 0; i < count; i++) {
    const weight = weights + i * WEIGHT_BYTES
    const owed = load<i32>(weight, WEIGHT_OWED) + load<i32>(weight, WEIGHT_SHARE)
    store<i32>(weight, owed, WEIGHT_OWED)
    if (owed > most) {
      most = owed
      best = weight
    }
  }
  store<i32>(best, most - total, WEIGHT_OWED)
  return best
}

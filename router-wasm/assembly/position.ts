/**
 * Hot path. The matched route → the release that answers: the one that a preview route names, or the one
 * that the app's position gives the request to. Several releases take turns by smooth weighted round robin:
 * each request owes every release its weight and goes to the one that is owed most, which pays the sum. So
 * each has exactly its weight of every `sum of weights` requests, spread evenly within them.
 */
import {
  POSITION_BYTES,
  POSITION_COUNT,
  POSITION_TOTAL,
  POSITION_WEIGHTS,
  SERVED,
  SIDE_BACKENDS,
  SIDE_POSITIONS,
  SIDE_TABLE,
  VERDICT,
  VERDICT_BACKEND,
  VERDICT_ROUTE,
  WEIGHT_BACKEND,
  WEIGHT_BYTES,
  WEIGHT_OWED,
  WEIGHT_SHARE,
} from '../layout.ts'
import { BACKEND_BY_POSITION, ROUTE_APP, ROUTE_BACKEND } from '../table-layout.ts'
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
  const weight =
    count === 1 ? weights : owedMost(weights, count, load<i32>(position, POSITION_TOTAL))
  store<i32>(VERDICT, load<i32>(weight, WEIGHT_BACKEND), VERDICT_BACKEND)
  return 0
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

/**
 * Hot path. What the served table says about a matched route, for the writer of the head. The table was
 * verified: every offset lies in it, every text is free of controls, path rewrites are canonical, names
 * are lower case. All offsets returned are absolute; 32 bytes may be read at once behind each text.
 *
 *   pathRewriteKind     PATH_KEPT, PATH_REPLACED (never empty), PREFIX_REPLACED (perhaps empty)
 *   hostRewriteBytes    0: the authority stays
 */
import { SERVED, SIDE_TABLE } from '../layout.ts'
import {
  CHANGE_BYTES,
  FILTERS_CHANGE_COUNT,
  FILTERS_CHANGES,
  FILTERS_FLAGS,
  FILTERS_HAS_POLICY,
  FILTERS_HOST,
  FILTERS_HOST_BYTES,
  FILTERS_PATH,
  FILTERS_PATH_BYTES,
  FILTERS_PATH_KIND,
  PATH_KEPT,
  ROUTE_BYTES,
  ROUTE_FILTERS,
  TABLE_ROUTE_COUNT,
  TABLE_ROUTES,
} from '../table-layout.ts'

/** The served table, or 0. */
export function servedTable(): i32 {
  const side = load<i32>(SERVED)
  return side === 0 ? 0 : load<i32>(side, SIDE_TABLE)
}

/** Record of a route of this table. */
export function routeRecord(table: i32, route: i32): i32 {
  assert(<u32>route < load<u32>(table, TABLE_ROUTE_COUNT))
  return table + load<i32>(table, TABLE_ROUTES) + route * ROUTE_BYTES
}

/** The route's filters, or 0. */
function filtersOf(route: i32): i32 {
  const table = servedTable()
  const filters = load<i32>(routeRecord(table, route), ROUTE_FILTERS)
  return filters === 0 ? 0 : table + filters
}

export function pathRewriteKind(route: i32): i32 {
  const filters = filtersOf(route)
  return filters === 0 ? PATH_KEPT : <i32>load<u16>(filters, FILTERS_PATH_KIND)
}

/** Only with a kind other than PATH_KEPT. */
export function pathRewriteOffset(route: i32): i32 {
  return servedTable() + load<i32>(filtersOf(route), FILTERS_PATH)
}

/** Only with a kind other than PATH_KEPT. */
export function pathRewriteBytes(route: i32): i32 {
  return load<i32>(filtersOf(route), FILTERS_PATH_BYTES)
}

/** Only when there are bytes. */
export function hostRewriteOffset(route: i32): i32 {
  return servedTable() + load<i32>(filtersOf(route), FILTERS_HOST)
}

export function hostRewriteBytes(route: i32): i32 {
  const filters = filtersOf(route)
  return filters === 0 ? 0 : load<i32>(filters, FILTERS_HOST_BYTES)
}

/** The route's changes of the request: CHANGES_COUNT and the records, their offsets relative to the table; or 0. */
export function requestChanges(route: i32): i32 {
  const filters = filtersOf(route)
  return filters === 0 ? 0 : filters + FILTERS_CHANGE_COUNT
}

/** The route's policy, or 0. */
export function policyOf(route: i32): i32 {
  const filters = filtersOf(route)
  if (filters === 0 || load<u16>(filters, FILTERS_FLAGS) !== FILTERS_HAS_POLICY) return 0
  return filters + FILTERS_CHANGES + load<i32>(filters, FILTERS_CHANGE_COUNT) * CHANGE_BYTES
}

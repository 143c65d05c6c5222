/**
 * Hot path. Host, path, method and headers of the scanned request → the route that Gateway API's
 * precedence picks: exact host, then the longest wildcard; exact path, then the longest prefix by
 * segments; then the order in which the compiler has laid the matches.
 *
 *   /repos/a/issues    the path is hashed once, segment by segment; SCRATCH keeps each boundary
 *   0     1 2      3   depth: number of segments in front of the boundary
 *
 * A host knows at which depths it has anything, so only those are probed, the deepest first, each by one
 * search in one table keyed by (host, hash of the path up to there). The cost is O(path), flat in the
 * number of routes: two cache lines for each probed depth. Nothing is checked here that `verify` checked.
 */
import {
  FIELD_BYTES,
  FIELD_NAME_BYTES,
  FIELD_NAME_HASH,
  FIELD_NAME_OFFSET,
  FIELD_VALUE_BYTES,
  FIELD_VALUE_OFFSET,
  FIELDS,
  REQ_FIELD_COUNT,
  REQ_METHOD_BYTES,
  REQ_METHOD_OFFSET,
  REQ_PATH_BYTES,
  REQ_PATH_OFFSET,
  REQUEST,
  SCRATCH,
  VERDICT,
  VERDICT_PREFIX_BYTES,
  VERDICT_ROUTE,
} from '../layout.ts'
import {
  CONDITION_BYTES,
  CONDITION_NAME,
  CONDITION_NAME_BYTES,
  CONDITION_NAME_HASH,
  CONDITION_VALUE,
  CONDITION_VALUE_BYTES,
  ENTRY_BYTES,
  ENTRY_HASH,
  ENTRY_OFFSET,
  HOST_DEPTHS,
  HOST_PREFIX_DEPTHS,
  MATCH_BYTES,
  MATCH_CONDITION_COUNT,
  MATCH_CONDITIONS,
  MATCH_METHOD,
  MATCH_NEEDS,
  MATCH_ROUTE,
  METHOD_BYTES,
  METHOD_TEXT,
  METHOD_TEXT_BYTES,
  METHOD_WORD,
  NODE_EXACT_COUNT,
  NODE_HOST,
  NODE_PATH,
  NODE_PATH_BYTES,
  NODE_PREFIX_COUNT,
  PROBES_MAX,
  TABLE_DEPTH_MAX,
  TABLE_METHOD_COUNT,
  TABLE_METHODS,
  TABLE_PATH_MASK,
  TABLE_PATH_SLOTS,
  TABLE_SEED,
} from '../table-layout.ts'
import { lowerToken } from './characters.ts'
import { hashNames } from './fields.ts'
import { finish, hashBytes, sameBytes } from './hash.ts'
import { exactHost, nextWildcard, startWildcards } from './match-host.ts'
import { servedTable } from './table.ts'

const SLASH = 0x2f
/** A boundary in SCRATCH: hash and absolute offset. */
const BOUNDARY_BYTES = 8

/** Boundaries that `hashPath` has laid, and whether the last one is the path's end. */
let depth: i32 = 0
let whole: bool = false
/** Of the present request: the method's number or -1 while unknown; are the names of its fields hashed? */
let method: i32 = -1
let hashed: bool = false

/**
 * Fills VERDICT_ROUTE and VERDICT_PREFIX_BYTES (-1 when the whole path was asked for; at least 1).
 * Returns 0, -404 when no route matches, -503 when no table is served.
 */
export function match(): i32 {
  store<i32>(VERDICT, -1, VERDICT_ROUTE)
  const table = servedTable()
  if (table === 0) return -503
  method = -1
  hashed = false
  hashPath(table)
  const exact = exactHost(table)
  if (exact !== 0 && matchHost(table, exact)) return 0
  if (!startWildcards(table)) return -404
  for (let host = nextWildcard(table); host !== 0; host = nextWildcard(table)) {
    if (matchHost(table, host)) return 0
  }
  return -404
}

/** Lays the boundaries of the path's segments into SCRATCH, up to the depth of the table's deepest path. */
function hashPath(table: i32): void {
  const path = load<i32>(REQUEST, REQ_PATH_OFFSET)
  const end = path + load<i32>(REQUEST, REQ_PATH_BYTES)
  const depthMax = load<i32>(table, TABLE_DEPTH_MAX)
  let hash = load<u32>(table, TABLE_SEED)
  let boundary = SCRATCH
  store<u32>(boundary, hash)
  store<i32>(boundary, path, 4)
  // Slashes of 64 bytes at a time as bits, so that the search for the next one leaves the chain of the hash.
  let base = path
  let slashes = slashesOf(base) & ~(<u64>1)
  let at = path
  depth = 0
  while (at < end && depth < depthMax) {
    while (slashes === 0 && base + 64 < end) {
      base += 64
      slashes = slashesOf(base)
    }
    const next = slashes === 0 ? end : min(end, base + <i32>ctz(slashes))
    slashes &= slashes - 1
    hash = hashBytes(hash, at, next)
    at = next
    depth++
    boundary += BOUNDARY_BYTES
    store<u32>(boundary, hash)
    store<i32>(boundary, at, 4)
  }
  whole = at === end
}

function slashesOf(at: i32): u64 {
  const slash = i8x16.splat(<i8>SLASH)
  const a = <u64>i8x16.bitmask(i8x16.eq(v128.load(at), slash))
  const b = <u64>i8x16.bitmask(i8x16.eq(v128.load(at, 16), slash))
  const c = <u64>i8x16.bitmask(i8x16.eq(v128.load(at, 32), slash))
  const d = <u64>i8x16.bitmask(i8x16.eq(v128.load(at, 48), slash))
  return a | (b << 16) | (c << 32) | (d << 48)
}

/** The host's first match in order of precedence. */
function matchHost(table: i32, host: i32): bool {
  let below = depth
  if (whole) {
    if (((load<u64>(host, HOST_DEPTHS) >> <u64>min(depth, 63)) & 1) !== 0) {
      const node = findNode(table, host, depth)
      if (node !== 0 && matchNode(table, node, true)) return true
    }
    below--
  }
  const depths = load<u64>(host, HOST_PREFIX_DEPTHS)
  // Depths from 63 on share a bit and are probed one by one.
  if (depths >> 63 !== 0) {
    for (; below >= 63; below--) if (matchPrefix(table, host, below)) return true
  }
  below = min(below, 62)
  let left = depths & (((<u64>1) << (<u64>(below + 1))) - 1)
  while (left !== 0) {
    const deepest = 63 - clz(left)
    if (matchPrefix(table, host, <i32>deepest)) return true
    left ^= (<u64>1) << deepest
  }
  return false
}

function matchPrefix(table: i32, host: i32, at: i32): bool {
  const node = findNode(table, host, at)
  return node !== 0 && matchNode(table, node, false)
}

/** The node of this host at this boundary, or 0. */
function findNode(table: i32, host: i32, at: i32): i32 {
  const path = load<i32>(REQUEST, REQ_PATH_OFFSET)
  const boundary = SCRATCH + at * BOUNDARY_BYTES
  const bytes = load<i32>(boundary, 4) - path
  const owner = host - table
  const hash = finish(load<u32>(boundary), owner)
  const slots = table + load<i32>(table, TABLE_PATH_SLOTS)
  const mask = load<u32>(table, TABLE_PATH_MASK)
  for (let i: u32 = 0; i < <u32>PROBES_MAX; i++) {
    const slot = slots + <i32>((hash + i) & mask) * ENTRY_BYTES
    const offset = load<i32>(slot, ENTRY_OFFSET)
    if (offset === 0) return 0
    if (load<u32>(slot, ENTRY_HASH) !== hash) continue
    const node = table + offset
    if (
      load<i32>(node, NODE_HOST) === owner &&
      <i32>load<u16>(node, NODE_PATH_BYTES) === bytes &&
      sameBytes(node + NODE_PATH, path, bytes)
    ) {
      return node
    }
  }
  return 0
}

/** The node's first match that holds; those that need the whole path come first and only count there. */
function matchNode(table: i32, node: i32, atEnd: bool): bool {
  const bytes = <i32>load<u16>(node, NODE_PATH_BYTES)
  const exact = <i32>load<u8>(node, NODE_EXACT_COUNT)
  const count = exact + <i32>load<u8>(node, NODE_PREFIX_COUNT)
  const matches = node + ((NODE_PATH + bytes + 3) & ~3)
  for (let i = atEnd ? 0 : exact; i < count; i++) {
    const record = matches + i * MATCH_BYTES
    if (load<u16>(record, MATCH_NEEDS) !== 0 && !holds(table, record)) continue
    store<i32>(VERDICT, load<i32>(record, MATCH_ROUTE), VERDICT_ROUTE)
    store<i32>(VERDICT, i < exact ? -1 : max(bytes, 1), VERDICT_PREFIX_BYTES)
    return true
  }
  return false
}

function holds(table: i32, record: i32): bool {
  const wanted = <i32>load<u8>(record, MATCH_METHOD)
  if (wanted !== 0) {
    if (method < 0) method = methodNumber(table)
    if (method !== wanted) return false
  }
  const count = <i32>load<u8>(record, MATCH_CONDITION_COUNT)
  if (count === 0) return true
  if (!hashed) {
    hashNames()
    hashed = true
  }
  const conditions = table + load<i32>(record, MATCH_CONDITIONS)
  for (let i = 0; i < count; i++) {
    if (!hasHeader(table, conditions + i * CONDITION_BYTES)) return false
  }
  return true
}

/** The request's method as the table numbers it; 0 when no route names it. */
function methodNumber(table: i32): i32 {
  const at = load<i32>(REQUEST, REQ_METHOD_OFFSET)
  const bytes = load<i32>(REQUEST, REQ_METHOD_BYTES)
  const word = bytes >= 8 ? load<u64>(at) : load<u64>(at) & (((<u64>1) << ((<u64>bytes) << 3)) - 1)
  const count = load<i32>(table, TABLE_METHOD_COUNT)
  let record = table + load<i32>(table, TABLE_METHODS)
  for (let i = 1; i <= count; i++) {
    if (
      load<u64>(record, METHOD_WORD) === word &&
      load<i32>(record, METHOD_TEXT_BYTES) === bytes &&
      sameBytes(table + load<i32>(record, METHOD_TEXT), at, bytes)
    ) {
      return i
    }
    record += METHOD_BYTES
  }
  return 0
}

/** Has the first field of this name exactly this value? Only the first of several counts. */
function hasHeader(table: i32, condition: i32): bool {
  const hash = load<u32>(condition, CONDITION_NAME_HASH)
  const nameBytes = load<i32>(condition, CONDITION_NAME_BYTES)
  const name = table + load<i32>(condition, CONDITION_NAME)
  const count = load<i32>(REQUEST, REQ_FIELD_COUNT)
  let field = FIELDS
  for (let i = 0; i < count; i++, field += FIELD_BYTES) {
    if (load<u32>(field, FIELD_NAME_HASH) !== hash) continue
    if (load<i32>(field, FIELD_NAME_BYTES) !== nameBytes) continue
    if (!isName(load<i32>(field, FIELD_NAME_OFFSET), name, nameBytes)) continue
    const bytes = load<i32>(condition, CONDITION_VALUE_BYTES)
    return (
      load<i32>(field, FIELD_VALUE_BYTES) === bytes &&
      sameBytes(
        load<i32>(field, FIELD_VALUE_OFFSET),
        table + load<i32>(condition, CONDITION_VALUE),
        bytes,
      )
    )
  }
  return false
}

/** Is the received name, in any case, this lower-case one? */
function isName(received: i32, name: i32, bytes: i32): bool {
  for (let i = 0; i < bytes; i++) {
    if (lowerToken(load<u8>(received + i)) !== <i32>load<u8>(name + i)) return false
  }
  return true
}

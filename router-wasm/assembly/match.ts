/**
 * Hot path. Host, path, method and headers of the scanned request → the route that Gateway API's
 * precedence picks: exact host, then the longest wildcard; exact path, then the longest prefix by
 * segments; then the order in which the compiler has laid the matches.
 *
 *   /repos/a/issues    slashes: SCRATCH has the offset of each, so the bytes of every prefix
 *   0     1 2      3   depth: number of segments in front of the boundary
 *
 * A host knows at which depths it has anything, so only those are probed, the deepest first, each by one
 * search in one table keyed by (host, hash of the path up to there). The cost is O(path), flat in the
 * number of routes: two cache lines for each probed depth. Hashing stops at the deepest one, and shallower
 * prefixes begin from the states that were passed on the way. Nothing is checked here that `verify` checked.
 */
import {
  COOKIE_VALUE,
  COOKIE_VALUE_BYTES,
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
  CONDITION_COOKIE,
  CONDITION_NAME,
  CONDITION_NAME_BYTES,
  CONDITION_NAME_HASH,
  CONDITION_VALUE,
  CONDITION_VALUE_BYTES,
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
  NODE_ALIGN_BITS,
  NODE_EXACT_COUNT,
  NODE_HOST,
  NODE_OFFSET_BITS,
  NODE_OFFSET_MASK,
  NODE_PATH,
  NODE_PATH_BYTES,
  NODE_PREFIX_COUNT,
  PROBES_MAX,
  TABLE_DEPTH_MAX,
  TABLE_METHOD_COUNT,
  TABLE_METHODS,
  TABLE_PATH_BYTES_MAX,
  TABLE_PATH_MASK,
  TABLE_PATH_SLOTS,
  TABLE_SEED,
} from '../table-layout.ts'
import { findCookie, forgetCookies } from './cookies.ts'
import { hashNames, isName } from './fields.ts'
import { finish, hashBlock, hashRest, sameBytes } from './hash.ts'
import { anyHost, exactHost, nextWildcard, startWildcards } from './match-host.ts'
import { servedTable } from './table.ts'

const SLASH = 0x2f
/** In SCRATCH: offsets of slashes in a long path, and states of the hash in front of each 8 bytes. */
const OFFSETS = SCRATCH
const STATES = SCRATCH + 0x2000
/** A path of at most this many bytes has its slashes in one word. */
const WORD_BYTES = 64

/** Of the present request: segments (one more than the table's deepest path: more than that). */
let depth: i32 = 0
/** A bit for each of the path's slashes; 0 when it is long, and OFFSETS has them. */
let slashes: u64 = 0
/** States that are known, besides the first. */
let blocks: i32 = 0
/** The method's number or -1 while unknown; are the names of its fields hashed? */
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
  forgetCookies()
  readPath(table)
  const exact = exactHost(table)
  if (exact !== 0 && matchHost(table, exact)) return 0
  if (startWildcards(table)) {
    for (let host = nextWildcard(table); host !== 0; host = nextWildcard(table)) {
      if (matchHost(table, host)) return 0
    }
  }
  const any = anyHost(table)
  return any !== 0 && matchHost(table, any) ? 0 : -404
}

/** Finds the slashes, as many as the table's deepest path has, and begins the hash. */
function readPath(table: i32): void {
  const path = load<i32>(REQUEST, REQ_PATH_OFFSET)
  const bytes = load<i32>(REQUEST, REQ_PATH_BYTES)
  const most = load<i32>(table, TABLE_DEPTH_MAX) + 1
  blocks = 0
  store<u32>(STATES, load<u32>(table, TABLE_SEED))
  if (bytes <= WORD_BYTES) {
    slashes = slashesOf(path, bytes)
    depth = min(<i32>popcnt(slashes), most)
    return
  }
  slashes = 0
  depth = 0
  for (let base = 0; base < bytes && depth < most; base += WORD_BYTES) {
    let bits = slashesOf(path + base, bytes - base)
    for (; bits !== 0 && depth < most; depth++) {
      store<i32>(OFFSETS + (depth << 2), base + <i32>ctz(bits))
      bits &= bits - 1
    }
  }
}

/** A bit for each slash of the first `bytes`, at most 64. */
function slashesOf(at: i32, bytes: i32): u64 {
  const slash = i8x16.splat(<i8>SLASH)
  const a = <u64>i8x16.bitmask(i8x16.eq(v128.load(at), slash))
  const b = <u64>i8x16.bitmask(i8x16.eq(v128.load(at, 16), slash))
  const c = <u64>i8x16.bitmask(i8x16.eq(v128.load(at, 32), slash))
  const d = <u64>i8x16.bitmask(i8x16.eq(v128.load(at, 48), slash))
  const bits = a | (b << 16) | (c << 32) | (d << 48)
  return bytes < WORD_BYTES ? bits & (((<u64>1) << (<u64>bytes)) - 1) : bits
}

/** Offset of the slash that ends the prefix of `at` segments; `at` is below `depth`. */
function prefixBytes(at: i32): i32 {
  let bits = slashes
  if (bits === 0) return load<i32>(OFFSETS + (at << 2))
  for (let i = 0; i < at; i++) bits &= bits - 1
  return <i32>ctz(bits)
}

/** Hash of the first `bytes` of the path. */
function hashOf(path: i32, bytes: i32): u32 {
  const block = bytes >> 3
  let state = load<u32>(STATES + (blocks << 2))
  for (; blocks < block; blocks++) {
    state = hashBlock(state, path + (blocks << 3))
    store<u32>(STATES + (blocks << 2), state, 4)
  }
  return hashRest(load<u32>(STATES + (block << 2)), path + (block << 3), bytes & 7)
}

/** The host's first match in order of precedence. */
function matchHost(table: i32, host: i32): bool {
  // The whole path, unless it has more segments than any; a prefix ends at a slash in front of that.
  if (((load<u64>(host, HOST_DEPTHS) >> <u64>min(depth, 63)) & 1) !== 0) {
    const node = findNode(table, host, load<i32>(REQUEST, REQ_PATH_BYTES))
    if (node !== 0 && matchNode(table, node, true)) return true
  }
  const depths = load<u64>(host, HOST_PREFIX_DEPTHS)
  let below = depth - 1
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
  const node = findNode(table, host, prefixBytes(at))
  return node !== 0 && matchNode(table, node, false)
}

/** The node of this host for the first `bytes` of the path, or 0. */
function findNode(table: i32, host: i32, bytes: i32): i32 {
  if (bytes > load<i32>(table, TABLE_PATH_BYTES_MAX)) return 0
  const path = load<i32>(REQUEST, REQ_PATH_OFFSET)
  const owner = host - table
  const hash = finish(hashOf(path, bytes), owner)
  const slots = table + load<i32>(table, TABLE_PATH_SLOTS)
  const mask = load<u32>(table, TABLE_PATH_MASK)
  for (let i: u32 = 0; i < <u32>PROBES_MAX; i++) {
    const entry = load<u32>(slots + ((<i32>((hash + i) & mask)) << 2))
    if (entry === 0) return 0
    if ((entry ^ hash) >>> NODE_OFFSET_BITS !== 0) continue
    const node = table + <i32>((entry & NODE_OFFSET_MASK) << NODE_ALIGN_BITS)
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
  const conditions = table + load<i32>(record, MATCH_CONDITIONS)
  for (let i = 0; i < count; i++) {
    const condition = conditions + i * CONDITION_BYTES
    const isCookie = (load<i32>(condition, CONDITION_NAME_BYTES) & CONDITION_COOKIE) !== 0
    if (isCookie ? !hasCookie(table, condition) : !hasHeader(table, condition)) return false
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
      (bytes <= 8 || sameBytes(table + load<i32>(record, METHOD_TEXT), at, bytes))
    ) {
      return i
    }
    record += METHOD_BYTES
  }
  return 0
}

/** Has the first cookie of this name exactly this value? */
function hasCookie(table: i32, condition: i32): bool {
  const nameBytes = load<i32>(condition, CONDITION_NAME_BYTES) & ~CONDITION_COOKIE
  const cookie = findCookie(table + load<i32>(condition, CONDITION_NAME), nameBytes)
  const bytes = load<i32>(condition, CONDITION_VALUE_BYTES)
  return (
    cookie !== 0 &&
    load<i32>(cookie, COOKIE_VALUE_BYTES) === bytes &&
    sameBytes(load<i32>(cookie, COOKIE_VALUE), table + load<i32>(condition, CONDITION_VALUE), bytes)
  )
}

/** Has the first field of this name exactly this value? Only the first of several counts. */
function hasHeader(table: i32, condition: i32): bool {
  if (!hashed) {
    hashNames()
    hashed = true
  }
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

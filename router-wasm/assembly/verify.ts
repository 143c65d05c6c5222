/**
 * A table is checked once, when it is loaded, so that nothing that reads it has to: every offset, count and
 * length lies inside, every number names something, and every text that can reach a backend is free of
 * characters that could end its line (http-rules 65). All loops are bounded by counts that were checked
 * before; 100,000 routes take less than 100 ms.
 */
import {
  APP_COUNT_MAX,
  BACKEND_COUNT_MAX,
  HOST_BYTES_MAX,
  METHOD_BYTES_MAX,
  SCRATCH,
  SCRATCH_BYTES,
} from '../layout.ts'
import {
  BACKEND_MISSING,
  BALANCE_HEADER,
  CHANGE_ADD,
  CHANGE_BYTES,
  CHANGE_COUNT_MAX,
  CHANGE_KIND,
  CHANGE_NAME,
  CHANGE_NAME_BYTES,
  CHANGE_REMOVE,
  CHANGE_SET,
  CHANGE_VALUE,
  CHANGE_VALUE_BYTES,
  CONDITION_BYTES,
  CONDITION_COOKIE,
  CONDITION_NAME,
  CONDITION_NAME_BYTES,
  CONDITION_VALUE,
  CONDITION_VALUE_BYTES,
  CONDITIONS_PER_MATCH_MAX,
  DEPTH_MAX,
  ENTRY_BYTES,
  ENTRY_OFFSET,
  FILTERS_CHANGE_COUNT,
  FILTERS_CHANGES,
  FILTERS_FLAGS,
  FILTERS_HAS_POLICY,
  FILTERS_HOST,
  FILTERS_HOST_BYTES,
  FILTERS_PATH,
  FILTERS_PATH_BYTES,
  FILTERS_PATH_KIND,
  HEADER_NAME_BYTES_MAX,
  HEADER_VALUE_BYTES_MAX,
  HOST_NAME,
  HOST_NAME_BYTES,
  MATCH_BYTES,
  MATCH_CONDITION_COUNT,
  MATCH_CONDITIONS,
  MATCH_METHOD,
  MATCH_ROUTE,
  MATCHES_PER_PATH_MAX,
  METHOD_BYTES,
  METHOD_COUNT_MAX,
  METHOD_TEXT,
  METHOD_TEXT_BYTES,
  NAME_BYTES,
  NAME_LINKS,
  NAME_TEXT,
  NAME_TEXT_BYTES,
  NAME_TEXT_BYTES_MAX,
  NODE_ALIGN_BITS,
  NODE_EXACT_COUNT,
  NODE_OFFSET_MASK,
  NODE_PATH,
  NODE_PATH_BYTES,
  NODE_PREFIX_COUNT,
  PATH_KEPT,
  PATH_REPLACED,
  PATH_VALUE_BYTES_MAX,
  POLICY_BALANCE,
  POLICY_BYTES,
  POLICY_BYTES_MAX,
  POLICY_CHANGE_COUNT,
  POLICY_CHANGES,
  POLICY_KEY,
  POLICY_KEY_BYTES,
  POLICY_REQUEST_MS,
  POLICY_TUNNEL_IDLE_MS,
  PREFIX_REPLACED,
  ROUTE_APP,
  ROUTE_BACKEND,
  ROUTE_BYTES,
  ROUTE_FILTERS,
  SLOT_MASK_MAX,
  TABLE_APP_COUNT,
  TABLE_APPS,
  TABLE_BACKEND_COUNT,
  TABLE_BACKENDS,
  TABLE_BYTES,
  TABLE_CHECKSUM,
  TABLE_DEPTH_MAX,
  TABLE_FORMAT,
  TABLE_FORMAT_AT,
  TABLE_HEADER_BYTES,
  TABLE_HOST_MASK,
  TABLE_HOST_SLOTS,
  TABLE_MAGIC,
  TABLE_MAGIC_AT,
  TABLE_METHOD_COUNT,
  TABLE_METHODS,
  TABLE_PATH_BYTES_MAX,
  TABLE_PATH_MASK,
  TABLE_PATH_SLOTS,
  TABLE_ROUTE_COUNT,
  TABLE_ROUTES,
  TABLE_TAIL_BYTES,
  VERIFY_APPS,
  VERIFY_BACKENDS,
  VERIFY_CHECKSUM,
  VERIFY_CONDITIONS,
  VERIFY_DEPTH,
  VERIFY_FORMAT,
  VERIFY_HOSTS,
  VERIFY_LENGTH,
  VERIFY_MAGIC,
  VERIFY_METHODS,
  VERIFY_NODES,
  VERIFY_ROUTES,
} from '../table-layout.ts'
import { checksum } from './hash.ts'

/** What may stand in a text: visible ASCII; a value has inner spaces and tabs besides. */
const VISIBLE = 0
const VALUE = 1

/** The table under test: where it lies, and between which offsets its texts and records must be. */
let table: i32 = 0
let first: i32 = TABLE_HEADER_BYTES
let stop: i32 = 0

/** Checks `bytes` at `start`. Returns 0 or VERIFY_*: the first section in which something is wrong. */
export function verify(start: i32, bytes: i32): i32 {
  table = start
  first = TABLE_HEADER_BYTES
  stop = bytes - TABLE_TAIL_BYTES
  if (bytes < TABLE_HEADER_BYTES + TABLE_TAIL_BYTES || (bytes & 3) !== 0) return VERIFY_LENGTH
  if (word(TABLE_MAGIC_AT) !== TABLE_MAGIC) return VERIFY_MAGIC
  if (word(TABLE_FORMAT_AT) !== TABLE_FORMAT) return VERIFY_FORMAT
  if (word(TABLE_BYTES) !== bytes) return VERIFY_LENGTH
  const sum = checksum(start + TABLE_CHECKSUM + 4, start + bytes)
  if (load<u32>(start, TABLE_CHECKSUM) !== sum) return VERIFY_CHECKSUM
  if (<u32>word(TABLE_DEPTH_MAX) > <u32>DEPTH_MAX) return VERIFY_DEPTH
  if (<u32>word(TABLE_PATH_BYTES_MAX) > <u32>PATH_VALUE_BYTES_MAX) return VERIFY_DEPTH
  if (!verifyMethods()) return VERIFY_METHODS
  if (!verifyNames(TABLE_APPS, TABLE_APP_COUNT, APP_COUNT_MAX)) return VERIFY_APPS
  if (!verifyNames(TABLE_BACKENDS, TABLE_BACKEND_COUNT, BACKEND_COUNT_MAX)) return VERIFY_BACKENDS
  if (!verifyRoutes()) return VERIFY_ROUTES
  return verifySlots()
}

function word(offset: i32): i32 {
  return load<i32>(table + offset)
}

/** Do `count` records of `size` bytes lie between header and tail? Both factors are bounded by the caller. */
function inside(offset: i32, count: i32, size: i32): bool {
  return (
    offset >= TABLE_HEADER_BYTES &&
    (offset & 3) === 0 &&
    <i64>offset + <i64>count * <i64>size <= <i64>stop
  )
}

/** A text of `bytes` from `least` to `most`, each as `kind` says. Zero bytes may lie anywhere. */
function text(offset: i32, bytes: i32, least: i32, most: i32, kind: i32): bool {
  if (bytes < least || bytes > most) return false
  if (bytes === 0) return true
  if (offset < first || offset > stop - bytes) return false
  for (let i = 0; i < bytes; i++) {
    const byte = <i32>load<u8>(table + offset + i)
    const visible = <u32>(byte - 0x21) < 0x5e
    const space = kind === VALUE && i > 0 && i < bytes - 1 && (byte === 0x20 || byte === 0x09)
    if (!visible && !space) return false
  }
  return true
}

function verifyMethods(): bool {
  const count = word(TABLE_METHOD_COUNT)
  const start = word(TABLE_METHODS)
  if (<u32>count > <u32>METHOD_COUNT_MAX || !inside(start, count, METHOD_BYTES)) return false
  for (let i = 0; i < count; i++) {
    const record = start + i * METHOD_BYTES
    const bytes = word(record + METHOD_TEXT_BYTES)
    if (!text(word(record + METHOD_TEXT), bytes, 1, METHOD_BYTES_MAX, VISIBLE)) return false
  }
  return true
}

function verifyNames(startAt: i32, countAt: i32, most: i32): bool {
  const count = word(countAt)
  const start = word(startAt)
  if (<u32>count > <u32>most || !inside(start, count, NAME_BYTES)) return false
  for (let i = 0; i < count; i++) {
    const record = start + i * NAME_BYTES
    const bytes = word(record + NAME_TEXT_BYTES) & ~NAME_LINKS
    if (!text(word(record + NAME_TEXT), bytes, 1, NAME_TEXT_BYTES_MAX, VISIBLE)) return false
  }
  return true
}

function verifyRoutes(): bool {
  const count = word(TABLE_ROUTE_COUNT)
  const start = word(TABLE_ROUTES)
  memory.fill(SCRATCH, 0, SCRATCH_BYTES)
  if (<u32>count > <u32>stop || !inside(start, count, ROUTE_BYTES)) return false
  for (let i = 0; i < count; i++) {
    const record = start + i * ROUTE_BYTES
    const backend = word(record + ROUTE_BACKEND)
    const filters = word(record + ROUTE_FILTERS)
    if (<u32>word(record + ROUTE_APP) >= <u32>word(TABLE_APP_COUNT)) return false
    if (backend < BACKEND_MISSING || backend >= word(TABLE_BACKEND_COUNT)) return false
    if (filters !== 0 && !verifyFilters(filters)) return false
  }
  return true
}

/**
 * At most 96 changes of bounded texts. Many routes share filters, so SCRATCH remembers those that are known
 * to be good, each in the place of its offset: without it 100,000 routes could ask for gigabytes of text.
 */
function verifyFilters(at: i32): bool {
  if (!inside(at, 1, FILTERS_CHANGES)) return false
  const known = SCRATCH + (at & (SCRATCH_BYTES - 4))
  if (load<i32>(known) === at) return true
  if (!verifyNewFilters(at)) return false
  store<i32>(known, at)
  return true
}

function verifyNewFilters(at: i32): bool {
  const kind = <i32>load<u16>(table + at, FILTERS_PATH_KIND)
  const flags = <i32>load<u16>(table + at, FILTERS_FLAGS)
  const path = word(at + FILTERS_PATH)
  const bytes = word(at + FILTERS_PATH_BYTES)
  if (kind > PREFIX_REPLACED || flags > FILTERS_HAS_POLICY) return false
  if (kind !== PATH_KEPT) {
    const least = kind === PATH_REPLACED ? 1 : 0
    if (!text(path, bytes, least, PATH_VALUE_BYTES_MAX, VISIBLE)) return false
    if (bytes > 0 && load<u8>(table + path) !== 0x2f) return false
  }
  const hostBytes = word(at + FILTERS_HOST_BYTES)
  if (!text(word(at + FILTERS_HOST), hostBytes, 0, HOST_BYTES_MAX - 1, VISIBLE)) return false
  const changes = word(at + FILTERS_CHANGE_COUNT)
  if (<u32>changes > <u32>CHANGE_COUNT_MAX) return false
  if (!inside(at + FILTERS_CHANGES, changes, CHANGE_BYTES)) return false
  for (let i = 0; i < changes; i++) {
    if (!verifyChange(at + FILTERS_CHANGES + i * CHANGE_BYTES, 0)) return false
  }
  return flags !== FILTERS_HAS_POLICY || verifyPolicy(at + FILTERS_CHANGES + changes * CHANGE_BYTES)
}

/** A change whose texts lie at offsets from `base`. */
function verifyChange(at: i32, base: i32): bool {
  const kind = word(at + CHANGE_KIND)
  if (kind !== CHANGE_SET && kind !== CHANGE_ADD && kind !== CHANGE_REMOVE) return false
  const nameBytes = word(at + CHANGE_NAME_BYTES)
  if (!text(base + word(at + CHANGE_NAME), nameBytes, 1, HEADER_NAME_BYTES_MAX, VISIBLE))
    return false
  const valueBytes = word(at + CHANGE_VALUE_BYTES)
  return text(base + word(at + CHANGE_VALUE), valueBytes, 0, HEADER_VALUE_BYTES_MAX, VALUE)
}

/** A policy is copied, so its texts must lie in it: `first` and `stop` are its own meanwhile. */
function verifyPolicy(at: i32): bool {
  if (!inside(at, 1, POLICY_CHANGES)) return false
  const bytes = word(at + POLICY_BYTES)
  if ((bytes & 3) !== 0 || bytes < POLICY_CHANGES || bytes > POLICY_BYTES_MAX) return false
  if (bytes > stop - at) return false
  for (let time = POLICY_REQUEST_MS; time <= POLICY_TUNNEL_IDLE_MS; time += 4) {
    if (word(at + time) < 0) return false
  }
  const end = stop
  first = at
  stop = at + bytes
  const valid = verifyPolicyTexts(at)
  first = TABLE_HEADER_BYTES
  stop = end
  return valid
}

function verifyPolicyTexts(at: i32): bool {
  const balance = word(at + POLICY_BALANCE)
  if (<u32>balance > <u32>BALANCE_HEADER) return false
  const key = at + word(at + POLICY_KEY)
  const least = balance === BALANCE_HEADER ? 1 : 0
  if (!text(key, word(at + POLICY_KEY_BYTES), least, HEADER_NAME_BYTES_MAX, VISIBLE)) return false
  const changes = word(at + POLICY_CHANGE_COUNT)
  if (<u32>changes > <u32>CHANGE_COUNT_MAX) return false
  if (!inside(at + POLICY_CHANGES, changes, CHANGE_BYTES)) return false
  for (let i = 0; i < changes; i++) {
    if (!verifyChange(at + POLICY_CHANGES + i * CHANGE_BYTES, at)) return false
  }
  return true
}

/** Both hash tables and everything that they lead to. */
function verifySlots(): i32 {
  const hostCount = slotCount(TABLE_HOST_SLOTS, TABLE_HOST_MASK, ENTRY_BYTES)
  if (hostCount === 0) return VERIFY_HOSTS
  for (let i = 0; i < hostCount; i++) {
    const host = word(word(TABLE_HOST_SLOTS) + i * ENTRY_BYTES + ENTRY_OFFSET)
    if (host !== 0 && !verifyHost(host)) return VERIFY_HOSTS
  }
  const pathCount = slotCount(TABLE_PATH_SLOTS, TABLE_PATH_MASK, 4)
  if (pathCount === 0) return VERIFY_NODES
  // No two slots share a node, so more matches than fit into the table are a forged one.
  let left = stop / MATCH_BYTES
  for (let i = 0; i < pathCount; i++) {
    const entry = word(word(TABLE_PATH_SLOTS) + (i << 2))
    if (entry === 0) continue
    const node = (entry & NODE_OFFSET_MASK) << NODE_ALIGN_BITS
    if (!verifyNode(node)) return VERIFY_NODES
    const matches = matchCount(node)
    left -= matches
    if (left < 0) return VERIFY_NODES
    for (let n = 0; n < matches; n++) {
      if (!verifyMatch(matchesAt(node) + n * MATCH_BYTES)) return VERIFY_CONDITIONS
    }
  }
  return 0
}

/** A power of two, or 0 when the slots do not lie inside. */
function slotCount(slotsAt: i32, maskAt: i32, size: i32): i32 {
  const mask = word(maskAt)
  if (<u32>mask > <u32>SLOT_MASK_MAX || (mask & (mask + 1)) !== 0) return 0
  return inside(word(slotsAt), mask + 1, size) ? mask + 1 : 0
}

function verifyHost(at: i32): bool {
  if (!inside(at, 1, HOST_NAME)) return false
  const bytes = word(at + HOST_NAME_BYTES)
  return text(at + HOST_NAME, bytes, 1, HOST_BYTES_MAX - 1, VISIBLE)
}

function verifyNode(at: i32): bool {
  if (!inside(at, 1, NODE_PATH)) return false
  const bytes = <i32>load<u16>(table + at, NODE_PATH_BYTES)
  if (!extent(at + NODE_PATH, bytes, PATH_VALUE_BYTES_MAX)) return false
  const matches = matchCount(at)
  return matches <= MATCHES_PER_PATH_MAX && inside(matchesAt(at), matches, MATCH_BYTES)
}

function matchCount(node: i32): i32 {
  return (
    <i32>load<u8>(table + node, NODE_EXACT_COUNT) + <i32>load<u8>(table + node, NODE_PREFIX_COUNT)
  )
}

function matchesAt(node: i32): i32 {
  return node + ((NODE_PATH + <i32>load<u16>(table + node, NODE_PATH_BYTES) + 3) & ~3)
}

/** At most 32 conditions; their texts are compared only. */
function verifyMatch(at: i32): bool {
  if (<u32>word(at + MATCH_ROUTE) >= <u32>word(TABLE_ROUTE_COUNT)) return false
  if (<i32>load<u8>(table + at, MATCH_METHOD) > word(TABLE_METHOD_COUNT)) return false
  const count = <i32>load<u8>(table + at, MATCH_CONDITION_COUNT)
  if (count === 0) return true
  const conditions = word(at + MATCH_CONDITIONS)
  if (count > CONDITIONS_PER_MATCH_MAX || !inside(conditions, count, CONDITION_BYTES)) return false
  for (let i = 0; i < count; i++) {
    const condition = conditions + i * CONDITION_BYTES
    const name = word(condition + CONDITION_NAME_BYTES) & ~CONDITION_COOKIE
    const value = word(condition + CONDITION_VALUE_BYTES)
    if (!extent(word(condition + CONDITION_NAME), name, HEADER_NAME_BYTES_MAX)) return false
    if (!extent(word(condition + CONDITION_VALUE), value, HEADER_VALUE_BYTES_MAX)) return false
  }
  return true
}

/** Bytes that are only compared, never written. */
function extent(offset: i32, bytes: i32, most: i32): bool {
  return <u32>bytes <= <u32>most && offset >= 0 && offset <= stop - bytes
}

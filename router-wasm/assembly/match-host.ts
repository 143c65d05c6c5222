/**
 * Hot path. The canonical host → the table's hosts that cover it: the exact one, then wildcards from the
 * longest to the shortest, then the one that covers all. `*` in front of a name covers one or more labels,
 * never none (Gateway API). A host is hashed once; for wildcards only suffixes with a number of labels that
 * the table has are hashed and looked up.
 */
import { REQ_HOST_BYTES, REQ_HOST_OFFSET, REQUEST } from '../layout.ts'
import {
  ANY_HOST_BYTE,
  ENTRY_BYTES,
  ENTRY_HASH,
  ENTRY_OFFSET,
  HOST_NAME,
  HOST_NAME_BYTES,
  PROBES_MAX,
  TABLE_HOST_MASK,
  TABLE_HOST_SLOTS,
  TABLE_SEED,
  TABLE_WILDCARDS,
} from '../table-layout.ts'
import { finish, hashBytes, sameBytes } from './hash.ts'

const DOT = 0x2e
const ANY: i32 = <i32>memory.data<u8>([<u8>ANY_HOST_BYTE])

/** Of the present request: where the next wildcard begins, and the labels from there on. */
let at: i32 = 0
let labels: i32 = 0

/** The host's own record, or 0. */
export function exactHost(table: i32): i32 {
  const start = load<i32>(REQUEST, REQ_HOST_OFFSET)
  return findHost(table, start, start + load<i32>(REQUEST, REQ_HOST_BYTES))
}

/** Goes to the host's first dot. False when the table has no wildcards, or the host only one label. */
export function startWildcards(table: i32): bool {
  if (load<u64>(table, TABLE_WILDCARDS) === 0) return false
  const start = load<i32>(REQUEST, REQ_HOST_OFFSET)
  const end = start + load<i32>(REQUEST, REQ_HOST_BYTES)
  labels = 0
  for (let i = start; i < end; i++) if (load<u8>(i) === DOT) labels++
  at = start
  return labels > 0
}

/** The next wildcard's record, shorter ones later; 0 when there is none left. */
export function nextWildcard(table: i32): i32 {
  const wildcards = load<u64>(table, TABLE_WILDCARDS)
  const end = load<i32>(REQUEST, REQ_HOST_OFFSET) + load<i32>(REQUEST, REQ_HOST_BYTES)
  while (labels > 0) {
    while (load<u8>(at) !== DOT) at++
    const suffix = at++
    const bit = <u64>min(labels--, 63)
    if (((wildcards >> bit) & 1) === 0) continue
    const host = findHost(table, suffix, end)
    if (host !== 0) return host
  }
  return 0
}

/** The record of what covers every host, or 0. */
export function anyHost(table: i32): i32 {
  if ((load<u64>(table, TABLE_WILDCARDS) & 1) === 0) return 0
  return findHost(table, ANY, ANY + 1)
}

function findHost(table: i32, start: i32, end: i32): i32 {
  const bytes = end - start
  if (bytes === 0) return 0
  const hash = finish(hashBytes(load<u32>(table, TABLE_SEED), start, end), 0)
  const slots = table + load<i32>(table, TABLE_HOST_SLOTS)
  const mask = load<u32>(table, TABLE_HOST_MASK)
  for (let i: u32 = 0; i < <u32>PROBES_MAX; i++) {
    const slot = slots + <i32>((hash + i) & mask) * ENTRY_BYTES
    const offset = load<i32>(slot, ENTRY_OFFSET)
    if (offset === 0) return 0
    if (load<u32>(slot, ENTRY_HASH) !== hash) continue
    const host = table + offset
    if (load<i32>(host, HOST_NAME_BYTES) === bytes && sameBytes(host + HOST_NAME, start, bytes)) {
      return host
    }
  }
  return 0
}

/**
 * Hot path. A route's header changes (Gateway API HTTPHeaderFilter): `set` replaces every line of a name,
 * `add` appends, `remove` drops. Names compare without case. In a request `add` goes on with the last line of
 * the name, and a client's `X_Team` goes where `X-Team` is set or removed, because some backends read both as
 * one; in a response `add` is a line of its own, as Set-Cookie needs it (RFC 9110 §5.3).
 *
 *   list: CHANGES_COUNT │ records, whose texts lie at offsets from `base`
 */
import {
  FIELD_ADD,
  FIELD_DROP,
  FIELD_FLAGS,
  FIELD_NAME_BYTES,
  FIELD_NAME_OFFSET,
  FIELD_ODD,
  FIELD_VALUE_BYTES,
  FIELD_VALUE_OFFSET,
} from '../layout.ts'
import {
  CHANGE_ADD,
  CHANGE_BYTES,
  CHANGE_KIND,
  CHANGE_NAME,
  CHANGE_NAME_BYTES,
  CHANGE_REMOVE,
  CHANGE_SET,
  CHANGE_VALUE,
  CHANGE_VALUE_BYTES,
  CHANGES_COUNT,
  CHANGES_RECORDS,
} from '../table-layout.ts'
import { copy, lineEnd } from './bytes.ts'
import { DELETE, findTextEnd, LAST_CONTROL, lowerToken, vector } from './characters.ts'
import { fieldAt, fieldCount, knownOf } from './fields.ts'
import { K_COOKIE, sameName } from './known.ts'
import { writeField } from './lines.ts'

/** `: `, `, ` and the line end, and what a copy may write too much. */
const LINE_EXTRA_BYTES = 32

/** Marks the request's fields that the route replaces, extends or removes; before they are written. */
export function markRequest(list: i32, base: i32): void {
  const changes = load<i32>(list, CHANGES_COUNT)
  let change = list + CHANGES_RECORDS
  for (let i = 0; i < changes; i++, change += CHANGE_BYTES) {
    const name = base + load<i32>(change, CHANGE_NAME)
    const bytes = load<i32>(change, CHANGE_NAME_BYTES)
    const add = load<i32>(change, CHANGE_KIND) === CHANGE_ADD
    let last = 0
    for (let n = 0; n < fieldCount; n++) {
      const field = fieldAt(n)
      const flags = load<i32>(field, FIELD_FLAGS)
      if ((flags & FIELD_DROP) !== 0) continue
      const fieldName = load<i32>(field, FIELD_NAME_OFFSET)
      const fieldBytes = load<i32>(field, FIELD_NAME_BYTES)
      if (sameName(fieldName, fieldBytes, name, bytes)) {
        if (add) last = field
        else store<i32>(field, flags | FIELD_DROP, FIELD_FLAGS)
      } else if ((flags & FIELD_ODD) !== 0 && isShadow(fieldName, fieldBytes, name, bytes)) {
        store<i32>(field, flags | FIELD_DROP, FIELD_FLAGS)
      }
    }
    if (last !== 0) store<i32>(last, load<i32>(last, FIELD_FLAGS) | FIELD_ADD, FIELD_FLAGS)
  }
}

/** The same for a response's: those that the route replaces or removes. */
export function markResponse(list: i32, base: i32): void {
  const changes = load<i32>(list, CHANGES_COUNT)
  let change = list + CHANGES_RECORDS
  for (let i = 0; i < changes; i++, change += CHANGE_BYTES) {
    if (load<i32>(change, CHANGE_KIND) === CHANGE_ADD) continue
    const name = base + load<i32>(change, CHANGE_NAME)
    const bytes = load<i32>(change, CHANGE_NAME_BYTES)
    for (let n = 0; n < fieldCount; n++) {
      const field = fieldAt(n)
      const fieldName = load<i32>(field, FIELD_NAME_OFFSET)
      if (!sameName(fieldName, load<i32>(field, FIELD_NAME_BYTES), name, bytes)) continue
      store<i32>(field, load<i32>(field, FIELD_FLAGS) | FIELD_DROP, FIELD_FLAGS)
    }
  }
}

/** Writes what the route sets and adds, up to `stop`. Returns the offset behind it, or -500. */
export function writeChanges(out: i32, stop: i32, list: i32, base: i32): i32 {
  const changes = load<i32>(list, CHANGES_COUNT)
  let change = list + CHANGES_RECORDS
  let to = out
  for (let i = 0; i < changes; i++, change += CHANGE_BYTES) {
    const kind = load<i32>(change, CHANGE_KIND)
    if (kind === CHANGE_REMOVE) continue
    assert(kind === CHANGE_SET || kind === CHANGE_ADD)
    const name = base + load<i32>(change, CHANGE_NAME)
    const nameBytes = load<i32>(change, CHANGE_NAME_BYTES)
    const value = base + load<i32>(change, CHANGE_VALUE)
    const valueBytes = load<i32>(change, CHANGE_VALUE_BYTES)
    // The table was verified; a line end must not get out even so (http-rules 65).
    const valueEnd = value + valueBytes
    if (findTextEnd(value, valueEnd, vector(LAST_CONTROL), vector(DELETE)) < valueEnd) return -500
    const extended = kind === CHANGE_ADD ? extendedField(name, nameBytes) : 0
    const before = extended === 0 ? 0 : load<i32>(extended, FIELD_VALUE_BYTES)
    if (to + nameBytes + before + valueBytes + LINE_EXTRA_BYTES > stop) return -500
    if (before === 0) {
      to = writeField(to, name, nameBytes, value, valueBytes)
      continue
    }
    to = writeField(to, name, nameBytes, load<i32>(extended, FIELD_VALUE_OFFSET), before) - 2
    // Cookie is the one list that is joined otherwise (RFC 6265 §5.4).
    store<u8>(to++, knownOf(extended) === K_COOKIE ? 0x3b : 0x2c)
    if (knownOf(extended) === K_COOKIE) store<u8>(to++, 0x20)
    to = lineEnd(copy(to, value, valueBytes))
  }
  return to
}

/** The request's field that a change adds to, or 0. */
function extendedField(name: i32, bytes: i32): i32 {
  for (let n = 0; n < fieldCount; n++) {
    const field = fieldAt(n)
    if ((load<i32>(field, FIELD_FLAGS) & FIELD_ADD) === 0) continue
    const fieldName = load<i32>(field, FIELD_NAME_OFFSET)
    if (sameName(fieldName, load<i32>(field, FIELD_NAME_BYTES), name, bytes)) return field
  }
  return 0
}

/** Equal when everything but letters and digits is the same mark? */
function isShadow(a: i32, aBytes: i32, b: i32, bBytes: i32): bool {
  if (aBytes !== bBytes) return false
  for (let i = 0; i < aBytes; i++)
    if (marked(load<u8>(a + i)) !== marked(load<u8>(b + i))) return false
  return true
}

function marked(byte: i32): i32 {
  const c = lowerToken(byte)
  return <u32>(c - 0x61) < 26 || <u32>(c - 0x30) < 10 ? c : 0x2d
}

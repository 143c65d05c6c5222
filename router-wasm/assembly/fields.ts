/**
 * Hot path. Field lines (RFC 9112 §5) of a request or response, in one pass from left to right: the first
 * byte that breaks the grammar decides, so more bytes never change a verdict. Meaning is judged afterwards
 * (`framing.ts`), when the head is complete. About 9 ns a line.
 *
 *   name ":" OWS value OWS CRLF      FIELDS[n] = name, value, flags
 */
import {
  FIELD_BYTES,
  FIELD_FLAGS,
  FIELD_KNOWN_SHIFT,
  FIELD_LINE_BYTES_MAX,
  FIELD_NAME_BYTES,
  FIELD_NAME_HASH,
  FIELD_NAME_OFFSET,
  FIELD_ODD,
  FIELD_PLAIN,
  FIELD_VALUE_BYTES,
  FIELD_VALUE_OFFSET,
  FIELDS,
  HEAD_FIELDS_MAX,
} from '../layout.ts'
import {
  DELETE,
  findTextEnd,
  isSpace,
  LAST_CONTROL,
  lowerToken,
  NAME_CLASS,
  outside,
  vector,
} from './characters.ts'
import { bit, knownName } from './known.ts'

const CR = 0x0d
const LF = 0x0a
const CRLF = 0x0a0d
const COLON = 0x3a
const SPACE = 0x20

/** Fields of the newest head. */
export let fieldCount: i32 = 0
/** Known names that it has, and those that it has more than once: a bit each. */
export let seen: u64 = 0
export let repeated: u64 = 0
/** Some name has FIELD_ODD. */
export let oddSeen: bool = false

/** Number of the first field with a known name; only for those in `seen`. */
const FIRST: i32 = <i32>memory.data(64)

export function has(known: i32): bool {
  return (seen & bit(known)) !== 0
}

export function isRepeated(known: i32): bool {
  return (repeated & bit(known)) !== 0
}

/** Record of the first field with this known name. */
export function firstField(known: i32): i32 {
  return FIELDS + <i32>load<u8>(FIRST + known) * FIELD_BYTES
}

export function fieldAt(index: i32): i32 {
  return FIELDS + index * FIELD_BYTES
}

/** Record of the first field with this lower-case name, or 0. */
export function fieldNamed(name: i32, bytes: i32): i32 {
  for (let i = 0; i < fieldCount; i++) {
    const field = fieldAt(i)
    if (load<i32>(field, FIELD_NAME_BYTES) !== bytes) continue
    if (isName(load<i32>(field, FIELD_NAME_OFFSET), name, bytes)) return field
  }
  return 0
}

export function knownOf(field: i32): i32 {
  return load<i32>(field, FIELD_FLAGS) >>> FIELD_KNOWN_SHIFT
}

/**
 * Scans from the first field line to the empty line. Returns the offset behind it, 0 when `limit` comes
 * first, -400 when the grammar is broken, -431 when a line is too long or there are too many.
 *
 * A line's end is looked for from its very beginning, not from its colon: so the next line does not wait
 * for this one's name, and the processor works on both at once.
 */
export function scanFields(start: i32, limit: i32): i32 {
  let at = start
  let count = 0
  let names: u64 = 0
  let twice: u64 = 0
  oddSeen = false
  const lastControl = vector(LAST_CONTROL)
  const del = vector(DELETE)
  const nameClass = vector(NAME_CLASS)
  for (;;) {
    if (count === HEAD_FIELDS_MAX && at < limit && load<u8>(at) !== CR) return -431
    const line = at
    const lineStop = line + FIELD_LINE_BYTES_MAX + 1
    const stop = min(limit, lineStop)
    const end = findTextEnd(line, stop, lastControl, del)
    if (end + 1 >= stop || load<u16>(end) !== CRLF) {
      if (end >= stop) return stop === lineStop ? -431 : 0
      if (load<u8>(end) !== CR) return -400
      if (end + 1 >= limit) return 0
      if (load<u8>(end, 1) !== LF) return -400
    }
    at = end + 2
    if (end === line) break

    let flags = 0
    let colon = findNameEnd(line, end, nameClass)
    if (load<u8>(colon) !== COLON) {
      flags = FIELD_ODD
      oddSeen = true
      while (colon < end && lowerToken(load<u8>(colon)) !== 0) colon++
    }
    if (load<u8>(colon) !== COLON || colon === line) return -400
    let value = colon + 1
    while (value < end && isSpace(load<u8>(value))) value++
    let valueEnd = end
    while (valueEnd > value && isSpace(load<u8>(valueEnd - 1))) valueEnd--
    if (value === colon + 2 && load<u8>(colon, 1) === SPACE && valueEnd === end && value < end) {
      flags |= FIELD_PLAIN
    }

    const nameBytes = colon - line
    const known = knownName(line, nameBytes)
    if (known !== 0) {
      const mark = bit(known)
      if ((names & mark) !== 0) twice |= mark
      else store<u8>(FIRST + known, <u8>count)
      names |= mark
    }
    const field = fieldAt(count)
    store<i32>(field, line, FIELD_NAME_OFFSET)
    store<i32>(field, nameBytes, FIELD_NAME_BYTES)
    store<i32>(field, value, FIELD_VALUE_OFFSET)
    store<i32>(field, valueEnd - value, FIELD_VALUE_BYTES)
    store<i32>(field, flags | (known << FIELD_KNOWN_SHIFT), FIELD_FLAGS)
    count++
  }
  fieldCount = count
  seen = names
  repeated = twice
  return at
}

/** First byte from `at` that is not a letter, digit or hyphen; the one at `end` is none. */
function findNameEnd(at: i32, end: i32, nameClass: v128): i32 {
  for (; at < end; at += 16) {
    const mask = outside(v128.load(at), nameClass)
    if (mask !== 0) return at + ctz(mask)
  }
  return end
}

/** Fills FIELD_NAME_HASH: FNV-1a of the lower-cased name. 4 cycles a byte, so only when a table asks. */
export function hashNames(): void {
  for (let i = 0; i < fieldCount; i++) {
    const field = fieldAt(i)
    const name = load<i32>(field, FIELD_NAME_OFFSET)
    const end = name + load<i32>(field, FIELD_NAME_BYTES)
    let hash: u32 = 0x811c9dc5
    for (let at = name; at < end; at++) hash = (hash ^ lowerToken(load<u8>(at))) * 0x01000193
    store<u32>(field, hash, FIELD_NAME_HASH)
  }
}

/** Is the received name, in any case, this lower-case one? */
export function isName(received: i32, name: i32, bytes: i32): bool {
  for (let i = 0; i < bytes; i++) {
    if (lowerToken(load<u8>(received + i)) !== <i32>load<u8>(name + i)) return false
  }
  return true
}

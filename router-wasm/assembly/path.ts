/**
 * Hot path. The canonical path (http-rules 61): one view for matching, filters, logs and forwarding.
 * Unreserved characters are decoded and other escapes upper-cased (RFC 3986 §6.2.2), dot segments are
 * resolved afterwards, so `%2e%2e` is one too; `%00`, `%2f` and `%5c` are refused, because programs behind
 * us disagree about them. `//` and `;` stay as they are. The result is never longer than the source.
 */
import { PATH, REQ_PATH_BYTES, REQ_PATH_OFFSET, REQUEST } from '../layout.ts'
import { copy } from './bytes.ts'
import { hexDigit } from './characters.ts'

const SLASH = 0x2f
const DOT = 0x2e
const PERCENT = 0x25

/** Takes a path that has neither `%` nor `/.`: it is canonical already. */
export function takePath(from: i32, bytes: i32): void {
  copy(PATH, from, bytes)
  store<i32>(REQUEST, PATH, REQ_PATH_OFFSET)
  store<i32>(REQUEST, bytes, REQ_PATH_BYTES)
}

/** Writes the canonical form of a path of target characters that begins with `/`. Returns 0 or -400. */
export function canonicalPath(from: i32, bytes: i32): i32 {
  const end = from + bytes
  let out = PATH
  let segment = PATH
  for (let at = from; at < end; at++) {
    const byte = <i32>load<u8>(at)
    if (byte === SLASH) {
      if (at > from) out = closeSegment(segment, out)
      segment = out
      store<u8>(out++, <u8>SLASH)
    } else if (byte === PERCENT) {
      const value = escaped(at, end)
      if (value <= 0 || value === SLASH || value === 0x5c) return -400
      if (isUnreserved(value)) {
        store<u8>(out++, <u8>value)
      } else {
        store<u8>(out, <u8>PERCENT)
        store<u8>(out, upperHex(load<u8>(at + 1)), 1)
        store<u8>(out, upperHex(load<u8>(at + 2)), 2)
        out += 3
      }
      at += 2
    } else {
      store<u8>(out++, <u8>byte)
    }
  }
  // A path that ends with a dot segment ends with the slash before it.
  const closed = closeSegment(segment, out)
  if (closed !== out) {
    store<u8>(closed, <u8>SLASH)
    out = closed + 1
  }
  store<i32>(REQUEST, PATH, REQ_PATH_OFFSET)
  store<i32>(REQUEST, out - PATH, REQ_PATH_BYTES)
  return 0
}

/** Checks the escapes of a query: well-formed and not `%00`. Returns 0 or -400. */
export function checkQuery(from: i32, bytes: i32): i32 {
  const end = from + bytes
  for (let at = from; at < end; at++) {
    if (load<u8>(at) === PERCENT && escaped(at, end) <= 0) return -400
  }
  return 0
}

/**
 * Ends the segment whose slash is at `segment`. Returns where the next slash goes: behind the segment,
 * onto its slash for `.`, onto the slash before for `..` (the first one stays).
 */
function closeSegment(segment: i32, out: i32): i32 {
  const bytes = out - segment
  if (bytes === 2 && load<u8>(segment, 1) === DOT) return segment
  if (bytes === 3 && load<u8>(segment, 1) === DOT && load<u8>(segment, 2) === DOT) {
    if (segment === PATH) return PATH
    let before = segment - 1
    while (before > PATH && load<u8>(before) !== SLASH) before--
    return before
  }
  return out
}

/** Value of the escape at `at`, or -1. */
function escaped(at: i32, end: i32): i32 {
  if (at + 2 >= end) return -1
  const high = hexDigit(load<u8>(at, 1))
  const low = hexDigit(load<u8>(at, 2))
  return high < 0 || low < 0 ? -1 : (high << 4) | low
}

function upperHex(byte: u8): u8 {
  return byte >= 0x61 ? byte - 0x20 : byte
}

function isUnreserved(byte: i32): bool {
  return (
    <u32>((byte | 0x20) - 0x61) < 26 ||
    <u32>(byte - 0x30) < 10 ||
    byte === 0x2d ||
    byte === DOT ||
    byte === 0x5f ||
    byte === 0x7e
  )
}

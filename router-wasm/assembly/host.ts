/**
 * Hot path. An authority of Host or an absolute target (http-rules 20, 62) and its canonical host: lower
 * case, without port and without one trailing dot; an IPv6 address keeps its brackets. Strict: a DNS name
 * of letters, digits, "-", "_" and dots, an IPv4 address as such a name, or an IPv6 literal; a port is 1 to
 * 65535 without leading zeros. User information, escapes and lists are refused.
 */
import {
  HOST,
  HOST_BYTES_MAX,
  REQ_AUTHORITY_BYTES,
  REQ_AUTHORITY_OFFSET,
  REQ_HOST_BYTES,
  REQ_HOST_OFFSET,
  REQUEST,
} from '../layout.ts'
import { hexDigit, hostClass, outside } from './characters.ts'

const COLON = 0x3a
const DOT = 0x2e
/** A canonical host leaves room for one byte behind it. */
const NAME_BYTES_MAX = HOST_BYTES_MAX - 1

/** Remembers the authority and writes its canonical host. Returns 0 or -400. */
export function takeAuthority(at: i32, bytes: i32): i32 {
  store<i32>(REQUEST, at, REQ_AUTHORITY_OFFSET)
  store<i32>(REQUEST, bytes, REQ_AUTHORITY_BYTES)
  const end = at + bytes
  const hostBytes = load<u8>(at) === 0x5b ? addressBytes(at, end) : nameBytes(at, end)
  if (hostBytes <= 0) return -400
  const port = at + hostBytes
  if (port < end && !isPort(port, end)) return -400
  // One trailing dot marks a name that is complete; it is not part of the name.
  const canonical =
    load<u8>(at, 0) !== 0x5b && load<u8>(port - 1) === DOT ? hostBytes - 1 : hostBytes
  if (canonical === 0) return -400
  for (let i = 0; i < canonical; i += 16) v128.store(HOST + i, lower(v128.load(at + i)))
  store<i32>(REQUEST, HOST, REQ_HOST_OFFSET)
  store<i32>(REQUEST, canonical, REQ_HOST_BYTES)
  return 0
}

/** No authority: an HTTP/1.0 request without Host. */
export function noAuthority(): void {
  store<i32>(REQUEST, HOST, REQ_AUTHORITY_OFFSET)
  store<i32>(REQUEST, 0, REQ_AUTHORITY_BYTES)
  store<i32>(REQUEST, HOST, REQ_HOST_OFFSET)
  store<i32>(REQUEST, 0, REQ_HOST_BYTES)
}

/** The same host and port but for case? */
export function sameAuthority(a: i32, aBytes: i32, b: i32, bBytes: i32): bool {
  if (aBytes !== bBytes) return false
  for (let i = 0; i < aBytes; i++) {
    if (lowerByte(load<u8>(a + i)) !== lowerByte(load<u8>(b + i))) return false
  }
  return true
}

/** Bytes of a DNS name before its colon or end; 0 when it is empty, too long or has an empty label. */
function nameBytes(at: i32, end: i32): i32 {
  const stop = min(end, at + NAME_BYTES_MAX + 1)
  let here = at
  // The first label is empty when a dot comes first: as if a dot had come before.
  let dotBefore = 1
  while (here < stop) {
    const bytes = v128.load(here)
    const mask = outside(bytes, hostClass()) | (here + 16 > stop ? -1 << (stop - here) : 0)
    const inside = mask === 0 ? 0xffff : (1 << ctz(mask)) - 1
    const dots = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(0x2e))) & inside
    if ((dots & ((dots << 1) | dotBefore)) !== 0) return 0
    if (mask !== 0) {
      here += ctz(mask)
      break
    }
    dotBefore = dots >> 15
    here += 16
  }
  if (here - at > NAME_BYTES_MAX) return 0
  return here === end || load<u8>(here) === COLON ? here - at : 0
}

/** Bytes of an IPv6 literal with its brackets (RFC 3986 §3.2.2), or 0. */
function addressBytes(at: i32, end: i32): i32 {
  let here = at + 1
  let groups = 0
  let gap = false
  if (here + 1 < end && load<u8>(here) === COLON) {
    if (load<u8>(here, 1) !== COLON) return 0
    gap = true
    here += 2
  }
  // Each round takes a group of 1 to 4 hex digits and what stands behind it.
  for (let round = 0; round < 8 && here < end; round++) {
    if (load<u8>(here) === 0x5d) break
    const group = here
    while (here < end && here - group < 5 && hexDigit(load<u8>(here)) >= 0) here++
    if (here === end) return 0
    if (load<u8>(here) === DOT) {
      here = ipv4End(group, end)
      if (here === 0) return 0
      groups += 2
      break
    }
    if (here === group || here - group > 4) return 0
    groups++
    if (load<u8>(here) !== COLON) break
    here++
    if (here < end && load<u8>(here) === COLON) {
      if (gap) return 0
      gap = true
      here++
    } else if (here < end && load<u8>(here) === 0x5d) {
      return 0
    }
  }
  if (here >= end || load<u8>(here) !== 0x5d) return 0
  if (gap ? groups > 7 : groups !== 8) return 0
  const bytes = here + 1 - at
  if (here + 1 < end && load<u8>(here, 1) !== COLON) return 0
  return bytes
}

/** Offset behind a dotted IPv4 address (each part 0 to 255, no leading zeros), or 0. */
function ipv4End(at: i32, end: i32): i32 {
  for (let part = 0; part < 4; part++) {
    if (part > 0) {
      if (at >= end || load<u8>(at) !== DOT) return 0
      at++
    }
    const first = at
    let value = 0
    while (at < end && at - first < 3 && <u32>(load<u8>(at) - 0x30) < 10) {
      value = value * 10 + (load<u8>(at) - 0x30)
      at++
    }
    if (at === first || value > 255 || (at - first > 1 && load<u8>(first) === 0x30)) return 0
  }
  return at
}

/** `:` and 1 to 65535. */
export function isPort(at: i32, end: i32): bool {
  const digits = end - at - 1
  if (load<u8>(at) !== COLON || digits < 1 || digits > 5 || load<u8>(at, 1) === 0x30) return false
  let value = 0
  for (let i = 1; i <= digits; i++) {
    const digit = <u32>load<u8>(at + i) - 0x30
    if (digit > 9) return false
    value = value * 10 + digit
  }
  return value <= 65535
}

function lower(bytes: v128): v128 {
  const upper = i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(0x41)), i8x16.splat(26))
  return v128.or(bytes, v128.and(upper, i8x16.splat(0x20)))
}

function lowerByte(byte: i32): i32 {
  return <u32>(byte - 0x41) < 26 ? byte | 0x20 : byte
}

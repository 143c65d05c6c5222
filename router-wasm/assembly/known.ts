/**
 * Hot path. The field names that the grammar knows, each with a small number, found without looking at every
 * byte. Length and first letter give the one slot in which a name could be, so most names are ruled out by
 * one load and a compare; the rest is compared whole as three words of eight (names that collide with
 * `content-length` under a hash are easy to make). 2 ns a name, where a hash of all bytes took 7.
 * Lower-casing is one OR a word: only `^` and `_` change wrongly, into bytes that no known name has.
 */
import { word } from './bytes.ts'
import { lowerToken } from './characters.ts'

export const K_HOST = 1
export const K_CONTENT_LENGTH = 2
export const K_TRANSFER_ENCODING = 3
export const K_CONNECTION = 4
export const K_UPGRADE = 5
export const K_EXPECT = 6
export const K_TE = 7
export const K_MAX_FORWARDS = 8
export const K_VIA = 9
export const K_WEBSOCKET_KEY = 10
export const K_WEBSOCKET_VERSION = 11
export const K_KEEP_ALIVE = 12
export const K_PROXY_CONNECTION = 13
export const K_PROXY_AUTHORIZATION = 14
export const K_PROXY_AUTHENTICATE = 15
export const K_TRAILER = 16
export const K_HTTP2_SETTINGS = 17
export const K_FORWARDED = 18
export const K_X_REAL_IP = 19
/** Every name that begins with `x-forwarded-`. */
export const K_X_FORWARDED = 20
export const K_COOKIE = 21
export const K_AUTHORIZATION = 22
export const K_DATE = 23
/** Only an option of Connection, never a field. */
export const K_CLOSE = 24

// In the order of the numbers.
const NAMES =
  'host content-length transfer-encoding connection upgrade expect te max-forwards via sec-websocket-key ' +
  'sec-websocket-version keep-alive proxy-connection proxy-authorization proxy-authenticate trailer ' +
  'http2-settings forwarded x-real-ip x-forwarded- cookie authorization date close '

export function bit(known: i32): u64 {
  return (<u64>1) << (<u64>known)
}

/** RFC 9110 §7.6.1 and http-rules 41: removed in both directions. */
export const HOP_BY_HOP: u64 =
  bit(K_CONNECTION) |
  bit(K_KEEP_ALIVE) |
  bit(K_PROXY_CONNECTION) |
  bit(K_TE) |
  bit(K_TRANSFER_ENCODING) |
  bit(K_UPGRADE) |
  bit(K_TRAILER) |
  bit(K_PROXY_AUTHORIZATION) |
  bit(K_PROXY_AUTHENTICATE) |
  bit(K_HTTP2_SETTINGS)

/** Written by us and by nobody else (http-rules 40, 56), or deciding about the message itself. */
export const OURS: u64 =
  bit(K_HOST) |
  bit(K_CONTENT_LENGTH) |
  bit(K_TRANSFER_ENCODING) |
  bit(K_VIA) |
  bit(K_FORWARDED) |
  bit(K_X_REAL_IP) |
  bit(K_X_FORWARDED) |
  bit(K_EXPECT) |
  bit(K_MAX_FORWARDS)

// A slot: three words of the name (the middle one only of names longer than 16), then bytes and number.
const SLOT_BYTES = 32
const SLOT_MASK = 63
const TABLE: i32 = <i32>memory.data(2048, 8)
const NAME_BYTES_MAX = 24

/** Bit 5 of eight bytes: upper case to lower. */
const LOWER_BITS: u64 = word('        ')
const X_FORWAR: u64 = word('x-forwar')
const DED_: u32 = <u32>word('ded-')

function lower8(at: i32): u64 {
  return load<u64>(at) | LOWER_BITS
}

/** A perfect hash of the known names; `fillTable` asserts it. */
function slotOf(at: i32, bytes: i32): i32 {
  return TABLE + (((bytes << 2) + (<i32>load<u8>(at) & 31) * 3) & SLOT_MASK) * SLOT_BYTES
}

/** Number of the name, or 0. Reads up to 7 bytes behind it. The name must be a token. */
export function knownName(at: i32, bytes: i32): i32 {
  const slot = slotOf(at, bytes)
  if (load<i32>(slot, 24) === bytes) {
    if (
      load<u64>(slot) === firstWord(at, bytes) &&
      load<u64>(slot, 8) === lastWord(at, bytes) &&
      (bytes <= 16 || load<u64>(slot, 16) === lower8(at + 8))
    ) {
      return load<i32>(slot, 28)
    }
  }
  if ((load<u8>(at) | 0x20) !== 0x78 || bytes < 12 || lower8(at) !== X_FORWAR) return 0
  return (load<u32>(at, 8) | <u32>LOWER_BITS) === DED_ ? K_X_FORWARDED : 0
}

function firstWord(at: i32, bytes: i32): u64 {
  return bytes >= 8 ? lower8(at) : lower8(at) & (((<u64>1) << ((<u64>bytes) << 3)) - 1)
}

function lastWord(at: i32, bytes: i32): u64 {
  return bytes >= 8 ? lower8(at + bytes - 8) : 0
}

const NAME_SPACE: i32 = <i32>memory.data(64, 8)

function fillTable(): void {
  let known = 1
  let bytes = 0
  for (let i = 0; i < NAMES.length; i++) {
    const c = NAMES.charCodeAt(i)
    if (c !== 0x20) {
      store<u8>(NAME_SPACE + bytes++, <u8>c)
      continue
    }
    insert(known++, bytes)
    bytes = 0
  }
  assert(known === K_CLOSE + 1)
}

function insert(known: i32, bytes: i32): void {
  if (known === K_X_FORWARDED) return
  assert(bytes <= NAME_BYTES_MAX)
  const slot = slotOf(NAME_SPACE, bytes)
  assert(load<i32>(slot, 28) === 0)
  store<u64>(slot, firstWord(NAME_SPACE, bytes))
  store<u64>(slot, lastWord(NAME_SPACE, bytes), 8)
  store<u64>(slot, lower8(NAME_SPACE + 8), 16)
  store<i32>(slot, bytes, 24)
  store<i32>(slot, known, 28)
}
fillTable()

/**
 * Number of the known name that `at` would be if each character besides letters, digits and hyphens were
 * a hyphen: CGI and WSGI see `X_Forwarded_For` and `X-Forwarded-For` as one (http-rules 26).
 */
export function shadowedName(at: i32, bytes: i32): i32 {
  const copied = min(bytes, 32)
  for (let i = 0; i < copied; i++) {
    const c = lowerToken(load<u8>(at + i))
    const plain = <u32>(c - 0x61) < 26 || <u32>(c - 0x30) < 10
    store<u8>(NAME_SPACE + i, plain ? <u8>c : 0x2d)
  }
  return knownName(NAME_SPACE, bytes)
}

/** Are the two names equal but for case? Both are tokens. */
export function sameName(a: i32, aBytes: i32, b: i32, bBytes: i32): bool {
  if (aBytes !== bBytes) return false
  for (let i = 0; i < aBytes; i++) {
    if (lowerToken(load<u8>(a + i)) !== lowerToken(load<u8>(b + i))) return false
  }
  return true
}

/**
 * Hot path. Bytes and numbers into memory. `copy` works in steps of 16 and so writes up to 15 bytes behind
 * what it was asked for: every output leaves that much room (a call of `memory.copy` leaves the module and
 * costs more than most copies here).
 */

/** Copies and returns the offset behind the copy. */
export function copy(to: i32, from: i32, bytes: i32): i32 {
  for (let i = 0; i < bytes; i += 16) v128.store(to + i, v128.load(from + i))
  return to + bytes
}

/** Text of static ASCII, as `ascii` made it. */
export function copyText(to: i32, text: i32): i32 {
  return copy(to, text + 4, load<i32>(text))
}

/** Room for a text of static ASCII: an i32 of bytes and the bytes. To be called at start only. */
export function ascii(text: string, room: i32): i32 {
  assert(text.length + 4 <= 64)
  store<i32>(room, text.length)
  for (let i = 0; i < text.length; i++) store<u8>(room + 4 + i, <u8>text.charCodeAt(i))
  return room
}

/** Up to eight ASCII characters as the word that `load<u64>` would give. To be called at start only. */
export function word(text: string): u64 {
  assert(text.length <= 8)
  let value: u64 = 0
  for (let i = text.length - 1; i >= 0; i--) value = (value << 8) | text.charCodeAt(i)
  return value
}

/** Two bytes. */
export function lineEnd(to: i32): i32 {
  store<u16>(to, 0x0a0d)
  return to + 2
}

/** Decimal digits of a number below 10^16; returns the offset behind them. */
export function decimal(to: i32, value: u64): i32 {
  let digits = 1
  for (let bound: u64 = 10; digits < 16 && value >= bound; bound *= 10) digits++
  for (let i = digits - 1; i >= 0; i--) {
    store<u8>(to + i, 0x30 + <u8>(value % 10))
    value /= 10
  }
  return to + digits
}

/** Hex digits that a number needs. */
export function hexDigits(value: u32): i32 {
  return value === 0 ? 1 : (35 - clz(value)) >> 2
}

/** `digits` hex digits of a number; returns the offset behind them. */
export function hex(to: i32, value: u32, digits: i32): i32 {
  for (let i = digits - 1; i >= 0; i--) {
    const digit = value & 15
    store<u8>(to + i, <u8>(digit < 10 ? 0x30 + digit : 0x57 + digit))
    value >>= 4
  }
  return to + digits
}

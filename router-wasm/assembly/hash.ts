/**
 * Hot path. The hash of hosts and paths; `../table-hash.ts` says the same in JavaScript and a test holds
 * the two together. Eight bytes a step as two words that are multiplied side by side, so a step costs one
 * multiplication in the chain (5 cycles; FNV-1a would need 32). Zeros behind the text need no length: no
 * host or path contains one, and a path's segments begin with their slash.
 */
const FIRST: u32 = 0x9e3779b1
const SECOND: u32 = 0x85ebca77
const CHAIN: u32 = 0xc2b2ae3d

function step(hash: u32, first: u32, second: u32): u32 {
  return (rotl<u32>(hash, 5) ^ (first * FIRST + second * SECOND)) * CHAIN
}

/** Hashes at least one byte; reads up to 7 behind `end`. */
export function hashBytes(hash: u32, start: i32, end: i32): u32 {
  let at = start
  while (end - at > 8) {
    hash = step(hash, load<u32>(at), load<u32>(at, 4))
    at += 8
  }
  const last = load<u64>(at) & (u64.MAX_VALUE >> ((<u64>(8 - (end - at))) << 3))
  return step(hash, <u32>last, <u32>(last >> 32))
}

/** Spreads a hash over all bits, apart for each owner (a host's offset; 0 for hosts themselves). */
export function finish(hash: u32, owner: i32): u32 {
  let mixed = hash ^ (<u32>owner * FIRST)
  mixed = (mixed ^ (mixed >> 16)) * 0x85ebca6b
  mixed = (mixed ^ (mixed >> 13)) * 0xc2b2ae35
  return mixed ^ (mixed >> 16)
}

/** Of whole words, for the checksum of a table; four chains side by side, 1 ns for 16 bytes. */
export function checksum(start: i32, end: i32): u32 {
  let a: u32 = 1
  let b: u32 = 2
  let c: u32 = 3
  let d: u32 = 4
  let at = start
  for (; at + 16 <= end; at += 16) {
    a = (rotl<u32>(a, 5) ^ load<u32>(at)) * CHAIN
    b = (rotl<u32>(b, 5) ^ load<u32>(at, 4)) * CHAIN
    c = (rotl<u32>(c, 5) ^ load<u32>(at, 8)) * CHAIN
    d = (rotl<u32>(d, 5) ^ load<u32>(at, 12)) * CHAIN
  }
  for (; at < end; at += 4) a = (rotl<u32>(a, 5) ^ load<u32>(at)) * CHAIN
  return finish(a + rotl<u32>(b, 7) + rotl<u32>(c, 13) + rotl<u32>(d, 19), 0)
}

/** The same `bytes` at both places? 16 a step; reads up to 15 behind. */
export function sameBytes(a: i32, b: i32, bytes: i32): bool {
  let left = bytes
  while (left > 16) {
    if (i8x16.bitmask(i8x16.eq(v128.load(a), v128.load(b))) !== 0xffff) return false
    a += 16
    b += 16
    left -= 16
  }
  const equal = i8x16.bitmask(i8x16.eq(v128.load(a), v128.load(b)))
  return ((equal ^ 0xffff) & ((1 << left) - 1)) === 0
}

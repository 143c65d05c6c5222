/**
 * Hot path. The hash of hosts and paths; `../table-hash.ts` says the same in JavaScript, and tables would
 * not work if they differed. Eight bytes a step as two words that are multiplied side by side, so a step
 * costs one multiplication in the chain (5 cycles; FNV-1a would need 32). The last step takes what is left,
 * 0 to 7 bytes, so the hash of any prefix is one step away from the state before its last block.
 */
const FIRST: u32 = 0x9e3779b1
const SECOND: u32 = 0x85ebca77
const CHAIN: u32 = 0xc2b2ae3d

/** State after the 8 bytes at `at`. */
export function hashBlock(state: u32, at: i32): u32 {
  return step(state, load<u32>(at), load<u32>(at, 4))
}

/** State after the last `bytes`, fewer than 8, at `at`; reads all 8. */
export function hashRest(state: u32, at: i32, bytes: i32): u32 {
  const rest = load<u64>(at) & (((<u64>1) << ((<u64>bytes) << 3)) - 1)
  return step(state, <u32>rest, <u32>(rest >> 32))
}

export function hashBytes(seed: u32, start: i32, end: i32): u32 {
  let state = seed
  let at = start
  for (; end - at >= 8; at += 8) state = hashBlock(state, at)
  return hashRest(state, at, end - at)
}

function step(state: u32, first: u32, second: u32): u32 {
  return (rotl<u32>(state, 5) ^ (first * FIRST + second * SECOND)) * CHAIN
}

/** Spreads a hash over all bits, apart for each owner (a host's offset; 0 for hosts themselves). */
export function finish(hash: u32, owner: i32): u32 {
  let mixed = hash ^ (<u32>owner * FIRST)
  mixed = (mixed ^ (mixed >> 16)) * 0x85ebca6b
  mixed = (mixed ^ (mixed >> 13)) * 0xc2b2ae35
  return mixed ^ (mixed >> 16)
}

/** Of whole words, for the checksum of a table; four chains side by side. */
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

/**
 * The same `bytes` at both places? The first 32 in one step, because the end of a loop that runs once or
 * twice is mispredicted, which costs more than 16 bytes compared in vain. Reads up to 31 bytes behind.
 */
export function sameBytes(a: i32, b: i32, bytes: i32): bool {
  let left = bytes
  while (left > 32) {
    if (equalBits(a, b) !== 0xffffffff) return false
    a += 32
    b += 32
    left -= 32
  }
  return ((equalBits(a, b) ^ 0xffffffff) & <u32>(((<u64>1) << (<u64>left)) - 1)) === 0
}

/** A bit for each of 32 bytes that are equal. */
function equalBits(a: i32, b: i32): u32 {
  const low = i8x16.bitmask(i8x16.eq(v128.load(a), v128.load(b)))
  const high = i8x16.bitmask(i8x16.eq(v128.load(a, 16), v128.load(b, 16)))
  return <u32>low | ((<u32>high) << 16)
}

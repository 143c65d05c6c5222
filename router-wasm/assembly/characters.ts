/**
 * Hot path. Which bytes may stand where. Classes are looked up for 16 bytes at a time: every set of ASCII
 * characters fits two 16-byte tables, because the high nibble (8 values) names a bit and the low nibble
 * says which of those bits are members; a byte is in the class when the two share a bit. Two swizzles and
 * a compare for 16 bytes, where a table of 256 costs a load and a branch for each.
 *
 * The tables are loaded from memory, once before a loop: V8 makes a v128 constant anew at each use, three
 * instructions each time, which was a third of all that a scan executed.
 */

const VECTORS: i32 = <i32>memory.data(96, 16)

// Names of the vectors.
/** The last control character; DEL. */
export const LAST_CONTROL = 0
export const DELETE = 16
/** What every class needs: the low nibble, and one bit for each high nibble below 8 (none from 8 on). */
const LOW_NIBBLE = 32
const HIGH_BITS = 48
/** Letters, digits, "-": what nearly all field names are made of. */
export const NAME_CLASS = 64
/** Visible ASCII without `"`, `#`, `<`, `>`, `\`, `^`, backtick, `{`, `|`, `}` (http-rules 10, 11). */
export const TARGET_CLASS = 80

function fillVectors(): void {
  v128.store(VECTORS + LAST_CONTROL, i8x16.splat(0x1f))
  v128.store(VECTORS + DELETE, i8x16.splat(0x7f))
  v128.store(VECTORS + LOW_NIBBLE, i8x16.splat(0x0f))
  v128.store(VECTORS + HIGH_BITS, i8x16(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0))
  v128.store(
    VECTORS + NAME_CLASS,
    i8x16(-88, -8, -8, -8, -8, -8, -8, -8, -8, -8, -16, 80, 80, 84, 80, 80),
  )
  v128.store(
    VECTORS + TARGET_CLASS,
    i8x16(-72, -4, -8, -8, -4, -4, -4, -4, -4, -4, -4, 124, 84, 124, -44, 124),
  )
}
fillVectors()

export function vector(name: i32): v128 {
  return v128.load(VECTORS + name)
}

/** Letters, digits, "-", ".", "_". */
export function hostClass(): v128 {
  return i8x16(-88, -8, -8, -8, -8, -8, -8, -8, -8, -8, -16, 80, 80, 84, 84, 112)
}

/** One bit for each of the 16 bytes that is not in the class. */
export function outside(bytes: v128, lowNibbles: v128): i32 {
  const nibble = vector(LOW_NIBBLE)
  const low = i8x16.swizzle(lowNibbles, v128.and(bytes, nibble))
  const high = i8x16.swizzle(vector(HIGH_BITS), v128.and(i16x8.shr_u(bytes, 4), nibble))
  return i8x16.bitmask(i8x16.eq(v128.and(low, high), i8x16.splat(0)))
}

/**
 * Offset of the first byte from `at` that may not stand in text (a control but HTAB, or DEL); `stop` or
 * more when there is none before.
 */
export function findTextEnd(at: i32, stop: i32, lastControl: v128, del: v128): i32 {
  while (at < stop) {
    const bytes = v128.load(at)
    const control = i8x16.eq(i8x16.min_u(bytes, lastControl), bytes)
    const mask = i8x16.bitmask(v128.or(control, i8x16.eq(bytes, del)))
    if (mask === 0) {
      at += 16
      continue
    }
    at += ctz(mask)
    // A tab is seldom enough to stop for.
    if (at >= stop || load<u8>(at) !== 0x09) return at
    at++
  }
  return at
}

/** For each byte: the lower-case character when it may stand in a token (RFC 9110 §5.6.2), else 0. */
const LOWER: i32 = <i32>memory.data(256)

function fillLower(): void {
  const marks = "!#$%&'*+-.^_`|~"
  for (let i = 0; i < marks.length; i++)
    store<u8>(LOWER + marks.charCodeAt(i), <u8>marks.charCodeAt(i))
  for (let c = 0x30; c <= 0x39; c++) store<u8>(LOWER + c, <u8>c)
  for (let c = 0x41; c <= 0x5a; c++) store<u8>(LOWER + c, <u8>(c | 0x20))
  for (let c = 0x61; c <= 0x7a; c++) store<u8>(LOWER + c, <u8>c)
}
fillLower()

export function lowerToken(byte: i32): i32 {
  return load<u8>(LOWER + byte)
}

/** 0 to 15, or -1. */
export function hexDigit(byte: i32): i32 {
  if (<u32>(byte - 0x30) < 10) return byte - 0x30
  const letter = (byte | 0x20) - 0x61
  return <u32>letter < 6 ? letter + 10 : -1
}

/** SP or HTAB: optional white space. */
export function isSpace(byte: i32): bool {
  return byte === 0x20 || byte === 0x09
}

/**
 * Hot path. A request head where it landed: grammar in one pass (request line here, fields in `fields.ts`),
 * then its meaning (`judge.ts`). The first byte that breaks a rule decides, so a verdict never changes when
 * more bytes come; a head that is too large is refused as soon as that is certain.
 */
import {
  EMPTY_LINES_MAX,
  HEAD_BYTES_MAX,
  METHOD_BYTES_MAX,
  READ_SLACK_BYTES,
  REQ_FIELD_COUNT,
  REQ_FLAGS,
  REQ_HEAD_BYTES,
  REQ_MAY_CONTINUE,
  REQ_METHOD_BYTES,
  REQ_METHOD_OFFSET,
  REQ_MINOR,
  REQUEST,
  TARGET_BYTES_MAX,
} from '../layout.ts'
import { word } from './bytes.ts'
import { lowerToken, outside, TARGET_CLASS, vector } from './characters.ts'
import { fieldCount, scanFields } from './fields.ts'
import { judgeRequest } from './judge.ts'
import { takeTarget } from './target.ts'

const CR = 0x0d
const LF = 0x0a
const SPACE = 0x20

/** What `scanTarget` saw; 0 from a scan of the target alone. */
let targetStart: i32 = 0
let targetBytes: i32 = 0
/** First `?`; 0 when there is none. */
let queryStart: i32 = 0
/** There is a `%` or a `/.`: the path is perhaps not canonical. */
let escapesSeen: bool = false

/**
 * Scans a request head from `start`. Returns its bytes, 0 when `end` comes before it is complete, or a
 * negative HTTP status. The REQUEST words are meaningful only with a positive result.
 */
export function scanRequest(start: i32, end: i32): i32 {
  assert(start > 0 && end >= start && end + READ_SLACK_BYTES <= memory.size() << 16)
  store<i32>(REQUEST, 0, REQ_MAY_CONTINUE)
  store<i32>(REQUEST, 0, REQ_FLAGS)
  const limit = min(end, start + HEAD_BYTES_MAX)
  let at = scanLine(start, limit)
  if (at > 0) at = scanFields(at, limit)
  if (at < 0) return at
  if (at === 0) return limit - start < HEAD_BYTES_MAX ? 0 : -431
  store<i32>(REQUEST, fieldCount, REQ_FIELD_COUNT)
  store<i32>(REQUEST, at - start, REQ_HEAD_BYTES)
  const refusal = judgeRequest()
  return refusal < 0 ? refusal : at - start
}

/** The request line. Returns the offset behind it, 0 when incomplete, or a negative status. */
function scanLine(start: i32, limit: i32): i32 {
  let at = start
  for (let lines = 0; at < limit && load<u8>(at) === CR; lines++) {
    if (lines === EMPTY_LINES_MAX) return -400
    if (at + 1 >= limit) return 0
    if (load<u8>(at, 1) !== LF) return -400
    at += 2
  }

  const method = at
  const methodStop = method + METHOD_BYTES_MAX + 1
  while (at < limit && at < methodStop && lowerToken(load<u8>(at)) !== 0) at++
  if (at === methodStop) return -501
  if (at >= limit) return 0
  if (at === method || load<u8>(at) !== SPACE) return -400
  store<i32>(REQUEST, method, REQ_METHOD_OFFSET)
  store<i32>(REQUEST, at - method, REQ_METHOD_BYTES)

  at = scanTarget(at + 1, limit)
  if (at <= 0) return at
  at = scanVersion(at, limit)
  if (at <= 0) return at
  const refusal = takeTarget(targetStart, targetBytes, queryStart, escapesSeen)
  return refusal < 0 ? refusal : at
}

/** Up to and with the space behind the target; 16 characters a step. */
function scanTarget(start: i32, limit: i32): i32 {
  const longest = start + TARGET_BYTES_MAX + 1
  const stop = min(limit, longest)
  let at = start
  let query = 0
  let escapes = 0
  // The last bit of a step's slashes, for a dot that begins the next.
  let slashBefore = 0
  const targetClass = vector(TARGET_CLASS)
  while (at < stop) {
    const bytes = v128.load(at)
    const mask = outside(bytes, targetClass)
    const inside = mask === 0 ? 0xffff : (1 << ctz(mask)) - 1
    const slashes = (i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(0x2f))) << 1) | slashBefore
    const dots = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(0x2e)))
    const percents = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(0x25)))
    const questions = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(0x3f))) & inside
    escapes |= ((slashes & dots) | percents) & inside
    if (query === 0 && questions !== 0) query = at + ctz(questions)
    if (mask !== 0) {
      at += ctz(mask)
      break
    }
    slashBefore = slashes >> 16
    at += 16
  }
  if (at >= stop) return stop === longest ? -414 : 0
  if (load<u8>(at) !== SPACE || at === start) return -400
  targetStart = start
  targetBytes = at - start
  queryStart = query
  escapesSeen = escapes !== 0
  return at + 1
}

const HTTP11: u64 = word('HTTP/1.1')
const HTTP_: u64 = word('HTTP/')

/** `HTTP/1.1` or `HTTP/1.0` and the end of the line. */
function scanVersion(at: i32, limit: i32): i32 {
  if (at + 10 <= limit && load<u64>(at) === HTTP11 && load<u16>(at, 8) === 0x0a0d) {
    store<i32>(REQUEST, 1, REQ_MINOR)
    return at + 10
  }
  for (let i = 0; i < 10; i++) {
    if (at + i >= limit) return 0
    const byte = <i32>load<u8>(at + i)
    let valid = false
    if (i < 5) valid = byte === <i32>((HTTP_ >> ((<u64>i) << 3)) & 0xff)
    else if (i === 6) valid = byte === 0x2e
    else if (i === 8) valid = byte === CR
    else if (i === 9) valid = byte === LF
    else valid = <u32>(byte - 0x30) < 10
    if (!valid) return -400
  }
  const major = load<u8>(at, 5) - 0x30
  const minor = load<u8>(at, 7) - 0x30
  if (major === 0) return -400
  if (major > 1 || minor > 1) return -505
  store<i32>(REQUEST, minor, REQ_MINOR)
  return at + 10
}

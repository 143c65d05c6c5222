/**
 * What the fields of a complete head say about its body and its connection (http-rules 28-32, 40), the same
 * for requests and responses. Only messages with exactly one reading pass: whatever two programs could
 * frame differently is refused.
 */
import {
  BODY_CHUNKED,
  BODY_LENGTH,
  BODY_NONE,
  FIELD_DROP,
  FIELD_FLAGS,
  FIELD_NAME_BYTES,
  FIELD_NAME_OFFSET,
  FIELD_VALUE_BYTES,
  FIELD_VALUE_OFFSET,
} from '../layout.ts'
import { isSpace, lowerToken } from './characters.ts'
import { fieldAt, fieldCount, firstField, has, isRepeated, knownOf } from './fields.ts'
import {
  bit,
  K_AUTHORIZATION,
  K_CLOSE,
  K_CONNECTION,
  K_CONTENT_LENGTH,
  K_COOKIE,
  K_KEEP_ALIVE,
  K_TE,
  K_TRANSFER_ENCODING,
  K_UPGRADE,
  knownName,
  OURS,
  sameName,
} from './known.ts'

/** BODY_* and Content-Length that `judgeFraming` found; the length is 0 when there is none. */
export let framedBody: i32 = BODY_NONE
export let framedLength: u64 = 0

/** Options that `judgeConnection` found. */
export let optionClose: bool = false
export let optionUpgrade: bool = false

/** Names that one head may nominate in Connection. */
const OPTIONS_MAX = 32
const LENGTH_DIGITS_MAX = 16
/** 2^53: the largest length that the host can count. */
const LENGTH_MAX: u64 = 0x20000000000000

/** Nominating one of these would remove what frames, routes or authenticates the message. */
const NOT_NOMINATED: u64 = OURS | bit(K_COOKIE) | bit(K_AUTHORIZATION)

/** Content-Length and Transfer-Encoding. Returns 0, -400, or -501 for a coding that we do not know. */
export function judgeFraming(minor: i32): i32 {
  framedBody = BODY_NONE
  framedLength = 0
  if (has(K_TRANSFER_ENCODING)) {
    if (minor === 0 || has(K_CONTENT_LENGTH) || isRepeated(K_TRANSFER_ENCODING)) return -400
    const coding = firstField(K_TRANSFER_ENCODING)
    framedBody = BODY_CHUNKED
    return judgeCoding(load<i32>(coding, FIELD_VALUE_OFFSET), load<i32>(coding, FIELD_VALUE_BYTES))
  }
  if (has(K_CONTENT_LENGTH)) {
    if (isRepeated(K_CONTENT_LENGTH)) return -400
    const field = firstField(K_CONTENT_LENGTH)
    return readLength(load<i32>(field, FIELD_VALUE_OFFSET), load<i32>(field, FIELD_VALUE_BYTES))
  }
  return 0
}

function judgeCoding(at: i32, bytes: i32): i32 {
  if (isWord(at, bytes, CHUNKED, 7)) return 0
  if (bytes === 0) return -400
  for (let i = 0; i < bytes; i++) if (lowerToken(load<u8>(at + i)) === 0) return -400
  return -501
}

/** 1*DIGIT without leading zeros, at most 2^53. */
function readLength(at: i32, bytes: i32): i32 {
  if (bytes < 1 || bytes > LENGTH_DIGITS_MAX) return -400
  if (bytes > 1 && load<u8>(at) === 0x30) return -400
  let value: u64 = 0
  for (let i = 0; i < bytes; i++) {
    const digit = <u32>load<u8>(at + i) - 0x30
    if (digit > 9) return -400
    value = value * 10 + digit
  }
  if (value > LENGTH_MAX) return -400
  framedLength = value
  framedBody = value === 0 ? BODY_NONE : BODY_LENGTH
  return 0
}

/**
 * Reads every Connection line: options, and names whose fields are dropped here. Returns 0, or -400 when a
 * line is not a list of tokens, names what must not be removed, or names too much.
 */
export function judgeConnection(): i32 {
  optionClose = false
  optionUpgrade = false
  if (!has(K_CONNECTION)) return 0
  let options = 0
  for (let i = 0; i < fieldCount; i++) {
    const field = fieldAt(i)
    if (knownOf(field) !== K_CONNECTION) continue
    let at = load<i32>(field, FIELD_VALUE_OFFSET)
    const end = at + load<i32>(field, FIELD_VALUE_BYTES)
    while (at < end) {
      if (load<u8>(at) === 0x2c || isSpace(load<u8>(at))) {
        at++
        continue
      }
      const name = at
      while (at < end && lowerToken(load<u8>(at)) !== 0) at++
      const bytes = at - name
      while (at < end && isSpace(load<u8>(at))) at++
      if (bytes === 0 || (at < end && load<u8>(at) !== 0x2c)) return -400
      if (++options > OPTIONS_MAX) return -400
      if (!takeOption(name, bytes)) return -400
    }
  }
  return 0
}

function takeOption(name: i32, bytes: i32): bool {
  const known = knownName(name, bytes)
  if (known === K_CLOSE) {
    optionClose = true
  } else if (known === K_UPGRADE) {
    optionUpgrade = true
  } else if ((NOT_NOMINATED & bit(known)) !== 0) {
    return false
  } else if (known !== K_KEEP_ALIVE && known !== K_TE) {
    dropNamed(name, bytes)
  }
  return true
}

function dropNamed(name: i32, bytes: i32): void {
  for (let i = 0; i < fieldCount; i++) {
    const field = fieldAt(i)
    if (
      sameName(name, bytes, load<i32>(field, FIELD_NAME_OFFSET), load<i32>(field, FIELD_NAME_BYTES))
    ) {
      store<i32>(field, load<i32>(field, FIELD_FLAGS) | FIELD_DROP, FIELD_FLAGS)
    }
  }
}

const WEBSOCKET: i32 = <i32>memory.data<u8>([0x77, 0x65, 0x62, 0x73, 0x6f, 0x63, 0x6b, 0x65, 0x74])

/** Is `websocket` the one protocol of the one Upgrade field? The field must be there. */
export function isWebsocket(): bool {
  return valueIs(K_UPGRADE, WEBSOCKET, 9)
}

/** Is the field, which must be there, there once and with this word as its value? */
export function valueIs(known: i32, word: i32, wordBytes: i32): bool {
  if (isRepeated(known)) return false
  const field = firstField(known)
  return isWord(
    load<i32>(field, FIELD_VALUE_OFFSET),
    load<i32>(field, FIELD_VALUE_BYTES),
    word,
    wordBytes,
  )
}

const CHUNKED: i32 = <i32>memory.data<u8>([0x63, 0x68, 0x75, 0x6e, 0x6b, 0x65, 0x64])

/** Is the value this lower-case word, whatever its case? */
function isWord(at: i32, bytes: i32, word: i32, wordBytes: i32): bool {
  if (bytes !== wordBytes) return false
  for (let i = 0; i < bytes; i++) {
    if (lowerToken(load<u8>(at + i)) !== <i32>load<u8>(word + i)) return false
  }
  return true
}

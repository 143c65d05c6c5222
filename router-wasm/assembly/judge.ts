/**
 * What a complete request head means (http-rules 16-20, 26, 28-32, 40-44, 52, 55). Grammar is behind us;
 * here fields are weighed against each other. Returns 0, or the negative status of our own answer.
 */
import {
  BODY_NONE,
  FIELD_DROP,
  FIELD_FLAGS,
  FIELD_NAME_BYTES,
  FIELD_NAME_OFFSET,
  FIELD_ODD,
  FIELD_VALUE_BYTES,
  FIELD_VALUE_OFFSET,
  REQ_AUTHORITY_BYTES,
  REQ_AUTHORITY_OFFSET,
  REQ_BODY,
  REQ_FLAG_EXPECT_CONTINUE,
  REQ_FLAG_HEAD,
  REQ_FLAG_IDEMPOTENT,
  REQ_FLAG_KEEP_ALIVE,
  REQ_FLAG_TRAILERS,
  REQ_FLAG_UPGRADE,
  REQ_FLAGS,
  REQ_LENGTH_HIGH,
  REQ_LENGTH_LOW,
  REQ_MAY_CONTINUE,
  REQ_MINOR,
  REQUEST,
  SETTING_VIA,
  VIA_LOOPS_MAX,
} from '../layout.ts'
import { isSpace, lowerToken } from './characters.ts'
import { fieldAt, fieldCount, firstField, has, isRepeated, knownOf, oddSeen } from './fields.ts'
import {
  framedBody,
  framedLength,
  isWebsocket,
  judgeConnection,
  judgeFraming,
  optionClose,
  optionUpgrade,
  valueIs,
} from './framing.ts'
import { sameAuthority, takeAuthority } from './host.ts'
import {
  K_CONTENT_LENGTH,
  K_EXPECT,
  K_HOST,
  K_MAX_FORWARDS,
  K_TE,
  K_TRANSFER_ENCODING,
  K_UPGRADE,
  K_VIA,
  K_WEBSOCKET_KEY,
  K_WEBSOCKET_VERSION,
  shadowedName,
} from './known.ts'
import {
  DELETE,
  FORM_ASTERISK,
  GET,
  HEAD,
  method,
  OPTIONS,
  PUT,
  TRACE,
  targetForm,
} from './target.ts'

const TRAILERS: i32 = <i32>memory.data<u8>([0x74, 0x72, 0x61, 0x69, 0x6c, 0x65, 0x72, 0x73])
const CONTINUE: i32 = <i32>(
  memory.data<u8>([0x31, 0x30, 0x30, 0x2d, 0x63, 0x6f, 0x6e, 0x74, 0x69, 0x6e, 0x75, 0x65])
)
const MAX_FORWARDS_DIGITS = 9

/** What the next hop is told in Max-Forwards; -1: nothing. */
export let forwardsLeft: i32 = -1

export function judgeRequest(): i32 {
  const minor = load<i32>(REQUEST, REQ_MINOR)
  let refusal = judgeHost(minor)
  if (refusal < 0) return refusal
  refusal = judgeFraming(minor)
  if (refusal < 0) return refusal
  refusal = judgeConnection()
  if (refusal < 0) return refusal
  if (oddSeen) dropShadows()

  let flags = 0
  if (minor === 1 && !optionClose) flags |= REQ_FLAG_KEEP_ALIVE
  if (method === GET || method === OPTIONS || method === PUT || method === DELETE)
    flags |= REQ_FLAG_IDEMPOTENT
  else if (method === HEAD) flags |= REQ_FLAG_IDEMPOTENT | REQ_FLAG_HEAD
  if (has(K_TE) && valueIs(K_TE, TRAILERS, 8)) flags |= REQ_FLAG_TRAILERS
  if (has(K_UPGRADE) && optionUpgrade && minor === 1 && method === GET && isWebsocket()) {
    if (has(K_CONTENT_LENGTH) || has(K_TRANSFER_ENCODING)) return -400
    if (isOnceAndKept(K_WEBSOCKET_KEY) && isOnceAndKept(K_WEBSOCKET_VERSION))
      flags |= REQ_FLAG_UPGRADE
  }
  if (has(K_EXPECT) && minor === 1) {
    if (!valueIs(K_EXPECT, CONTINUE, 12)) return -417
    if (framedBody !== BODY_NONE) flags |= REQ_FLAG_EXPECT_CONTINUE
  }
  store<i32>(REQUEST, flags, REQ_FLAGS)
  store<i32>(REQUEST, framedBody, REQ_BODY)
  store<i32>(REQUEST, <i32>framedLength, REQ_LENGTH_LOW)
  store<i32>(REQUEST, <i32>(framedLength >> 32), REQ_LENGTH_HIGH)
  return judgeForwarding()
}

/** An answer of our own to a valid request; the connection may go on when nothing of it is left to read. */
export function refuse(status: i32): i32 {
  const keepAlive = (load<i32>(REQUEST, REQ_FLAGS) & REQ_FLAG_KEEP_ALIVE) !== 0
  const bodyless = load<i32>(REQUEST, REQ_BODY) === BODY_NONE
  store<i32>(REQUEST, keepAlive && bodyless ? 1 : 0, REQ_MAY_CONTINUE)
  return status
}

function judgeHost(minor: i32): i32 {
  if (!has(K_HOST)) return minor === 1 ? -400 : 0
  if (isRepeated(K_HOST)) return -400
  const field = firstField(K_HOST)
  const at = load<i32>(field, FIELD_VALUE_OFFSET)
  const bytes = load<i32>(field, FIELD_VALUE_BYTES)
  // A target with an authority has been taken already: the two must agree.
  const authority = load<i32>(REQUEST, REQ_AUTHORITY_OFFSET)
  const authorityBytes = load<i32>(REQUEST, REQ_AUTHORITY_BYTES)
  if (authorityBytes > 0 && !sameAuthority(at, bytes, authority, authorityBytes)) return -400
  return takeAuthority(at, bytes)
}

/** Methods that we answer ourselves, and how often this request has been forwarded (RFC 9110 §7.6). */
function judgeForwarding(): i32 {
  forwardsLeft = -1
  if (method === TRACE) return refuse(-405)
  if (has(K_VIA) && ownViaCount() > VIA_LOOPS_MAX) return refuse(-508)
  if (method !== OPTIONS) return 0
  if (has(K_MAX_FORWARDS)) {
    const left = readMaxForwards()
    if (left < 0) return -400
    if (left === 0) return refuse(-204)
    forwardsLeft = left - 1
  }
  return targetForm === FORM_ASTERISK ? refuse(-204) : 0
}

function readMaxForwards(): i32 {
  if (isRepeated(K_MAX_FORWARDS)) return -1
  const field = firstField(K_MAX_FORWARDS)
  const at = load<i32>(field, FIELD_VALUE_OFFSET)
  const bytes = load<i32>(field, FIELD_VALUE_BYTES)
  if (bytes < 1 || bytes > MAX_FORWARDS_DIGITS) return -1
  let value = 0
  for (let i = 0; i < bytes; i++) {
    const digit = <u32>load<u8>(at + i) - 0x30
    if (digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

/** How often our own pseudonym stands as the receiver in Via (http-rules 55). */
function ownViaCount(): i32 {
  const ownBytes = load<i32>(SETTING_VIA)
  const own = SETTING_VIA + 4
  if (ownBytes === 0) return 0
  let count = 0
  for (let i = 0; i < fieldCount; i++) {
    const field = fieldAt(i)
    if (knownOf(field) !== K_VIA) continue
    const start = load<i32>(field, FIELD_VALUE_OFFSET)
    const end = start + load<i32>(field, FIELD_VALUE_BYTES)
    for (let at = start + 1; at + ownBytes <= end; at++) {
      if (!isSpace(load<u8>(at - 1)) || load<u8>(at) !== load<u8>(own)) continue
      let same = 1
      while (same < ownBytes && load<u8>(at + same) === load<u8>(own + same)) same++
      const behind = at + ownBytes
      if (same === ownBytes && (behind === end || lowerToken(load<u8>(behind)) === 0)) count++
    }
  }
  return count
}

/** Fields that a backend could read as one of the known ones (http-rules 26). */
function dropShadows(): void {
  for (let i = 0; i < fieldCount; i++) {
    const field = fieldAt(i)
    const flags = load<i32>(field, FIELD_FLAGS)
    if ((flags & FIELD_ODD) === 0) continue
    if (
      shadowedName(load<i32>(field, FIELD_NAME_OFFSET), load<i32>(field, FIELD_NAME_BYTES)) !== 0
    ) {
      store<i32>(field, flags | FIELD_DROP, FIELD_FLAGS)
    }
  }
}

function isOnceAndKept(known: i32): bool {
  if (!has(known) || isRepeated(known)) return false
  const field = firstField(known)
  return (
    load<i32>(field, FIELD_VALUE_BYTES) > 0 && (load<i32>(field, FIELD_FLAGS) & FIELD_DROP) === 0
  )
}

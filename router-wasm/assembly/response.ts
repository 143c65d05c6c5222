/**
 * Hot path. A backend's response head: scanned by the rules of http-rules 22, 24, 25, 45-48, and the
 * canonical head written for the client (41, 46, 52-54). Whatever is not exactly valid is a 502, because a
 * response that two programs frame differently is a way to plant another one.
 *
 *   backend says        HTTP/1.1 client       HTTP/1.0 client
 *   Content-Length      Content-Length        Content-Length, close
 *   chunked             chunked               until close
 *   until close         chunked               until close
 *
 * What a route changes is laid over the final head (and a 101), never over interim ones, and last, so that no field
 * of the backend's can follow it.
 */
import {
  BODY_CHUNKED,
  BODY_LENGTH,
  BODY_NONE,
  BODY_UNTIL_CLOSE,
  FIELD_LINE_BYTES_MAX,
  FIELD_VALUE_BYTES,
  FIELD_VALUE_OFFSET,
  HEAD_BYTES_MAX,
  OUT_HEAD_BYTES_MAX,
  READ_SLACK_BYTES,
  REQ_FLAG_HEAD,
  REQ_FLAG_KEEP_ALIVE,
  REQ_FLAG_UPGRADE,
  RES_BODY,
  RES_FIELD_COUNT,
  RES_FLAG_CLOSE,
  RES_FLAG_INTERIM,
  RES_FLAG_KEEP_ALIVE,
  RES_FLAG_UPGRADE,
  RES_FLAGS,
  RES_HEAD_BYTES,
  RES_LENGTH_HIGH,
  RES_LENGTH_LOW,
  RES_MINOR,
  RES_OUT_BODY,
  RES_OUT_BYTES,
  RES_STATUS,
  RESPONSE,
  SETTING_DATE,
} from '../layout.ts'
import { POLICY_CHANGE_COUNT } from '../table-layout.ts'
import { ascii, copy, copyText, lineEnd, word } from './bytes.ts'
import { markResponse, writeChanges } from './changes.ts'
import { DELETE, findTextEnd, LAST_CONTROL, vector } from './characters.ts'
import { fieldCount, firstField, has, scanFields } from './fields.ts'
import {
  framedBody,
  framedLength,
  isWebsocket,
  judgeConnection,
  judgeFraming,
  optionClose,
  optionUpgrade,
} from './framing.ts'
import {
  bit,
  HOP_BY_HOP,
  K_CONTENT_LENGTH,
  K_DATE,
  K_TRANSFER_ENCODING,
  K_UPGRADE,
} from './known.ts'
import { writeFields } from './lines.ts'
import { writeStatusLine } from './reasons.ts'

const CR = 0x0d
const LF = 0x0a
const BAD = -502

const REWRITTEN: u64 = HOP_BY_HOP | bit(K_CONTENT_LENGTH)

const LENGTH: i32 = ascii('Content-Length: ', <i32>memory.data(64))
const CHUNKED: i32 = ascii('Transfer-Encoding: chunked\r\n', <i32>memory.data(64))
const CLOSE: i32 = ascii('Connection: close\r\n', <i32>memory.data(64))
const UPGRADE: i32 = ascii('Connection: upgrade\r\nUpgrade: websocket\r\n', <i32>memory.data(64))
const DATE: i32 = ascii('Date: ', <i32>memory.data(64))

/**
 * Scans a response head and writes the canonical one. `flags` and `minor` are those of the request, `policy` is
 * the route's, or 0. Returns the head's bytes, 0 when incomplete, -502 when it is not valid. The RESPONSE words
 * hold the rest.
 */
export function response(start: i32, end: i32, out: i32, flags: i32, minor: i32, policy: i32): i32 {
  const head = scanResponse(start, end, flags)
  if (head <= 0) return head
  const bytes = writeResponseHead(out, flags, minor, policy)
  if (bytes < 0) return BAD
  store<i32>(RESPONSE, bytes, RES_OUT_BYTES)
  return head
}

/** The scan alone: everything but RES_OUT_BODY, RES_OUT_BYTES and RES_FLAG_CLOSE. */
export function scanResponse(start: i32, end: i32, flags: i32): i32 {
  assert(start > 0 && end >= start && end + READ_SLACK_BYTES <= memory.size() << 16)
  const limit = min(end, start + HEAD_BYTES_MAX)
  let at = scanStatusLine(start, limit)
  if (at > 0) at = scanFields(at, limit)
  if (at < 0) return BAD
  if (at === 0) return limit - start < HEAD_BYTES_MAX ? 0 : BAD
  store<i32>(RESPONSE, fieldCount, RES_FIELD_COUNT)
  store<i32>(RESPONSE, at - start, RES_HEAD_BYTES)
  return judgeResponse(flags) ? at - start : BAD
}

/** `HTTP/1.1 200 phrase`; the space behind the status is part of the grammar (RFC 9112 §4). */
function scanStatusLine(start: i32, limit: i32): i32 {
  for (let i = 0; i < 13; i++) {
    if (start + i >= limit) return 0
    const byte = <i32>load<u8>(start + i)
    let valid = false
    if (i < 7) valid = byte === <i32>((HTTP1_ >> ((<u64>i) << 3)) & 0xff)
    else if (i === 7) valid = byte === 0x30 || byte === 0x31
    else if (i === 8 || i === 12) valid = byte === 0x20
    else if (i === 9) valid = byte >= 0x31 && byte <= 0x35
    else valid = <u32>(byte - 0x30) < 10
    if (!valid) return BAD
  }
  const lineStop = start + FIELD_LINE_BYTES_MAX + 1
  const stop = min(limit, lineStop)
  const at = findTextEnd(start + 13, stop, vector(LAST_CONTROL), vector(DELETE))
  if (at >= stop) return stop === lineStop ? BAD : 0
  if (load<u8>(at) !== CR) return BAD
  if (at + 1 >= limit) return 0
  if (load<u8>(at, 1) !== LF) return BAD
  const status =
    (<i32>load<u8>(start, 9) - 0x30) * 100 +
    (<i32>load<u8>(start, 10) - 0x30) * 10 +
    load<u8>(start, 11) -
    0x30
  store<i32>(RESPONSE, status, RES_STATUS)
  store<i32>(RESPONSE, load<u8>(start, 7) - 0x30, RES_MINOR)
  return at + 2
}

const HTTP1_: u64 = word('HTTP/1.')

/** Framing as the backend means it (RFC 9112 §6.3), and whether its connection may be used again. */
function judgeResponse(flags: i32): bool {
  const status = load<i32>(RESPONSE, RES_STATUS)
  const minor = load<i32>(RESPONSE, RES_MINOR)
  if (judgeFraming(minor) < 0 || judgeConnection() < 0) return false
  const interim = status < 200
  const refusedUpgrade = !interim && (flags & REQ_FLAG_UPGRADE) !== 0
  let said = minor === 1 && !optionClose && !refusedUpgrade ? RES_FLAG_KEEP_ALIVE : 0
  let body = framedBody
  if (status === 101) {
    // Only what was asked for, and told in full: otherwise nobody knows what the bytes behind it are.
    if ((flags & REQ_FLAG_UPGRADE) === 0 || minor === 0) return false
    if (!optionUpgrade || !has(K_UPGRADE) || !isWebsocket()) return false
    said = RES_FLAG_UPGRADE
  } else if (interim) {
    if (minor === 0) return false
    said |= RES_FLAG_INTERIM
  }
  if (interim || status === 204) {
    // A body where none may be: the bytes behind would be taken for the next response.
    if (framedBody !== BODY_NONE) said &= ~RES_FLAG_KEEP_ALIVE
    body = BODY_NONE
  } else if (status === 304 || (flags & REQ_FLAG_HEAD) !== 0) {
    body = BODY_NONE
  } else if (!has(K_CONTENT_LENGTH) && !has(K_TRANSFER_ENCODING)) {
    body = BODY_UNTIL_CLOSE
    said &= ~RES_FLAG_KEEP_ALIVE
  }
  const length = body === BODY_LENGTH ? framedLength : 0
  store<i32>(RESPONSE, body, RES_BODY)
  store<i32>(RESPONSE, <i32>length, RES_LENGTH_LOW)
  store<i32>(RESPONSE, <i32>(length >> 32), RES_LENGTH_HIGH)
  store<i32>(RESPONSE, said, RES_FLAGS)
  return true
}

/**
 * Bound: the head's 32 KiB, one byte a field, 256 bytes of ours, and the route's changes, which fit in what is
 * left unless no compiler made the table. Returns the bytes written, or -500.
 */
function writeResponseHead(out: i32, flags: i32, minor: i32, policy: i32): i32 {
  const status = load<i32>(RESPONSE, RES_STATUS)
  const interim = status < 200
  // HTTP/1.0 knows no interim responses (RFC 9110 §15.2).
  if (interim && minor === 0) return 0
  const changed = policy !== 0 && (!interim || status === 101)
  if (changed) markResponse(policy + POLICY_CHANGE_COUNT, policy)
  let to = writeFields(writeStatusLine(out, status), REWRITTEN)
  if (interim) {
    if (status === 101) to = copyText(to, UPGRADE)
    if (changed) to = writeResponseChanges(to, out, policy)
    return to < 0 ? to : lineEnd(to) - out
  }

  const said = load<i32>(RESPONSE, RES_BODY)
  let body = said
  if (said === BODY_CHUNKED || said === BODY_UNTIL_CLOSE)
    body = minor === 1 ? BODY_CHUNKED : BODY_UNTIL_CLOSE
  store<i32>(RESPONSE, body, RES_OUT_BODY)
  if (body === BODY_CHUNKED) to = copyText(to, CHUNKED)
  else if (has(K_CONTENT_LENGTH) && status !== 204) to = writeLength(to)

  const close =
    minor === 0 || (flags & (REQ_FLAG_KEEP_ALIVE | REQ_FLAG_UPGRADE)) !== REQ_FLAG_KEEP_ALIVE
  if (close) {
    to = copyText(to, CLOSE)
    store<i32>(RESPONSE, load<i32>(RESPONSE, RES_FLAGS) | RES_FLAG_CLOSE, RES_FLAGS)
  }
  const dateBytes = load<i32>(SETTING_DATE)
  if (!has(K_DATE) && dateBytes > 0) {
    to = lineEnd(copy(copyText(to, DATE), SETTING_DATE + 4, dateBytes))
  }
  assert(to <= out + OUT_HEAD_BYTES_MAX - 64)
  if (changed) to = writeResponseChanges(to, out, policy)
  return to < 0 ? to : lineEnd(to) - out
}

function writeResponseChanges(to: i32, out: i32, policy: i32): i32 {
  return writeChanges(to, out + OUT_HEAD_BYTES_MAX - 2, policy + POLICY_CHANGE_COUNT, policy)
}

function writeLength(out: i32): i32 {
  const field = firstField(K_CONTENT_LENGTH)
  const digits = load<i32>(field, FIELD_VALUE_OFFSET)
  return lineEnd(copy(copyText(out, LENGTH), digits, load<i32>(field, FIELD_VALUE_BYTES)))
}

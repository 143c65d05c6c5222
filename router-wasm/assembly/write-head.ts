/**
 * Hot path. The canonical request head into an output zone (http-rules 19, 40, 41, 44, 55-58): always
 * HTTP/1.1, the path as the route rewrites it, our framing, our forwarding fields. What the client said
 * about forwarding is dropped, and ours is added after everything of the client's has been removed, so
 * that a nominated name cannot take it away. Nothing depends on the endpoint: the bytes serve a retry too.
 *
 *   method SP path query SP HTTP/1.1
 *   Host
 *   the client's fields, in order
 *   Content-Length or Transfer-Encoding, Expect, Upgrade, Max-Forwards, Via, forwarding
 *   what the route sets and adds
 *
 * Bound: a head is at most 32 KiB and its path and fields grow by at most a rewrite (1 KiB), one byte a
 * field and 2 KiB of ours; only a route's changes could exceed 64 KiB, and each is checked before.
 */
import {
  BODY_CHUNKED,
  FIELD_VALUE_BYTES,
  FIELD_VALUE_OFFSET,
  OUT_HEAD_BYTES_MAX,
  REQ_AUTHORITY_BYTES,
  REQ_AUTHORITY_OFFSET,
  REQ_BODY,
  REQ_FLAG_EXPECT_CONTINUE,
  REQ_FLAG_UPGRADE,
  REQ_FLAGS,
  REQ_METHOD_BYTES,
  REQ_METHOD_OFFSET,
  REQ_MINOR,
  REQ_QUERY_BYTES,
  REQ_QUERY_OFFSET,
  REQUEST,
  SETTING_FORWARDED,
  SETTING_VIA,
} from '../layout.ts'
import { ascii, copy, copyText, decimal, lineEnd } from './bytes.ts'
import { markRequest, writeChanges } from './changes.ts'
import { firstField, has } from './fields.ts'
import { forwardsLeft } from './judge.ts'
import {
  bit,
  HOP_BY_HOP,
  K_CONTENT_LENGTH,
  K_EXPECT,
  K_FORWARDED,
  K_HOST,
  K_MAX_FORWARDS,
  K_X_FORWARDED,
  K_X_REAL_IP,
} from './known.ts'
import { writeFields } from './lines.ts'
import { writeAuthority, writePath } from './rewrite.ts'
import { requestChanges, servedTable } from './table.ts'

const REWRITTEN: u64 =
  HOP_BY_HOP |
  bit(K_HOST) |
  bit(K_CONTENT_LENGTH) |
  bit(K_EXPECT) |
  bit(K_FORWARDED) |
  bit(K_X_REAL_IP) |
  bit(K_X_FORWARDED)

const VERSION_AND_HOST: i32 = ascii(' HTTP/1.1\r\nHost: ', <i32>memory.data(64))
const LENGTH: i32 = ascii('Content-Length: ', <i32>memory.data(64))
const CHUNKED: i32 = ascii('Transfer-Encoding: chunked\r\n', <i32>memory.data(64))
const EXPECT: i32 = ascii('Expect: 100-continue\r\n', <i32>memory.data(64))
const UPGRADE: i32 = ascii('Connection: upgrade\r\nUpgrade: websocket\r\n', <i32>memory.data(64))
const MAX_FORWARDS: i32 = ascii('Max-Forwards: ', <i32>memory.data(64))
const VIA: i32 = ascii('Via: 1.1 ', <i32>memory.data(64))
const FORWARDED_HOST: i32 = ascii('X-Forwarded-Host: ', <i32>memory.data(64))

/**
 * Writes the scanned request for the matched route; -1 for a route that changes nothing. Returns its
 * bytes, at most OUT_HEAD_BYTES_MAX, or -500 when the route's changes do not fit.
 */
export function writeRequestHead(out: i32, route: i32): i32 {
  const flags = load<i32>(REQUEST, REQ_FLAGS)
  let to = copy(out, load<i32>(REQUEST, REQ_METHOD_OFFSET), load<i32>(REQUEST, REQ_METHOD_BYTES))
  store<u8>(to++, 0x20)
  to = writePath(to, route)
  to = copy(to, load<i32>(REQUEST, REQ_QUERY_OFFSET), load<i32>(REQUEST, REQ_QUERY_BYTES))
  to = lineEnd(writeAuthority(copyText(to, VERSION_AND_HOST), route))

  const changes = route < 0 ? 0 : requestChanges(route)
  if (changes !== 0) markRequest(changes, servedTable())
  to = writeFields(to, forwardsLeft < 0 ? REWRITTEN : REWRITTEN | bit(K_MAX_FORWARDS))

  if (load<i32>(REQUEST, REQ_BODY) === BODY_CHUNKED) to = copyText(to, CHUNKED)
  else if (has(K_CONTENT_LENGTH)) to = writeLength(to)
  if ((flags & REQ_FLAG_EXPECT_CONTINUE) !== 0) to = copyText(to, EXPECT)
  if ((flags & REQ_FLAG_UPGRADE) !== 0) to = copyText(to, UPGRADE)
  if (forwardsLeft >= 0) to = lineEnd(decimal(copyText(to, MAX_FORWARDS), forwardsLeft))
  to = writeForwarding(to)
  assert(to <= out + OUT_HEAD_BYTES_MAX - 64)
  if (changes !== 0) {
    to = writeChanges(to, out + OUT_HEAD_BYTES_MAX - 2, changes, servedTable())
    if (to < 0) return to
  }
  return lineEnd(to) - out
}

/** The client's digits: they have been found to be the only way to write the number. */
function writeLength(out: i32): i32 {
  const field = firstField(K_CONTENT_LENGTH)
  const digits = load<i32>(field, FIELD_VALUE_OFFSET)
  return lineEnd(copy(copyText(out, LENGTH), digits, load<i32>(field, FIELD_VALUE_BYTES)))
}

/** Via says the version that we received (RFC 9110 §7.6.3). */
function writeForwarding(out: i32): i32 {
  let to = out
  const viaBytes = load<i32>(SETTING_VIA)
  if (viaBytes > 0) {
    to = copyText(to, VIA)
    store<u8>(to - 2, 0x30 + <u8>load<i32>(REQUEST, REQ_MINOR))
    to = lineEnd(copy(to, SETTING_VIA + 4, viaBytes))
  }
  to = copy(to, SETTING_FORWARDED + 4, load<i32>(SETTING_FORWARDED))
  const authorityBytes = load<i32>(REQUEST, REQ_AUTHORITY_BYTES)
  if (authorityBytes > 0) {
    to = copy(
      copyText(to, FORWARDED_HOST),
      load<i32>(REQUEST, REQ_AUTHORITY_OFFSET),
      authorityBytes,
    )
    to = lineEnd(to)
  }
  return to
}

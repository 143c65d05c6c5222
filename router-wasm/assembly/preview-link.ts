/**
 * Does a request carry a preview link? Its token is the value of a query parameter or of a cookie with a
 * name of ours; only the host can verify it, so the request is handed back with the token's place. Most
 * requests have neither: a query is looked through for the name's first bytes, 16 at a time, and so are
 * Cookie fields.
 */
import {
  FIELD_VALUE_BYTES,
  FIELD_VALUE_OFFSET,
  LINK_IN_COOKIE,
  LINK_IN_QUERY,
  REQ_QUERY_BYTES,
  REQ_QUERY_OFFSET,
  REQUEST,
  VERDICT,
  VERDICT_LINK,
  VERDICT_LINK_AROUND,
  VERDICT_LINK_AROUND_END,
  VERDICT_LINK_NAME,
  VERDICT_LINK_TOKEN,
  VERDICT_LINK_TOKEN_END,
} from '../layout.ts'
import { word } from './bytes.ts'
import { isSpace } from './characters.ts'
import { fieldAt, fieldCount, has, knownOf } from './fields.ts'
import { K_COOKIE } from './known.ts'

// "switchyard-preview"
const NAME_BYTES = 18
const FIRST: u64 = word('switchya')
const SECOND: u64 = word('rd-previ')
const LAST: u16 = <u16>word('ew')
const S = 0x73
const DASH = 0x2d
const DASH_AT = 10
const EQUALS = 0x3d
const AMPERSAND = 0x26
const SEMICOLON = 0x3b

/** True when there is one; VERDICT_LINK words say where. The query's comes first. */
export function findLink(): bool {
  const query = load<i32>(REQUEST, REQ_QUERY_OFFSET)
  const bytes = load<i32>(REQUEST, REQ_QUERY_BYTES)
  if (bytes > NAME_BYTES && findIn(query, query + bytes, LINK_IN_QUERY)) return true
  if (!has(K_COOKIE)) return false
  for (let i = 0; i < fieldCount; i++) {
    const field = fieldAt(i)
    if (knownOf(field) !== K_COOKIE) continue
    const start = load<i32>(field, FIELD_VALUE_OFFSET)
    if (findIn(start, start + load<i32>(field, FIELD_VALUE_BYTES), LINK_IN_COOKIE)) return true
  }
  return false
}

function findIn(start: i32, end: i32, kind: i32): bool {
  const s = i8x16.splat(<i8>S)
  const dash = i8x16.splat(<i8>DASH)
  for (let at = start; at < end; at += 16) {
    // Both of them, so that other text hardly ever stops the search.
    const first = i8x16.eq(v128.load(at), s)
    const eleventh = i8x16.eq(v128.load(at, DASH_AT), dash)
    for (let mask = i8x16.bitmask(v128.and(first, eleventh)); mask !== 0; mask &= mask - 1) {
      if (isLink(at + ctz(mask), start, end, kind)) return true
    }
  }
  return false
}

function isLink(at: i32, start: i32, end: i32, kind: i32): bool {
  if (at + NAME_BYTES >= end) return false
  if (load<u64>(at) !== FIRST || load<u64>(at, 8) !== SECOND || load<u16>(at, 16) !== LAST) {
    return false
  }
  let before = at
  let value = at + NAME_BYTES
  if (kind === LINK_IN_QUERY) {
    // A later question mark is part of a value, and the redirect would leave it there.
    if (at !== start + 1 && <i32>load<u8>(at - 1) !== AMPERSAND) return false
  } else {
    // Where a cookie begins; a space inside another's value begins none.
    while (before > start && isSpace(load<u8>(before - 1))) before--
    if (before > start && <i32>load<u8>(before - 1) !== SEMICOLON) return false
    while (value < end && isSpace(load<u8>(value))) value++
  }
  if (value >= end || load<u8>(value) !== EQUALS) return false
  const stop = kind === LINK_IN_QUERY ? AMPERSAND : SEMICOLON
  let last = ++value
  while (last < end && <i32>load<u8>(last) !== stop) last++
  store<i32>(VERDICT, kind, VERDICT_LINK)
  store<i32>(VERDICT, value, VERDICT_LINK_TOKEN)
  store<i32>(VERDICT, last, VERDICT_LINK_TOKEN_END)
  store<i32>(VERDICT, at, VERDICT_LINK_NAME)
  store<i32>(VERDICT, start, VERDICT_LINK_AROUND)
  store<i32>(VERDICT, end, VERDICT_LINK_AROUND_END)
  return true
}

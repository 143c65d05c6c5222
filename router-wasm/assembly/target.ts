/**
 * The four forms of a request target (RFC 9112 §3.2, http-rules 12-15). Origin-form is the usual one;
 * absolute-form is accepted for http and https and forwarded as origin-form; asterisk-form belongs to
 * OPTIONS; authority-form to CONNECT, which is refused.
 */
import {
  PATH,
  REQ_METHOD_BYTES,
  REQ_METHOD_OFFSET,
  REQ_PATH_BYTES,
  REQ_PATH_OFFSET,
  REQ_QUERY_BYTES,
  REQ_QUERY_OFFSET,
  REQUEST,
} from '../layout.ts'
import { word } from './bytes.ts'
import { isPort, noAuthority, takeAuthority } from './host.ts'
import { canonicalPath, checkQuery, takePath } from './path.ts'

/** Forms, as `targetForm` names them. */
export const FORM_ORIGIN = 0
export const FORM_ABSOLUTE = 1
/** `OPTIONS *`, or OPTIONS with an absolute target of no path (RFC 9112 §3.2.4). */
export const FORM_ASTERISK = 2

export let targetForm: i32 = FORM_ORIGIN
/** The newest method, for compares; letters beyond eight are cut off. */
export let method: u64 = 0

// Methods as little-endian words.
export const GET: u64 = word('GET')
export const HEAD: u64 = word('HEAD')
export const PUT: u64 = word('PUT')
export const DELETE: u64 = word('DELETE')
export const OPTIONS: u64 = word('OPTIONS')
export const TRACE: u64 = word('TRACE')
const CONNECT: u64 = word('CONNECT')

const HTTP_: u64 = word('http://')
const HTTPS_: u64 = word('https://')
const SEVEN_BYTES: u64 = ((<u64>1) << 56) - 1
const LETTERS_OF_HTTP: u64 = word('    ')
const LETTERS_OF_HTTPS: u64 = word('     ')

/** Takes the target apart. `query` is the offset of its first `?`, or 0. Returns 0 or a negative status. */
export function takeTarget(at: i32, bytes: i32, query: i32, escapes: bool): i32 {
  const methodBytes = load<i32>(REQUEST, REQ_METHOD_BYTES)
  const letters = load<u64>(load<i32>(REQUEST, REQ_METHOD_OFFSET))
  method = methodBytes < 8 ? letters & (((<u64>1) << ((<u64>methodBytes) << 3)) - 1) : 0
  noAuthority()
  const end = at + bytes
  if (method === CONNECT) return judgeConnect(at, end)
  const first = load<u8>(at)
  if (first === 0x2f) {
    targetForm = FORM_ORIGIN
    return takePathAndQuery(at, end, query, escapes)
  }
  if (first === 0x2a && bytes === 1) {
    if (method !== OPTIONS) return -400
    targetForm = FORM_ASTERISK
    return emptyPath(at)
  }
  return takeAbsolute(at, end, query, escapes)
}

function takeAbsolute(at: i32, end: i32, query: i32, escapes: bool): i32 {
  const scheme = load<u64>(at)
  let authority = 0
  if (((scheme | LETTERS_OF_HTTP) & SEVEN_BYTES) === HTTP_) authority = at + 7
  else if ((scheme | LETTERS_OF_HTTPS) === HTTPS_) authority = at + 8
  if (authority === 0 || authority >= end) return -400
  let path = authority
  while (path < end && load<u8>(path) !== 0x2f && load<u8>(path) !== 0x3f) path++
  if (takeAuthority(authority, path - authority) < 0) return -400
  targetForm = FORM_ABSOLUTE
  if (path < end && load<u8>(path) === 0x2f) return takePathAndQuery(path, end, query, escapes)
  if (path === end && method === OPTIONS) targetForm = FORM_ASTERISK
  emptyPath(path)
  return takeQuery(query, end, escapes)
}

function takePathAndQuery(at: i32, end: i32, query: i32, escapes: bool): i32 {
  const bytes = (query === 0 ? end : query) - at
  if (!escapes) takePath(at, bytes)
  else if (canonicalPath(at, bytes) < 0) return -400
  return takeQuery(query, end, escapes)
}

function takeQuery(query: i32, end: i32, escapes: bool): i32 {
  const bytes = query === 0 ? 0 : end - query
  store<i32>(REQUEST, query === 0 ? end : query, REQ_QUERY_OFFSET)
  store<i32>(REQUEST, bytes, REQ_QUERY_BYTES)
  return escapes ? checkQuery(query, bytes) : 0
}

function emptyPath(end: i32): i32 {
  store<u8>(PATH, 0x2f)
  store<i32>(REQUEST, PATH, REQ_PATH_OFFSET)
  store<i32>(REQUEST, 1, REQ_PATH_BYTES)
  store<i32>(REQUEST, end, REQ_QUERY_OFFSET)
  store<i32>(REQUEST, 0, REQ_QUERY_BYTES)
  return 0
}

/** Never a tunnel; a target that is not `host:port` is not even CONNECT. */
function judgeConnect(at: i32, end: i32): i32 {
  if (takeAuthority(at, end - at) < 0) return -400
  let port = end - 1
  while (port > at && load<u8>(port) !== 0x3a) port--
  return port > at && isPort(port, end) ? -405 : -400
}

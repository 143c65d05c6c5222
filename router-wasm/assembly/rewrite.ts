/**
 * Hot path. What a route's URLRewrite makes of path and host (Gateway API HTTPURLRewriteFilter). Whole
 * segments are replaced by a canonical path, so the result is canonical too and no dot segment can arise.
 */
import {
  REQ_AUTHORITY_BYTES,
  REQ_AUTHORITY_OFFSET,
  REQ_PATH_BYTES,
  REQ_PATH_OFFSET,
  REQUEST,
  VERDICT,
  VERDICT_PREFIX_BYTES,
} from '../layout.ts'
import { PATH_KEPT, PATH_REPLACED, PREFIX_REPLACED } from '../table-layout.ts'
import { copy } from './bytes.ts'
import {
  hostRewriteBytes,
  hostRewriteOffset,
  pathRewriteBytes,
  pathRewriteKind,
  pathRewriteOffset,
} from './table.ts'

const SLASH = 0x2f

export function writePath(out: i32, route: i32): i32 {
  const path = load<i32>(REQUEST, REQ_PATH_OFFSET)
  const bytes = load<i32>(REQUEST, REQ_PATH_BYTES)
  const kind = route < 0 ? PATH_KEPT : pathRewriteKind(route)
  if (kind === PATH_KEPT) return copy(out, path, bytes)
  const replacement = pathRewriteOffset(route)
  const replacementBytes = pathRewriteBytes(route)
  if (kind === PATH_REPLACED) return copy(out, replacement, replacementBytes)
  assert(kind === PREFIX_REPLACED)
  return replacePrefix(out, path, bytes, replacement, replacementBytes)
}

/** The prefix's trailing slash does not count, nor the replacement's when something follows. */
function replacePrefix(
  out: i32,
  path: i32,
  bytes: i32,
  replacement: i32,
  replacementBytes: i32,
): i32 {
  let prefix = load<i32>(VERDICT, VERDICT_PREFIX_BYTES)
  // Only a table that no compiler made has this on an exact path; then the path stays as it came.
  if (prefix < 0) return copy(out, path, bytes)
  assert(prefix > 0 && prefix <= bytes)
  if (load<u8>(path + prefix - 1) === SLASH) prefix--
  const rest = bytes - prefix
  let kept = replacementBytes
  if (kept > 0 && rest > 0 && load<u8>(replacement + kept - 1) === SLASH) kept--
  const to = copy(copy(out, replacement, kept), path + prefix, rest)
  if (to > out) return to
  store<u8>(out, <u8>SLASH)
  return out + 1
}

/** The authority as it came, or the host that the route names. */
export function writeAuthority(out: i32, route: i32): i32 {
  const rewritten = route < 0 ? 0 : hostRewriteBytes(route)
  if (rewritten > 0) return copy(out, hostRewriteOffset(route), rewritten)
  return copy(
    out,
    load<i32>(REQUEST, REQ_AUTHORITY_OFFSET),
    load<i32>(REQUEST, REQ_AUTHORITY_BYTES),
  )
}

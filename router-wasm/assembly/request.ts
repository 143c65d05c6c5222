/**
 * Hot path. The one call of a request: scan, match, place, write, select. The head is written before the
 * endpoint is chosen, because nothing in it depends on the endpoint: a retry re-uses the bytes, and nothing
 * has been counted on an endpoint when the head turns out not to fit.
 */
import {
  PREVIEW_LINK,
  REQ_HOST_BYTES,
  REQUEST,
  VERDICT,
  VERDICT_BACKEND,
  VERDICT_OUT_BYTES,
  VERDICT_POLICY,
  VERDICT_ROUTE,
  VERDICT_SLOT,
} from '../layout.ts'
import { selectBy } from './balance.ts'
import { refuse } from './judge.ts'
import { match } from './match.ts'
import { place, placeAt } from './position.ts'
import { findLink } from './preview-link.ts'
import { scanRequest } from './scan.ts'
import { select } from './select.ts'
import { policyOf } from './table.ts'
import { writeRequestHead } from './write-head.ts'

/**
 * As `Router.request` says: head bytes, 0 when incomplete, the negative status of our own answer, or
 * PREVIEW_LINK.
 */
export function request(start: i32, end: i32, out: i32): i32 {
  assert(out > 0)
  store<i32>(VERDICT, -1, VERDICT_ROUTE)
  store<i32>(VERDICT, -1, VERDICT_BACKEND)
  store<i32>(VERDICT, -1, VERDICT_SLOT)
  store<i32>(VERDICT, 0, VERDICT_OUT_BYTES)
  const head = scanRequest(start, end)
  if (head <= 0) return head
  return findLink() ? refuse(PREVIEW_LINK) : route(head, out, -1, -1)
}

/**
 * The same for a request whose preview link the host has verified and taken out: `backend` answers it where
 * the route is of `app`, both numbers, and nothing else does.
 */
export function requestFor(start: i32, end: i32, out: i32, app: i32, backend: i32): i32 {
  assert(out > 0)
  const head = scanRequest(start, end)
  if (head <= 0) return head
  return findLink() ? refuse(PREVIEW_LINK) : route(head, out, app, backend)
}

function route(head: i32, out: i32, app: i32, backend: i32): i32 {
  // HTTP/1.0 without Host: every route names its hosts.
  if (load<i32>(REQUEST, REQ_HOST_BYTES) === 0) return refuse(-404)
  let status = match()
  if (status === 0) status = app < 0 ? place() : placeAt(app, backend)
  if (status < 0) return refuse(status)
  const matched = load<i32>(VERDICT, VERDICT_ROUTE)
  const bytes = writeRequestHead(out, matched)
  if (bytes < 0) return refuse(bytes)
  const policy = policyOf(matched)
  store<i32>(VERDICT, policy, VERDICT_POLICY)
  status = policy === 0 ? select(-1) : selectBy(policy)
  if (status < 0) return refuse(status)
  store<i32>(VERDICT, bytes, VERDICT_OUT_BYTES)
  return head
}

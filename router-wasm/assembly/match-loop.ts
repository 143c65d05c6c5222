/**
 * The matcher for `bench/router.ts`: requests as six words each, as the scan leaves them, over the bytes
 * where they landed. Not part of the router that is served.
 *
 *   method, bytes │ path, bytes │ host, bytes
 */
import {
  REQ_FIELD_COUNT,
  REQ_HOST_BYTES,
  REQ_HOST_OFFSET,
  REQ_METHOD_BYTES,
  REQ_METHOD_OFFSET,
  REQ_PATH_BYTES,
  REQ_PATH_OFFSET,
  REQUEST,
  VERDICT,
  VERDICT_ROUTE,
} from '../layout.ts'
import { match } from './match.ts'

const RECORD_BYTES = 24

/** Route of one request, or -1. */
export function matchOne(record: i32): i32 {
  store<i32>(REQUEST, load<i32>(record), REQ_METHOD_OFFSET)
  store<i32>(REQUEST, load<i32>(record, 4), REQ_METHOD_BYTES)
  store<i32>(REQUEST, load<i32>(record, 8), REQ_PATH_OFFSET)
  store<i32>(REQUEST, load<i32>(record, 12), REQ_PATH_BYTES)
  store<i32>(REQUEST, load<i32>(record, 16), REQ_HOST_OFFSET)
  store<i32>(REQUEST, load<i32>(record, 20), REQ_HOST_BYTES)
  store<i32>(REQUEST, 0, REQ_FIELD_COUNT)
  match()
  return load<i32>(VERDICT, VERDICT_ROUTE)
}

/** Sum of the routes of `count` requests. */
export function matchAll(records: i32, count: i32): i32 {
  let sum = 0
  for (let i = 0; i < count; i++) sum += matchOne(records + i * RECORD_BYTES)
  return sum
}

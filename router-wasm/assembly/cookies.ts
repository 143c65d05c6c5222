/**
 * Cookies of the request (RFC 6265 §5.4), from every Cookie field in order, without any unquoting:
 *
 *   Cookie: a=1; b=2        name up to the first "=", value up to ";", spaces around both left out
 *
 * A pair without "=" is no cookie. Of equal names the first counts, as with header fields. Read only when a
 * match or a position asks, once a request, into COOKIES: at most COOKIE_COUNT_MAX of them.
 */
import {
  COOKIE_BYTES,
  COOKIE_COUNT_MAX,
  COOKIE_NAME,
  COOKIE_NAME_BYTES,
  COOKIE_VALUE,
  COOKIE_VALUE_BYTES,
  COOKIES,
  FIELD_VALUE_BYTES,
  FIELD_VALUE_OFFSET,
} from '../layout.ts'
import { isSpace } from './characters.ts'
import { fieldAt, fieldCount, has, knownOf } from './fields.ts'
import { sameBytes } from './hash.ts'
import { K_COOKIE } from './known.ts'

const EQUALS = 0x3d
const SEMICOLON = 0x3b

/** -1: those of the present request have not been read. */
let count: i32 = -1

/** Another request is looked at. */
export function forgetCookies(): void {
  count = -1
}

/** Record of the first cookie with this name, or 0. */
export function findCookie(name: i32, bytes: i32): i32 {
  if (!has(K_COOKIE)) return 0
  if (count < 0) readCookies()
  let record = COOKIES
  for (let i = 0; i < count; i++, record += COOKIE_BYTES) {
    if (load<i32>(record, COOKIE_NAME_BYTES) !== bytes) continue
    if (sameBytes(load<i32>(record, COOKIE_NAME), name, bytes)) return record
  }
  return 0
}

function readCookies(): void {
  count = 0
  for (let i = 0; i < fieldCount; i++) {
    const field = fieldAt(i)
    if (knownOf(field) !== K_COOKIE) continue
    const start = load<i32>(field, FIELD_VALUE_OFFSET)
    readLine(start, start + load<i32>(field, FIELD_VALUE_BYTES))
  }
}

function readLine(start: i32, end: i32): void {
  let at = start
  while (at < end && count < COOKIE_COUNT_MAX) {
    let stop = at
    let equals = -1
    for (; stop < end; stop++) {
      const byte = load<u8>(stop)
      if (byte === SEMICOLON) break
      if (byte === EQUALS && equals < 0) equals = stop
    }
    if (equals >= 0) keep(at, equals, stop)
    at = stop + 1
  }
}

function keep(start: i32, equals: i32, stop: i32): void {
  let name = start
  let nameEnd = equals
  let value = equals + 1
  let valueEnd = stop
  while (name < nameEnd && isSpace(load<u8>(name))) name++
  while (nameEnd > name && isSpace(load<u8>(nameEnd - 1))) nameEnd--
  while (value < valueEnd && isSpace(load<u8>(value))) value++
  while (valueEnd > value && isSpace(load<u8>(valueEnd - 1))) valueEnd--
  const record = COOKIES + count++ * COOKIE_BYTES
  store<i32>(record, name, COOKIE_NAME)
  store<i32>(record, nameEnd - name, COOKIE_NAME_BYTES)
  store<i32>(record, value, COOKIE_VALUE)
  store<i32>(record, valueEnd - value, COOKIE_VALUE_BYTES)
}

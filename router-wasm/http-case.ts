/**
 * What a case of a request head is, and words to write cases with. A case says the whole head and the
 * whole answer: our status, or exactly the bytes that are forwarded (settings empty, no route's changes).
 * `row` is the rule's number in the proxy's list of HTTP rules.
 */
import * as at from './layout.ts'

export interface RequestCase {
  readonly row: number
  readonly name: string
  readonly head: string
  /** Status of our own answer. */
  readonly answer?: number
  /** After our answer the connection may go on. */
  readonly mayContinue?: boolean
  /** The forwarded head, without its empty line. */
  readonly forwards?: readonly string[]
  readonly flags?: number
  readonly body?: number
  readonly length?: number
  readonly host?: string
}

/** Flags: stays, may be repeated, and both: a usual GET. */
export const KEEP = at.REQ_FLAG_KEEP_ALIVE
export const SAFE = at.REQ_FLAG_IDEMPOTENT
export const GET = KEEP | SAFE

export const lines = (...all: string[]) => `${all.join('\r\n')}\r\n\r\n`
export const get = (...fields: string[]) => lines('GET / HTTP/1.1', 'Host: a.example', ...fields)
export const post = (...fields: string[]) => lines('POST / HTTP/1.1', 'Host: a.example', ...fields)
export const target = (text: string) => lines(`GET ${text} HTTP/1.1`, 'Host: a.example')
export const host = (text: string) => lines('GET / HTTP/1.1', `Host: ${text}`)

export const forwarded = 'X-Forwarded-Host: a.example'
export const sameGet = (...fields: string[]) => [
  'GET / HTTP/1.1',
  'Host: a.example',
  ...fields,
  forwarded,
]
export const samePost = (...fields: string[]) => [
  'POST / HTTP/1.1',
  'Host: a.example',
  ...fields,
  forwarded,
]
export const sameTarget = (text: string) => [`GET ${text} HTTP/1.1`, 'Host: a.example', forwarded]

type Rest = Omit<RequestCase, 'row' | 'name' | 'head'>
export const one = (row: number, name: string, head: string, rest: Rest): RequestCase => ({
  row,
  name,
  head,
  ...rest,
})
export const refused = (row: number, name: string, head: string, answer = 400) =>
  one(row, name, head, { answer })
export const passed = (
  row: number,
  name: string,
  head: string,
  forwards: string[],
  rest: Rest = {},
) => one(row, name, head, { forwards, ...rest })

export function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `X-${n}: ${n}`)
}

/** Fields that bring a head to `bytes`, none longer than a line may be. */

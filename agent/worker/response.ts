/**
 * Hot path. The response side of an exchange: reads heads and body of what an endpoint sends, and writes
 * the canonical head and the body, framed anew, to the client in one write a read.
 */
import { BODY_UNTIL_CLOSE } from '#router/layout.ts'
import { Body } from './body.ts'
import type { Client } from './client.ts'
import type { DataPath } from './data-path.ts'

// What a read has led to.
export const MORE = 0
export const DONE = 1
/** 101: the connections belong to a tunnel now. */
export const SWITCHED = 2
export const BAD = -1

export class Response {
  /** Some byte has arrived: the request may not be repeated any more. */
  started = false
  /** The final head has been written to the client. */
  headSent = false
  /** `100 Continue` has been passed on. */
  continued = false
  keepClient = false
  keepUpstream = false
  /** Bytes behind a 101. */
  rest: Buffer | null = null
  readonly #path: DataPath
  readonly #body: Body
  #flags = 0
  #minor = 1
  #interims = 0
  #carry: Buffer | null = null

  constructor(path: DataPath) {
    this.#path = path
    this.#body = new Body(path.router)
  }
}

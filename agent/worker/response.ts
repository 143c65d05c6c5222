/**
 * Hot path. The response side of an exchange: reads heads and body of what an endpoint sends, and writes
 * the canonical head and the body, framed anew, to the client: one write a read.
 */
import {
  REQ_FLAG_KEEP_ALIVE,
  RES_BODY,
  RES_FLAG_CLOSE,
  RES_FLAG_INTERIM,
  RES_FLAG_KEEP_ALIVE,
  RES_FLAG_UPGRADE,
  RES_FLAGS,
  RES_LENGTH_HIGH,
  RES_LENGTH_LOW,
  RES_OUT_BODY,
  RES_OUT_BYTES,
  RES_STATUS,
  RESPONSE,
} from '#router/layout.ts'
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
  /** `100 Continue` has come: the request body may go. */
  continued = false
  /** Of the final head. */
  status = 0
  /** After DONE: the client's connection may go on. */
  keepClient = false
  /** After the head: the endpoint's connection may carry another request once the body has ended. */
  keepUpstream = false
  /** After SWITCHED: bytes behind the 101. */
  early: Buffer | null = null
  readonly #path: DataPath
  readonly #body: Body
  #flags = 0
  #minor = 1
  #interims = 0
  #carry: Buffer | null = null
  /** How the route changes the head, or null. */
  #policy: Uint8Array | null = null

  constructor(path: DataPath) {
    this.#path = path
    this.#body = new Body(path.zones)
  }

  /** `flags` and `minor` are the request's, `policy` says how its route changes the head. */
  begin(flags: number, minor: number, policy: Uint8Array | null): void {
    this.started = false
    this.headSent = false
    this.continued = false
    this.early = null
    this.#flags = flags
    this.#minor = minor
    this.#interims = 0
    this.#carry = null
    this.#policy = policy
  }

  /** Reads what landed. `mayKeep`: false makes the response say `Connection: close`. */
  read(bytes: number, client: Client, mayKeep: boolean): number {
    const { limits, router, zones } = this.#path
    const { words } = router
    let { start } = zones.upstream
    const end = start + bytes
    this.started = true
    if (this.#carry !== null) {
      start -= this.#carry.length
      zones.memory.set(this.#carry, start)
      this.#carry = null
    }
    if (this.headSent) return this.#readBody(start, end, 0, client)

    const flags = mayKeep ? this.#flags : this.#flags & ~REQ_FLAG_KEEP_ALIVE
    for (;;) {
      const policy = this.#policy === null ? 0 : router.layPolicy(this.#policy)
      const used = router.response(start, end, zones.out, flags, this.#minor, policy)
      if (used < 0) return BAD
      if (used === 0) {
        this.#carry = Buffer.from(zones.memory.subarray(start, end))
        return MORE
      }
      start += used
      const headBytes = words[(RESPONSE + RES_OUT_BYTES) >> 2]!
      const found = words[(RESPONSE + RES_FLAGS) >> 2]!
      if ((found & RES_FLAG_UPGRADE) !== 0) {
        zones.send(client.socket, headBytes)
        if (start < end) this.early = Buffer.from(zones.memory.subarray(start, end))
        return SWITCHED
      }
      if ((found & RES_FLAG_INTERIM) === 0) {
        const low = words[(RESPONSE + RES_LENGTH_LOW) >> 2]! >>> 0
        const length = words[(RESPONSE + RES_LENGTH_HIGH) >> 2]! * 0x1_0000_0000 + low
        const to = words[(RESPONSE + RES_OUT_BODY) >> 2]!
        this.#body.begin(words[(RESPONSE + RES_BODY) >> 2]!, to, length)
        this.status = words[(RESPONSE + RES_STATUS) >> 2]!
        this.keepClient = (found & RES_FLAG_CLOSE) === 0
        this.keepUpstream = (found & RES_FLAG_KEEP_ALIVE) !== 0
        return this.#readBody(start, end, headBytes, client)
      }
      if (++this.#interims > limits.interimResponsesMax) return BAD
      if (words[(RESPONSE + RES_STATUS) >> 2] === 100) this.continued = true
      if (headBytes > 0) zones.send(client.socket, headBytes)
      if (start === end) return MORE
    }
  }

  /** The endpoint has closed its side. True when that ends the response properly. */
  end(client: Client): boolean {
    const { zones } = this.#path
    if (!this.headSent || !this.#body.end(zones.out)) return false
    if (this.#body.wrote > 0) zones.send(client.socket, this.#body.wrote)
    this.keepUpstream = false
    return true
  }

  /** Sends the head that lies in `out`, and the body bytes behind it. */
  #readBody(start: number, end: number, headBytes: number, client: Client): number {
    const { zones } = this.#path
    const used = this.#body.pump(start, end, zones.out + headBytes)
    if (used < 0) return BAD
    const total = headBytes + this.#body.wrote
    if (total > 0) zones.send(client.socket, total)
    this.headSent = true
    if (!this.#body.done) return MORE
    // Bytes behind the response belong to nobody (http-rules 49).
    if (start + used < end) this.keepUpstream = false
    return DONE
  }
}

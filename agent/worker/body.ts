/**
 * Hot path. One direction of one body: takes what landed and lays it out as it is sent on. Lengths are
 * counted here; chunks are read, checked and written anew by the router, without extensions.
 */
import {
  BODY_CHUNKED,
  BODY_LENGTH,
  BODY_NONE,
  BODY_UNTIL_CLOSE,
  CHUNK,
  CHUNK_ENDED,
  CHUNK_FLAG_PLAIN,
  CHUNK_OUT_BYTES,
  CHUNK_PAYLOAD_BYTES,
  CHUNK_STATE_WORDS,
} from '#router/layout.ts'
import type { Zones } from './zones.ts'

export class Body {
  /** The whole body has been taken. */
  done = true
  /** Bytes that the last `pump` laid out. */
  wrote = 0
  /** Payload bytes so far. */
  payloadBytes = 0
  readonly #zones: Zones
  readonly #chunk = new Int32Array(CHUNK_STATE_WORDS)
  #from = BODY_NONE
  #to = BODY_NONE
  #leftBytes = 0

  constructor(zones: Zones) {
    this.#zones = zones
  }

  /** BODY_* as it arrives and as it is sent on; `lengthBytes` for BODY_LENGTH. */
  begin(from: number, to: number, lengthBytes: number): void {
    this.#from = from
    this.#to = to
    this.#leftBytes = lengthBytes
    this.done = from === BODY_NONE || (from === BODY_LENGTH && lengthBytes === 0)
    this.wrote = 0
    this.payloadBytes = 0
    if (from === BODY_CHUNKED) this.#chunk.fill(0)
  }

  /**
   * Takes bytes from `start` to `end` and lays them out at `out`. Returns how many it took: fewer than
   * there are only when the body is done; or -1 when they break the framing.
   */
  pump(start: number, end: number, out: number): number {
    const { memory, router, out: zone, outBytes } = this.#zones
    this.wrote = 0
    if (this.done || start === end) return 0
    if (this.#from === BODY_CHUNKED) {
      const flags = this.#to === BODY_CHUNKED ? 0 : CHUNK_FLAG_PLAIN
      const room = zone + outBytes - out
      const used = router.chunk(this.#chunk, start, end, out, room, flags)
      if (used < 0) return -1
      const { words } = router
      this.wrote = words[(CHUNK + CHUNK_OUT_BYTES) >> 2]!
      this.payloadBytes += words[(CHUNK + CHUNK_PAYLOAD_BYTES) >> 2]!
      this.done = words[(CHUNK + CHUNK_ENDED) >> 2] === 1
      return used
    }
    const here = end - start
    const take = this.#from === BODY_LENGTH && here > this.#leftBytes ? this.#leftBytes : here
    this.payloadBytes += take
    if (this.#from === BODY_UNTIL_CLOSE && this.#to === BODY_CHUNKED) {
      this.wrote = router.frame(start, end, out)
      return take
    }
    memory.copyWithin(out, start, start + take)
    this.wrote = take
    if (this.#from === BODY_LENGTH) {
      this.#leftBytes -= take
      this.done = this.#leftBytes === 0
    }
    return take
  }

  /** The sender has closed. True when that ends the body properly; lays out what is still to be sent. */
  end(out: number): boolean {
    this.wrote = 0
    if (this.done || this.#from !== BODY_UNTIL_CLOSE) return this.done
    this.done = true
    if (this.#to === BODY_CHUNKED) this.wrote = this.#zones.router.frameEnd(out)
    return true
  }
}

/**
 * Hot path. Where WebSocket frames end (RFC 6455 §5.2) in a stream that is passed on unread: only there
 * may a frame of our own be put in. Headers are counted, payloads are stepped over, nothing is kept.
 */

const shortHeaderBytes = 2
const maskBytes = 4

export class FrameEdge {
  #headerBytes = 0
  #neededBytes = shortHeaderBytes
  #lengthBytesLeft = 0
  #length = 0
  #payloadBytesLeft = 0

  /** Between two frames: every frame that has begun is whole. */
  get clear(): boolean {
    return this.#headerBytes === 0 && this.#payloadBytesLeft === 0
  }

  /** Bytes from `start` to `end` have passed. */
  pass(memory: Uint8Array, start: number, end: number): void {
    let at = start
    while (at < end) {
      if (this.#payloadBytesLeft > 0) {
        const step = Math.min(this.#payloadBytesLeft, end - at)
        this.#payloadBytesLeft -= step
        at += step
      } else {
        this.#header(memory[at++]!)
      }
    }
  }

  #header(byte: number): void {
    this.#headerBytes++
    if (this.#headerBytes === 2) {
      const length = byte & 0x7f
      this.#lengthBytesLeft = length === 126 ? 2 : length === 127 ? 8 : 0
      this.#length = this.#lengthBytesLeft > 0 ? 0 : length
      this.#neededBytes += this.#lengthBytesLeft + (byte >= 0x80 ? maskBytes : 0)
    } else if (this.#lengthBytesLeft > 0) {
      this.#length = this.#length * 256 + byte
      this.#lengthBytesLeft--
    }
    if (this.#headerBytes < this.#neededBytes) return
    this.#payloadBytesLeft = this.#length
    this.#headerBytes = 0
    this.#neededBytes = shortHeaderBytes
  }
}

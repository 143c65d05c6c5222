/**
 * Hot path. The first bytes of a request as they are sent, kept for a connection that is still being made
 * and for the one repetition that http-rules 50 allows. Copying a head of 200 bytes costs 40 ns.
 */
import type { Zones } from './zones.ts'

const bytesAtFirst = 2_048
const bytesKept = 65_536

export class Replay {
  byteCount = 0
  readonly #zones: Zones
  #bytes = Buffer.allocUnsafeSlow(bytesAtFirst)

  constructor(zones: Zones) {
    this.#zones = zones
  }

  /** Keeps the first `byteCount` bytes of `out`. */
  keep(byteCount: number): void {
    if (this.#bytes.length < byteCount) this.#bytes = Buffer.allocUnsafeSlow(byteCount)
    const { memory, out } = this.#zones
    memory.copy(this.#bytes, 0, out, out + byteCount)
    this.byteCount = byteCount
  }

  /** Lays them into `out` again. Returns how many there are. */
  lay(): number {
    const { memory, out } = this.#zones
    this.#bytes.copy(memory, out, 0, this.byteCount)
    return this.byteCount
  }

  forget(): void {
    this.byteCount = 0
    if (this.#bytes.length > bytesKept) this.#bytes = Buffer.allocUnsafeSlow(bytesAtFirst)
  }
}

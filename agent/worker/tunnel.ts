/**
 * Bytes both ways after `101 Switching Protocols` (http-rules 43): nobody reads them here, only where
 * frames to the client end is counted, so that a deadline can say 1001. Each side's FIN is passed on; a
 * side that stalls stops the other; the ledger counts the tunnel until it is closed.
 */
import type { Client, ClientUser } from './client.ts'
import type { ReleaseCount } from './counts.ts'
import type { DataPath } from './data-path.ts'
import { FrameEdge } from './frame-edge.ts'
import type { Upstream, UpstreamOwner } from './upstream.ts'

/** Close, 1001 "going away" (RFC 6455 §5.5.1, §7.4.1), as a server sends it. */
const goingAway = Buffer.from([0x88, 2, 0x03, 0xe9])

export class Tunnel implements ClientUser, UpstreamOwner {
  readonly count: ReleaseCount
  readonly #path: DataPath
  readonly #client: Client
  readonly #upstream: Upstream
  readonly #slot: number
  readonly #idleMs: number
  readonly #onFlushed = () => {
    if (this.#upstream.socket.writableLength === 0) this.#client.feed()
  }
  readonly #edge = new FrameEdge()
  #open = true
  #leaving = false
  /** 1001 was sent: nothing may follow it. */
  #left = false

  constructor(
    path: DataPath,
    client: Client,
    upstream: Upstream,
    count: ReleaseCount,
    slot: number,
    idleMs: number,
  ) {
    this.#path = path
    this.#client = client
    this.#upstream = upstream
    this.count = count
    this.#slot = slot
    this.#idleMs = idleMs
  }

  /** Takes both connections over; `early` are bytes that came behind the 101. */
  begin(early: Buffer | null): void {
    this.#client.user = this
    this.#upstream.owner = this
    const { tunnelKeepAliveMs } = this.#path.limits
    this.#client.socket.setKeepAlive(true, tunnelKeepAliveMs)
    this.#upstream.socket.setKeepAlive(true, tunnelKeepAliveMs)
    if (early) {
      this.#edge.pass(early, 0, early.length)
      this.#client.socket.write(early)
    }
    this.#moved()
    // What the client sent behind its request was held until now.
    this.#client.feed()
  }

  onClientRead(start: number, end: number): boolean {
    this.#moved()
    const { zones } = this.#path
    zones.memory.copyWithin(zones.out, start, end)
    if (!zones.send(this.#upstream.socket, end - start)) return true
    zones.whenFlushed(this.#upstream.socket, this.#onFlushed)
    return false
  }

  onUpstreamRead(bytes: number): boolean {
    this.#moved()
    if (this.#left) return true
    const { zones } = this.#path
    this.#edge.pass(zones.memory, zones.upstream.start, zones.upstream.start + bytes)
    zones.memory.copyWithin(zones.out, zones.upstream.start, zones.upstream.start + bytes)
    const queued = zones.send(this.#client.socket, bytes)
    if (this.#leaving) this.leave()
    if (!queued) return true
    this.#client.whenFlushed()
    return false
  }

  /** Says 1001 to the client at the next edge of a frame; its answer closes the backend's side too. */
  leave(): void {
    this.#leaving = true
    if (this.#left || !this.#open || !this.#edge.clear) return
    this.#left = true
    this.#client.socket.write(goingAway)
  }

  onClientFlushed(): void {
    this.#upstream.resume()
  }

  onClientEnd(): void {
    this.#upstream.socket.end()
  }

  onUpstreamEnd(): void {
    this.#client.socket.end()
  }

  onClientClose(): void {
    this.#close()
  }

  onUpstreamClose(): void {
    const client = this.#client
    this.#close()
    // After both FINs this is the normal end; otherwise the client sees that it was cut.
    if (!client.socket.destroyed) client.close()
  }

  onUpstreamConnect(): void {}

  onDue(): void {
    this.cut()
  }

  cut(): void {
    this.#close()
    this.#client.close()
  }

  #moved(): void {
    this.#client.waitFor(this.#idleMs)
  }

  #close(): void {
    if (!this.#open) return
    this.#open = false
    this.#path.counts.end(this.count)
    this.#path.router.release(this.#slot)
    this.#client.user = null
    this.#upstream.destroy()
  }
}

/**
 * Bytes both ways after `101 Switching Protocols` (http-rules 43): nobody reads them here. Each side's
 * FIN is passed on; a side that stalls stops the other; the ledger counts the tunnel until it is closed.
 */
import type { Client, ClientUser } from './client.ts'
import type { ReleaseCount } from './counts.ts'
import type { DataPath } from './data-path.ts'
import type { Upstream, UpstreamOwner } from './upstream.ts'

export class Tunnel implements ClientUser, UpstreamOwner {
  readonly count: ReleaseCount
  readonly #path: DataPath
  readonly #client: Client
  readonly #upstream: Upstream
  readonly #slot: number
  readonly #onFlushed = () => {
    if (this.#upstream.socket.writableLength === 0) this.#client.feed()
  }
  #open = true

  constructor(
    path: DataPath,
    client: Client,
    upstream: Upstream,
    count: ReleaseCount,
    slot: number,
  ) {
    this.#path = path
    this.#client = client
    this.#upstream = upstream
    this.count = count
    this.#slot = slot
  }

  /** Takes both connections over; `early` are bytes that came behind the 101. */
  begin(early: Buffer | null): void {
    this.#client.user = this
    this.#upstream.owner = this
    const { tunnelKeepAliveMs } = this.#path.limits
    this.#client.socket.setKeepAlive(true, tunnelKeepAliveMs)
    this.#upstream.socket.setKeepAlive(true, tunnelKeepAliveMs)
    if (early) this.#client.socket.write(early)
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
    const { zones } = this.#path
    zones.memory.copyWithin(zones.out, zones.upstream.start, zones.upstream.start + bytes)
    if (!zones.send(this.#client.socket, bytes)) return true
    this.#client.whenFlushed()
    return false
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
    this.#client.waitFor(this.#path.limits.tunnelIdleMs)
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

/**
 * Hot path. One connection to an endpoint: it belongs to an exchange while that lasts and to the pool in
 * between. It reads all the time, so that bytes or an end on an idle connection are seen at once: nothing
 * that a backend says unasked can become the answer to a later request (http-rules 49).
 */
import { connect, type Socket } from 'node:net'
import type { EndpointPool } from './pool.ts'
import type { Turn } from './turn.ts'
import type { Zones } from './zones.ts'

/** Who gets what happens on a connection that is in use. */
export interface UpstreamOwner {
  onUpstreamConnect(): void
  /** Bytes lie in the upstream landing. False stops reading until `resume`. */
  onUpstreamRead(bytes: number): boolean
  /** The backend has sent its FIN. */
  onUpstreamEnd(): void
  /** The socket is gone; `planted` when the backend had spoken before it could know the request. */
  onUpstreamClose(planted: boolean): void
}

export class Upstream {
  readonly pool: EndpointPool
  readonly socket: Socket
  owner: UpstreamOwner | null
  /** It has carried an exchange before this one. */
  reused = false
  idleSinceMs = 0
  /** Turn of the event loop in which the newest request was written; -1 before. */
  wroteInTurn = -1
  readonly #turn: Turn

  constructor(pool: EndpointPool, zones: Zones, turn: Turn, owner: UpstreamOwner) {
    this.pool = pool
    this.owner = owner
    this.#turn = turn
    this.socket = connect({
      host: pool.address,
      port: pool.port,
      noDelay: true,
      allowHalfOpen: true,
      onread: { buffer: zones.upstream.bytes, callback: (bytes) => this.#onRead(bytes) },
    })
    pool.connecting.add(this)
    this.socket.on('connect', () => {
      pool.connecting.delete(this)
      this.owner?.onUpstreamConnect()
    })
    this.socket.on('end', () => this.#onEnd())
    // An error always goes on to `close`.
    this.socket.on('error', () => {})
    this.socket.on('close', () => this.#onClose(false))
  }

  /** Must be called with every first write of a request. */
  wrote(): void {
    this.wroteInTurn = this.#turn.mark()
  }

  resume(): void {
    if (!this.socket.destroyed) this.socket.resume()
  }

  /** Gives up the connection; the owner hears nothing any more. */
  destroy(): void {
    this.owner = null
    this.socket.destroy()
  }

  /** Gives up a connection on which a request is unfinished, so that the backend sees it (http-rules 36). */
  reset(): void {
    this.owner = null
    // While connecting, Node would wait for the connection to reset it.
    if (this.socket.connecting) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }

  #onRead(bytes: number): boolean {
    const owner = this.owner
    if (owner === null) {
      this.socket.destroy()
      return false
    }
    // Bytes that were ready before our request could have arrived (http-rules 49).
    if (this.wroteInTurn === -1 || this.#turn.isSame(this.wroteInTurn)) {
      this.#onClose(true)
      this.socket.destroy()
      return false
    }
    return owner.onUpstreamRead(bytes)
  }

  #onEnd(): void {
    if (this.owner) this.owner.onUpstreamEnd()
    else this.socket.destroy()
  }

  #onClose(planted: boolean): void {
    this.pool.connecting.delete(this)
    const owner = this.owner
    this.owner = null
    if (owner) owner.onUpstreamClose(planted)
    else this.pool.forget(this)
  }
}

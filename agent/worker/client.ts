/**
 * Hot path. A client connection: finds request heads in what lands, one exchange at a time and in order
 * (http-rules 39), and keeps what it cannot use yet: an unfinished head, or the bytes behind a request
 * whose response is still going out. At most one read is kept, because keeping bytes stops reading.
 */
import type { Socket } from 'node:net'
import {
  PREVIEW_LINK,
  REQ_FLAG_HEAD,
  REQ_FLAGS,
  REQ_HEAD_BYTES,
  REQ_MAY_CONTINUE,
  REQUEST,
} from '#router/layout.ts'
import type { ClientInput } from '#router/router.ts'
import { type AnswerOptions, ownAnswer } from './answers.ts'
import type { FailureReason, ReleaseCount } from './counts.ts'
import type { DataPath } from './data-path.ts'
import type { Waiting } from './sweep.ts'

/** An exchange or a tunnel: whoever the connection's bytes and events belong to until it ends. */
export interface ClientUser {
  readonly count: ReleaseCount
  /** Bytes from `start` to `end` of memory. False stops reading until `feed`. */
  onClientRead(start: number, end: number): boolean
  onClientEnd(): void
  onClientClose(): void
  /** Nothing is queued for the client any more; asked for by `whenFlushed`. */
  onClientFlushed(): void
  /** The wait that `dueMs` bounds is over. */
  onDue(): void
  /** An operator's deadline has passed: end politely where the protocol can; `cut` follows. */
  leave?(): void
  cut(): void
}

/** Statuses that the router answers with; others break a rule of HTTP. */
const reasonOf: Readonly<Record<number, FailureReason>> = {
  404: 'no-route',
  417: 'expectation',
  503: 'no-endpoint',
}

type MoreOfAnswer = Pick<AnswerOptions, 'fields' | 'text'>

const never = Number.POSITIVE_INFINITY

export class Client implements Waiting {
  dueMs = never
  sweepIndex = -1
  user: ClientUser | null = null
  /** The client has sent its FIN. */
  ended = false
  readonly socket: Socket
  readonly input: ClientInput
  /** Accepted beyond the limit, to be told so. */
  readonly #surplus: boolean
  readonly #path: DataPath
  /** Bytes for later; only ever one read and one unfinished head. */
  #held: Buffer | null = null
  #paused = false
  /** Bytes are being worked on: they are not fed a second time. */
  #busy = false
  #lingering = false
  #discardedBytes = 0
  #headStarted = false
  #flushed: (() => void) | null = null

  constructor(path: DataPath, socket: Socket, surplus: boolean) {
    this.#path = path
    this.#surplus = surplus
    this.socket = socket
    this.input = {
      address: socket.remoteAddress ?? '0.0.0.0',
      port: socket.remotePort ?? 0,
      localPort: socket.localPort ?? 0,
      tls: false,
    }
    this.waitFor(path.limits.headMs)
    socket.on('end', () => this.#onEnd())
    // An error always goes on to `close`.
    socket.on('error', () => {})
    socket.on('close', () => this.#onClose())
  }

  waitFor(ms: number): void {
    this.dueMs = this.#path.sweep.nowMs + ms
  }

  readonly onRead = (bytes: number): boolean => {
    const { memory, client: landing } = this.#path.zones
    let { start } = landing
    const end = start + bytes
    const held = this.#held
    if (held !== null) {
      if (held.length > landing.headroomBytes) throw new RangeError('read while bytes were held')
      start -= held.length
      memory.set(held, start)
      this.#held = null
    }
    const go = this.#dispatch(start, end)
    this.#paused = !go
    return go
  }

  /** Keeps bytes for later; the caller stops reading or is at an unfinished head. */
  hold(start: number, end: number): void {
    if (start < end) this.#held = Buffer.from(this.#path.zones.memory.subarray(start, end))
  }

  /** Goes on: first with what was kept, then with reading. */
  feed(): void {
    if (this.#busy || this.socket.destroyed) return
    const held = this.#held
    let go = true
    if (held !== null) {
      const { memory, client: landing } = this.#path.zones
      // One read and the head in front of it: that is what headroom and landing hold together.
      const start = landing.start - landing.headroomBytes
      memory.set(held, start)
      this.#held = null
      go = this.#dispatch(start, start + held.length)
    }
    if (go === !this.#paused) return
    this.#paused = !go
    if (go) this.socket.resume()
    else this.socket.pause()
  }

  /** Calls back once nothing is queued on the socket: the user, or the next request. */
  whenFlushed(): void {
    this.#flushed ??= () => this.#onFlushed()
    this.#path.zones.whenFlushed(this.socket, this.#flushed)
  }

  /** The user has written its last byte. */
  finished(keepAlive: boolean): void {
    this.user = null
    if (!keepAlive || this.ended) {
      this.close()
      return
    }
    this.#headStarted = false
    this.waitFor(this.#path.limits.idleMs)
    if (this.#held !== null || this.#paused) this.feed()
  }

  /** Writes an answer of our own; the connection goes on only when the request was whole. */
  answer(status: number, keepAlive: boolean, head: boolean, more?: MoreOfAnswer): void {
    const { date, draining } = this.#path
    const close = !keepAlive || this.ended || draining
    const { fields, text } = more ?? {}
    this.socket.write(
      ownAnswer({ status, date, close, head, ...(fields && { fields }), ...(text && { text }) }),
    )
    this.finished(!close)
  }

  /** Ends our side and reads on for a moment, so that the client can read what was sent. */
  close(): void {
    this.user = null
    this.#held = null
    this.#lingering = true
    const { socket } = this
    if (socket.destroyed) return
    if (socket.writableLength > 0) {
      this.waitFor(this.#path.limits.writeStallMs)
      this.whenFlushed()
    } else this.waitFor(this.#path.limits.lingerMs)
    socket.end()
    this.feed()
  }

  /** Makes an unfinished response visible as such: RST, never a proper end (http-rules 48). */
  reset(): void {
    this.user = null
    this.socket.resetAndDestroy()
  }

  /** Between two requests, with nothing kept and nothing queued. */
  isIdle(): boolean {
    return this.user === null && !this.#lingering && this.#held === null
  }

  onDue(): void {
    if (this.user !== null) this.user.onDue()
    else if (this.#lingering || !this.#headStarted) this.socket.destroy()
    else this.refuse(408, 'request-timeout')
  }

  refuse(status: number, reason: FailureReason): void {
    this.#path.counts.fail(reason)
    this.answer(status, false, false)
  }

  #dispatch(start: number, end: number): boolean {
    let go = true
    this.#busy = true
    if (this.#lingering) this.#discard(end - start)
    else if (this.user !== null) go = this.user.onClientRead(start, end)
    else go = this.#heads(start, end)
    this.#busy = false
    // A connection that has begun to close is read, so that its end is seen.
    return go || this.#lingering
  }

  #heads(from: number, end: number): boolean {
    const path = this.#path
    const { router, zones } = path
    let start = from
    while (start < end) {
      // Answers to pipelined requests may not pile up in front of a client that does not read.
      if (this.socket.writableLength !== 0) {
        this.hold(start, end)
        this.waitFor(path.limits.writeStallMs)
        this.whenFlushed()
        return false
      }
      if (path.overloaded || this.#surplus) {
        this.refuse(503, 'overloaded')
        return true
      }
      router.setClient(this.input)
      let used = router.request(start, end, zones.out)
      if (used === PREVIEW_LINK) {
        const taken = path.previewLinks.take(start, end, zones.out)
        if (taken.kind === 'answer') {
          this.#answerOwn(taken.status, taken)
          start = taken.next
          if (this.#lingering) return true
          continue
        }
        start = taken.start
        used = taken.used
      }
      if (used === 0) {
        this.hold(start, end)
        if (!this.#headStarted) this.waitFor(path.limits.headMs)
        this.#headStarted = true
        return true
      }
      this.#headStarted = false
      if (used > 0) {
        start = path.exchange().begin(this, start + used, end)
        if (this.user !== null) {
          if (start < end) this.hold(start, end)
          return start === end
        }
      } else start += this.#answerOwn(-used)
      if (this.#lingering) return true
    }
    return true
  }

  /** The router has chosen the answer. Returns the bytes of the request's head. */
  #answerOwn(status: number, more?: MoreOfAnswer): number {
    const { counts, router } = this.#path
    const { words } = router
    const mayContinue = words[(REQUEST + REQ_MAY_CONTINUE) >> 2] === 1
    const flags = words[(REQUEST + REQ_FLAGS) >> 2]!
    if (status >= 400) counts.fail(reasonOf[status] ?? 'bad-request')
    this.answer(status, mayContinue, (flags & REQ_FLAG_HEAD) !== 0, more)
    return words[(REQUEST + REQ_HEAD_BYTES) >> 2]!
  }

  #discard(bytes: number): void {
    this.#discardedBytes += bytes
    if (this.#discardedBytes > this.#path.limits.lingerBytesMax) this.socket.destroy()
  }

  #onFlushed(): void {
    if (this.socket.destroyed || this.socket.writableLength !== 0) return
    if (this.user !== null) this.user.onClientFlushed()
    else if (this.#lingering) this.waitFor(this.#path.limits.lingerMs)
    else this.feed()
  }

  #onEnd(): void {
    this.ended = true
    if (this.user !== null) this.user.onClientEnd()
    else if (!this.#lingering) this.close()
  }

  #onClose(): void {
    this.#path.gone(this)
    this.#held = null
    this.user?.onClientClose()
  }
}

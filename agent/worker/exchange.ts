/**
 * Hot path. One request and its response. The request's bytes go to an endpoint as they arrive, the
 * response's to the client (`response.ts`); either side stops being read while the other has bytes
 * queued, so that at most one read waits in each direction. What can be repeated without harm is kept
 * until the first byte of the response (http-rules 50, 51).
 *
 *   begin ─▶ connecting ─▶ sent ─▶ response head ─▶ body ─▶ end
 *              │ refused: another endpoint   │ closed before a byte: once more, if it may be repeated
 *              ▼                             ▼
 *            503, 504                      502            after the head: RST to the client
 */
import {
  REQ_BODY,
  REQ_FLAG_EXPECT_CONTINUE,
  REQ_FLAG_HEAD,
  REQ_FLAG_IDEMPOTENT,
  REQ_FLAG_KEEP_ALIVE,
  REQ_FLAG_UPGRADE,
  REQ_FLAGS,
  REQ_LENGTH_HIGH,
  REQ_LENGTH_LOW,
  REQ_MINOR,
  REQUEST,
  VERDICT,
  VERDICT_BACKEND,
  VERDICT_OUT_BYTES,
  VERDICT_POLICY,
  VERDICT_SLOT,
} from '#router/layout.ts'
import { Body } from './body.ts'
import type { Client, ClientUser } from './client.ts'
import { type FailureReason, isFaultOfRelease, type ReleaseCount } from './counts.ts'
import type { DataPath } from './data-path.ts'
import { Replay } from './replay.ts'
import { DONE, MORE, Response, SWITCHED } from './response.ts'
import { RouteTime } from './route-time.ts'
import { Target } from './target.ts'
import { Tunnel } from './tunnel.ts'
import type { Upstream, UpstreamOwner } from './upstream.ts'

// What the exchange waits for: decides what happens when the wait is over.
const CONNECT = 0
const REQUEST_BODY = 1
const EXPECT = 2
const RESPONSE_HEAD = 3
const RESPONSE_BODY = 4
const CLIENT_WRITE = 5

export class Exchange implements ClientUser, UpstreamOwner {
  count!: ReleaseCount
  #client!: Client
  #upstream: Upstream | null = null
  readonly #path: DataPath
  readonly #body: Body
  readonly #response: Response
  readonly #target: Target
  readonly #replay: Replay
  readonly #time: RouteTime
  #flags = 0
  #minor = 1
  #waiting = CONNECT
  #repeated = false
  #sent = false
  /** Body bytes that are not in `#replay` have been sent. */
  #streamed = false
  /** The client waits for `100 Continue`, and its body for us. */
  #expecting = false
  /** The endpoint has bytes queued: the client is not read. */
  #blocked = false
  #windowBytes = 0
  readonly #onFlushed = () => this.#upstreamFlushed()

  constructor(path: DataPath) {
    this.#path = path
    this.#body = new Body(path.zones)
    this.#response = new Response(path)
    this.#target = new Target(path)
    this.#replay = new Replay(path.zones)
    this.#time = new RouteTime(path.limits, path.sweep)
  }

  /** Takes over after `router.request`: its words and `out` are this request's. Returns the first byte not used. */
  begin(client: Client, start: number, end: number): number {
    const { router, zones, counts, budget, limits } = this.#path
    const { words } = router
    this.#client = client
    client.user = this
    const backend = words[(VERDICT + VERDICT_BACKEND) >> 2]!
    this.#target.begin(backend, words[(VERDICT + VERDICT_SLOT) >> 2]!)
    this.#flags = words[(REQUEST + REQ_FLAGS) >> 2]!
    this.#minor = words[(REQUEST + REQ_MINOR) >> 2]!
    this.count = counts.of(backend)
    counts.begin(this.count)
    budget.earn()
    const low = words[(REQUEST + REQ_LENGTH_LOW) >> 2]! >>> 0
    const length = words[(REQUEST + REQ_LENGTH_HIGH) >> 2]! * 0x1_0000_0000 + low
    const framing = words[(REQUEST + REQ_BODY) >> 2]!
    this.#body.begin(framing, framing, length)
    const policy = words[(VERDICT + VERDICT_POLICY) >> 2]!
    this.#time.begin(policy === 0 ? null : router.policy(policy))
    this.#beginResponse()
    const headBytes = words[(VERDICT + VERDICT_OUT_BYTES) >> 2]!
    this.#expecting = (this.#flags & REQ_FLAG_EXPECT_CONTINUE) !== 0 && !this.#body.done

    let used = 0
    if (!this.#body.done && !this.#expecting && start < end) {
      used = this.#body.pump(start, end, zones.out + headBytes)
      if (used < 0) return this.#fail(400, 'bad-request', end)
    }
    if (length > limits.requestBodyBytesMax) return this.#fail(413, 'body-too-large', end)
    const total = headBytes + this.#body.wrote

    const repeatable = (this.#flags & REQ_FLAG_IDEMPOTENT) !== 0
    const withinMs = repeatable ? Number.POSITIVE_INFINITY : limits.provenAliveMs
    const upstream = this.#target.take(this, withinMs)
    if (upstream === null || repeatable) this.#replay.keep(total)
    if (upstream === null) this.#connect()
    else {
      this.#upstream = upstream
      this.#send(total)
    }
    return start + used
  }

  onClientRead(start: number, end: number): boolean {
    const client = this.#client
    if (this.#body.done || !this.#sent || this.#expecting || this.#blocked || this.#mustStop()) {
      client.hold(start, end)
      return false
    }
    const { zones } = this.#path
    const used = this.#body.pump(start, end, zones.out)
    if (used < 0) {
      this.#fail(400, 'bad-request', end)
      return true
    }
    this.#windowBytes += used
    if (this.#body.payloadBytes > this.#path.limits.requestBodyBytesMax) {
      this.#fail(413, 'body-too-large', end)
      return true
    }
    client.hold(start + used, end)
    if (this.#body.wrote > 0) {
      this.#streamed = true
      this.#watch(zones.send(this.#upstream!.socket, this.#body.wrote))
    }
    if (this.#body.done) {
      if (this.#waiting === REQUEST_BODY) this.#wait(RESPONSE_HEAD, this.#time.responseHeadMs)
      return start + used === end
    }
    return !this.#blocked
  }

  onClientEnd(): void {
    // With its whole request sent a client may close its side and still read (RFC 9112 §9.6).
    if (!this.#body.done) this.onClientClose()
  }

  onClientClose(): void {
    this.#path.counts.fail('client-gone')
    const client = this.#client
    this.#end(false)
    client.reset()
  }

  onClientFlushed(): void {
    if (this.#waiting !== CLIENT_WRITE) return
    this.#wait(RESPONSE_BODY, this.#time.responseIdleMs)
    this.#upstream?.resume()
  }

  onUpstreamConnect(): void {
    this.#send(this.#replay.lay())
    if (!this.#body.done) this.#client.feed()
  }

  onUpstreamRead(bytes: number): boolean {
    const client = this.#client
    const response = this.#response
    const outcome = response.read(bytes, client, this.#mayKeepAlive())
    if (outcome === MORE) {
      if (response.continued && this.#expecting) this.#releaseBody()
      if (client.socket.writableLength !== 0) {
        this.#wait(CLIENT_WRITE, this.#path.limits.writeStallMs)
        client.whenFlushed()
        return false
      }
      if (response.headSent) this.#wait(RESPONSE_BODY, this.#time.responseIdleMs)
    } else if (outcome === DONE) this.#complete()
    else if (outcome === SWITCHED) this.#switchProtocol()
    else this.#fail(502, 'bad-response', 0)
    return true
  }

  onUpstreamEnd(): void {
    if (this.#response.end(this.#client)) {
      this.#complete()
      return
    }
    this.#upstream?.destroy()
    this.onUpstreamClose()
  }

  onUpstreamClose(): void {
    const upstream = this.#upstream
    this.#upstream = null
    if (!this.#sent) this.#connectFailed(upstream, 503, 'connect-failed')
    else if (this.#response.started) this.#fail(502, 'response-cut', 0)
    else if (this.#mayRepeat() && this.#path.budget.spend()) {
      this.#repeated = true
      this.#beginResponse()
      this.#target.elsewhere()
      this.#connect()
    } else this.#fail(502, 'upstream-reset', 0)
  }

  onDue(): void {
    const { limits } = this.#path
    const isOver = this.#time.isOver()
    if (isOver && !this.#isForClient()) this.#fail(504, 'route-timeout', 0)
    else if (this.#waiting === CONNECT) {
      const upstream = this.#upstream
      upstream?.destroy()
      this.#connectFailed(upstream, 504, 'connect-timeout')
    } else if (this.#waiting === EXPECT) this.#releaseBody()
    else if (this.#waiting === REQUEST_BODY) {
      if (this.#blocked) this.#fail(504, 'response-timeout', 0)
      else if (isOver || this.#windowBytes < limits.bodyWindowBytesMin) {
        this.#fail(408, 'request-timeout', 0)
      } else this.#wait(REQUEST_BODY, limits.bodyWindowMs)
    } else if (this.#waiting === RESPONSE_HEAD) this.#fail(504, 'response-timeout', 0)
    else if (this.#waiting === RESPONSE_BODY) this.#fail(504, 'response-cut', 0)
    else this.#fail(504, 'client-stalled', 0)
  }

  /** The client is the one that has to go on: it sends its body, or takes what is queued. */
  #isForClient(): boolean {
    const forBody = this.#waiting === REQUEST_BODY && !this.#blocked
    return forBody || this.#waiting === CLIENT_WRITE
  }

  cut(): void {
    this.#fail(503, 'drain-deadline', 0)
  }

  /** Writes the first `byteCount` bytes of `out`: the head and what came with it. */
  #send(byteCount: number): void {
    const { limits, zones } = this.#path
    const upstream = this.#upstream!
    upstream.wrote()
    this.#sent = true
    this.#time.sent()
    const pending = zones.send(upstream.socket, byteCount)
    if (this.#expecting) this.#wait(EXPECT, limits.expectMs)
    else if (this.#body.done) this.#wait(RESPONSE_HEAD, this.#time.responseHeadMs)
    else this.#wait(REQUEST_BODY, limits.bodyWindowMs)
    this.#watch(pending)
  }

  #watch(pending: boolean): void {
    if (!pending || this.#blocked) return
    this.#blocked = true
    if (this.#waiting === REQUEST_BODY) this.#wait(REQUEST_BODY, this.#path.limits.writeStallMs)
    this.#path.zones.whenFlushed(this.#upstream!.socket, this.#onFlushed)
  }

  #upstreamFlushed(): void {
    // The object may serve another request by now: only what is true at this moment counts.
    const upstream = this.#upstream
    if (!this.#blocked || !upstream || upstream.socket.writableLength !== 0) return
    this.#blocked = false
    if (this.#body.done) return
    if (this.#waiting === REQUEST_BODY) this.#wait(REQUEST_BODY, this.#path.limits.bodyWindowMs)
    this.#client.feed()
  }

  #releaseBody(): void {
    this.#expecting = false
    this.#wait(REQUEST_BODY, this.#path.limits.bodyWindowMs)
    this.#client.feed()
  }

  #beginResponse(): void {
    this.#response.begin(this.#flags, this.#minor, this.#time.policy?.response ?? null)
  }

  #connect(): void {
    this.#sent = false
    this.#blocked = false
    this.#upstream = this.#target.connect(this)
    this.#time.connecting()
    this.#wait(CONNECT, this.#time.connectMs)
  }

  #connectFailed(upstream: Upstream | null, status: number, reason: FailureReason): void {
    const timedOut = reason === 'connect-timeout'
    if (upstream !== null && this.#target.refused(upstream.pool, timedOut)) this.#connect()
    else this.#fail(status, reason, 0)
  }

  #mayRepeat(): boolean {
    const repeatable = (this.#flags & REQ_FLAG_IDEMPOTENT) !== 0 && this.#replay.byteCount > 0
    return repeatable && !this.#streamed && !this.#repeated
  }

  /** The endpoint has answered and will close: writing on would reset it before its answer is read. */
  #mustStop(): boolean {
    return this.#response.headSent && !this.#response.keepUpstream
  }

  #mayKeepAlive(): boolean {
    const upgrade = (this.#flags & REQ_FLAG_UPGRADE) !== 0
    return this.#body.done && !upgrade && !this.#client.ended && !this.#path.draining
  }

  #complete(): void {
    const client = this.#client
    const whole = this.#body.done
    const upgrade = (this.#flags & REQ_FLAG_UPGRADE) !== 0
    const keepUpstream = this.#response.keepUpstream && whole && !upgrade && !this.#blocked
    const keepClient = this.#response.keepClient && whole
    if (this.#response.status >= 500) this.count.errors++
    this.#end(keepUpstream)
    client.finished(keepClient)
  }

  #switchProtocol(): void {
    const client = this.#client
    const upstream = this.#upstream!
    const { count } = this
    const { slot } = this.#target
    const { early } = this.#response
    this.#forget()
    new Tunnel(this.#path, client, upstream, count, slot, this.#time.tunnelIdleMs).begin(early)
  }

  /** Ends the exchange without a whole response. Returns `position`, for callers that go on. */
  #fail(status: number, reason: FailureReason, position: number): number {
    const client = this.#client
    const flags = this.#flags
    const { headSent } = this.#response
    const keepAlive = this.#mayKeepAlive() && (flags & REQ_FLAG_KEEP_ALIVE) !== 0
    this.#path.counts.fail(reason)
    if (isFaultOfRelease.has(reason)) this.count.errors++
    this.#end(false)
    if (headSent) client.reset()
    else client.answer(status, keepAlive, (flags & REQ_FLAG_HEAD) !== 0)
    return position
  }

  /** After this the object may serve another request. */
  #end(keepUpstream: boolean): void {
    const path = this.#path
    const upstream = this.#upstream
    path.counts.end(this.count)
    this.#target.end()
    const unfinished = !this.#body.done
    this.#forget()
    if (upstream === null) return
    if (keepUpstream) path.pools.put(upstream)
    else if (unfinished) upstream.reset()
    else upstream.destroy()
  }

  #forget(): void {
    this.#replay.forget()
    this.#upstream = null
    this.#repeated = false
    this.#sent = false
    this.#streamed = false
    this.#expecting = false
    this.#blocked = false
    this.#path.recycle(this)
  }

  #wait(what: number, ms: number): void {
    this.#waiting = what
    this.#windowBytes = 0
    this.#client.dueMs = this.#time.dueMs(ms)
  }
}

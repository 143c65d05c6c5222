/**
 * Hot path. How long things may take for one request: the bounds of every request, those that its route has
 * instead, and the moments by which its route wants an end. No timer: a moment only cuts the wait that the
 * connection carries anyway, and the sweep finds it (`sweep.ts`).
 */
import type { RoutePolicy } from '#router/policies.ts'
import type { WorkerLimits } from './limits.ts'
import type { Sweep } from './sweep.ts'

const never = Number.POSITIVE_INFINITY

export class RouteTime {
  policy: RoutePolicy | null = null
  readonly #limits: WorkerLimits
  readonly #sweep: Sweep
  /** The end of the whole request, and of what happens now. */
  #requestEndMs = never
  #endMs = never

  constructor(limits: WorkerLimits, sweep: Sweep) {
    this.#limits = limits
    this.#sweep = sweep
  }

  /** A request begins; null: its route asks for nothing. */
  begin(policy: RoutePolicy | null): void {
    this.policy = policy
    this.#requestEndMs = this.#endIn(policy?.requestMs)
    this.#endMs = this.#requestEndMs
  }

  /** It is looking for an endpoint. */
  connecting(): void {
    this.#endMs = this.#requestEndMs
  }

  /** It is sent to one. */
  sent(): void {
    const endMs = this.#endIn(this.policy?.backendRequestMs)
    this.#endMs = Math.min(this.#requestEndMs, endMs)
  }

  /** The moment at which a wait of `ms` is over, or what happens now. */
  dueMs(ms: number): number {
    // The sweep's clock is up to a sweep behind: too coarse for a bound that somebody chose.
    if (this.policy === null) return this.#sweep.nowMs + ms
    return Math.min(performance.now() + ms, this.#endMs)
  }

  /** The route wanted an end by now. */
  isOver(): boolean {
    return this.#endMs <= this.#sweep.nowMs
  }

  get connectMs(): number {
    return this.policy?.connectMs || this.#limits.connectMs
  }

  get responseHeadMs(): number {
    return this.policy?.idleMs || this.#limits.responseHeadMs
  }

  get responseIdleMs(): number {
    return this.policy?.idleMs || this.#limits.responseIdleMs
  }

  get tunnelIdleMs(): number {
    return this.policy?.tunnelIdleMs || this.#limits.tunnelIdleMs
  }

  #endIn(ms: number | undefined): number {
    return ms ? performance.now() + ms : never
  }
}

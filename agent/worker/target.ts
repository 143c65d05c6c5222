/**
 * Hot path. Where one request goes: the endpoint that the router selected, or another one of the same
 * release when that refuses. Every slot that was begun is ended, so that in-flight counts stay exact.
 */
import type { DataPath } from './data-path.ts'
import type { EndpointPool } from './pool.ts'
import type { Upstream, UpstreamOwner } from './upstream.ts'

export class Target {
  backend = -1
  slot = -1
  readonly #path: DataPath
  #attempts = 0
  #timeouts = 0

  constructor(path: DataPath) {
    this.#path = path
  }

  begin(backend: number, slot: number): void {
    this.backend = backend
    this.slot = slot
    this.#attempts = 0
    this.#timeouts = 0
    if (this.#path.pools.isEjected(slot)) this.elsewhere()
  }

  /** An idle connection, or null. */
  take(owner: UpstreamOwner, withinMs: number): Upstream | null {
    return this.#path.pools.take(this.slot, owner, withinMs)
  }

  connect(owner: UpstreamOwner): Upstream {
    this.#attempts++
    return this.#path.pools.connect(this.slot, owner)
  }

  /** An attempt has failed: passes the endpoint over for a while. True when another may be tried. */
  refused(pool: EndpointPool, timedOut: boolean): boolean {
    const { limits, pools } = this.#path
    pools.eject(pool)
    if (timedOut) this.#timeouts++
    const mayTry =
      this.#attempts < limits.connectAttemptsMax && this.#timeouts < limits.connectTimeoutsMax
    return mayTry && this.elsewhere()
  }

  /**
   * Chooses another endpoint of the release, one that is not passed over if there is one. Those that have gone
   * look idle, and the router prefers the idle: each that is passed over is held meanwhile, so that it looks
   * busier each time (a look takes 0.1 µs). False when there is no other.
   */
  elsewhere(): boolean {
    const { limits, pools, router } = this.#path
    const held: number[] = []
    let found = false
    for (let looks = 0; looks < limits.endpointLooksMax; looks++) {
      const other = router.reselect(this.backend, this.slot)
      if (other < 0) break
      found = true
      held.push(this.slot)
      this.slot = other
      if (!pools.isEjected(other)) break
    }
    for (const slot of held) router.release(slot)
    return found
  }

  end(): void {
    this.#path.router.release(this.slot)
  }
}

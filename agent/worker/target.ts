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

  constructor(path: DataPath) {
    this.#path = path
  }

  begin(backend: number, slot: number): void {
    this.backend = backend
    this.slot = slot
    this.#attempts = 0
    const { limits, pools } = this.#path
    for (let tries = 1; tries < limits.connectAttemptsMax; tries++) {
      if (!pools.isEjected(this.slot) || !this.elsewhere()) return
    }
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
  refused(pool: EndpointPool): boolean {
    this.#path.pools.eject(pool)
    return this.#attempts < this.#path.limits.connectAttemptsMax && this.elsewhere()
  }

  /** Chooses another endpoint of the release; false when there is none. */
  elsewhere(): boolean {
    const { router } = this.#path
    const other = router.reselect(this.backend, this.slot)
    if (other < 0) return false
    router.release(this.slot)
    this.slot = other
    return true
  }

  end(): void {
    this.#path.router.release(this.slot)
  }
}

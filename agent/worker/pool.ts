/**
 * Idle connections to endpoints, newest first, bounded in number and age; and which endpoints are passed
 * over for a moment because they refused a connection. Nothing here outlives its endpoint: when an
 * endpoint leaves, its idle connections are closed, and busy ones when their exchange ends.
 */
import type { EndpointInput } from '#router/router.ts'
import { endpointName } from '../link.ts'
import type { WorkerLimits } from './limits.ts'
import { createTurn } from './turn.ts'
import { Upstream, type UpstreamOwner } from './upstream.ts'
import type { Zones } from './zones.ts'

export interface EndpointPool {
  readonly address: string
  readonly port: number
  readonly idle: Upstream[]
  /** Not connected yet. */
  readonly connecting: Set<Upstream>
  ejectedUntilMs: number
  /** No release has this endpoint any more. */
  retired: boolean
  /** An idle connection has died. */
  forget(upstream: Upstream): void
}

export interface PoolOptions {
  readonly zones: Zones
  readonly limits: WorkerLimits
  readonly endpointOf: (slot: number) => EndpointInput
  readonly nowMs: () => number
}

export interface Pools {
  /** An idle connection that has answered within `withinMs`, or null. */
  take(slot: number, owner: UpstreamOwner, withinMs: number): Upstream | null
  connect(slot: number, owner: UpstreamOwner): Upstream
  /** The exchange on it has ended cleanly and it may carry another. */
  put(upstream: Upstream): void
  eject(pool: EndpointPool): void
  isEjected(slot: number): boolean
  /** Endpoints have changed; `exists` goes by their names, as `address port`. */
  refresh(exists: (name: string) => boolean): void
  /** Closes what has been idle for too long. */
  sweep(): void
  idleCount(): number
  close(): void
}

export function createPools({ zones, limits, endpointOf, nowMs }: PoolOptions): Pools {
  const byName = new Map<string, EndpointPool>()
  let bySlot: EndpointPool[] = []
  const turn = createTurn()

  const poolOf = (slot: number): EndpointPool => {
    const known = bySlot[slot]
    if (known) return known
    const { address, port } = endpointOf(slot)
    const name = endpointName({ address, port })
    let pool = byName.get(name)
    if (!pool) {
      const idle: Upstream[] = []
      const forget = (upstream: Upstream) => {
        const index = idle.indexOf(upstream)
        if (index >= 0) idle.splice(index, 1)
      }
      const connecting = new Set<Upstream>()
      pool = { address, port, idle, connecting, ejectedUntilMs: 0, retired: false, forget }
      byName.set(name, pool)
    }
    bySlot[slot] = pool
    return pool
  }

  const closeIdle = (pool: EndpointPool, count: number) => {
    for (const upstream of pool.idle.splice(0, count)) upstream.destroy()
  }

  return {
    take(slot, owner, withinMs) {
      const { idle } = poolOf(slot)
      for (;;) {
        const upstream = idle.at(-1)
        if (upstream === undefined || nowMs() - upstream.idleSinceMs > withinMs) return null
        idle.pop()
        if (upstream.socket.destroyed || upstream.socket.readableEnded) continue
        upstream.owner = owner
        upstream.reused = true
        return upstream
      }
    },
    connect: (slot, owner) => new Upstream(poolOf(slot), zones, turn, owner),
    put(upstream) {
      const { pool } = upstream
      if (pool.retired) {
        upstream.destroy()
        return
      }
      upstream.owner = null
      upstream.idleSinceMs = nowMs()
      pool.idle.push(upstream)
      if (pool.idle.length > limits.upstreamIdlePerEndpointMax) closeIdle(pool, 1)
    },
    eject(pool) {
      pool.ejectedUntilMs = nowMs() + limits.ejectMs
    },
    isEjected: (slot) => poolOf(slot).ejectedUntilMs > nowMs(),
    refresh(exists) {
      bySlot = []
      for (const [name, pool] of byName) {
        if (exists(name)) continue
        pool.retired = true
        // Nobody may be there any more to refuse: whoever waits goes elsewhere now.
        for (const upstream of pool.connecting) upstream.socket.destroy()
        closeIdle(pool, pool.idle.length)
        byName.delete(name)
      }
    },
    sweep() {
      const oldestMs = nowMs() - limits.upstreamIdleMs
      for (const pool of byName.values()) {
        const fresh = pool.idle.findIndex((upstream) => upstream.idleSinceMs >= oldestMs)
        closeIdle(pool, fresh < 0 ? pool.idle.length : fresh)
      }
    },
    idleCount: () => [...byName.values()].reduce((sum, pool) => sum + pool.idle.length, 0),
    close() {
      for (const pool of byName.values()) closeIdle(pool, pool.idle.length)
    },
  }
}

/**
 * Hot path. Who owns which bytes of the router's memory, until when.
 *
 *   client headroom │ client landing │ upstream headroom │ upstream landing │ out zone │ out zone │ …
 *       64 KiB      │    256 KiB     │      64 KiB       │     256 KiB      │ 448 KiB  │ 448 KiB  │
 *
 * - A landing belongs to the read callback that is running, and to nobody afterwards: callbacks consume
 *   it or copy from it, and never write from it. One landing serves all client sockets, one all upstream
 *   sockets, because a callback always ends before the next read.
 * - A headroom takes the unfinished head that a connection carries, directly in front of its next read.
 * - `out` is the one out zone that may be filled. A write that the kernel took at once leaves it ours; a
 *   write that is still pending gives the zone to libuv until all of that socket's bytes have gone, and
 *   `out` becomes a spare. Refilling a pending zone corrupted 34 of 45 MB in a test.
 * - With bytes pending on the socket or no spare zone, a heap copy is written instead.
 */
import type { Socket } from 'node:net'
import type { Router } from '#router/router.ts'

export const headroomZones = 1
export const landingZones = 4
export const outZones = 7
/** Zones a router needs for `count` out zones. */
export const zonesFor = (count: number): number =>
  2 * (headroomZones + landingZones) + count * outZones

const empty = Buffer.alloc(0)

export interface Landing {
  /** Byte offset of the first byte of a read. */
  readonly start: number
  readonly bytes: Buffer
  /** Bytes in front of `start` for a carried head. */
  readonly headroomBytes: number
}

export interface Zones {
  readonly router: Router
  /** The router's whole memory. */
  readonly memory: Buffer
  readonly client: Landing
  readonly upstream: Landing
  /** Byte offset of the zone that may be filled now. */
  out: number
  readonly outBytes: number
  /** Writes the first `byteCount` bytes of `out`. True when bytes are now waiting in the socket. */
  send(socket: Socket, byteCount: number): boolean
  /** Calls `done` when everything written so far has gone or the socket has died. */
  whenFlushed(socket: Socket, done: () => void): void
  /** Out zones that libuv does not hold. */
  free(): number
}

export function createZones(router: Router): Zones {
  const { zoneBytes, zoneCount, memory: view } = router
  const memory = Buffer.from(view.buffer, view.byteOffset, view.byteLength)
  for (let n = 1; n < zoneCount; n++) {
    if (router.zone(n) !== router.zone(0) + n * zoneBytes) throw new Error('zones must be adjacent')
  }
  let next = 0
  const take = (zones: number) => {
    const offset = router.zone(next)
    next += zones
    return offset
  }
  const landing = (): Landing => {
    take(headroomZones)
    const start = take(landingZones)
    return {
      start,
      bytes: memory.subarray(start, start + landingZones * zoneBytes),
      headroomBytes: headroomZones * zoneBytes,
    }
  }
  const client = landing()
  const upstream = landing()

  const spares: number[] = []
  const freeing = new Map<number, () => void>()
  while (next + outZones <= zoneCount) {
    const offset = take(outZones)
    spares.push(offset)
    freeing.set(offset, () => spares.push(offset))
  }
  const first = spares.pop()
  if (first === undefined) throw new Error('a router needs zones for its output')

  const zones: Zones = {
    router,
    memory,
    client,
    upstream,
    out: first,
    outBytes: outZones * zoneBytes,
    send(socket, byteCount) {
      const view = memory.subarray(zones.out, zones.out + byteCount)
      if (socket.writableLength !== 0 || socket.connecting || spares.length === 0) {
        socket.write(Buffer.from(view))
        return socket.writableLength !== 0
      }
      socket.write(view)
      // `write()` returning false means something else; this counter is exact and costs 2 ns.
      if (socket.writableLength === 0) return false
      socket.write(empty, freeing.get(zones.out))
      zones.out = spares.pop()!
      return true
    },
    whenFlushed(socket, done) {
      socket.write(empty, done)
    },
    free: () => spares.length + 1,
  }
  return zones
}

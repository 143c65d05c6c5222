/**
 * What all connections of a worker share: router, zones, pools, counters, time. `createDataPath` makes it
 * and takes sockets in; nothing here knows of files, the pilot or the supervisor.
 */
import type { Server, Socket } from 'node:net'
import type { Router } from '#router/router.ts'
import { createRepeatBudget, type RepeatBudget } from './budget.ts'
import { Client } from './client.ts'
import { type Counts, createCounts } from './counts.ts'
import { Exchange } from './exchange.ts'
import { type WorkerLimits, workerLimits } from './limits.ts'
import { createPools, type Pools } from './pool.ts'
import { createPreviewLinks, type PreviewLinks } from './preview-links.ts'
import { createSweep, type Sweep } from './sweep.ts'
import { createLandingServer, type OnRead } from './takeover.ts'
import { createZones, type Zones } from './zones.ts'

export interface DataPath {
  readonly router: Router
  readonly zones: Zones
  readonly pools: Pools
  readonly counts: Counts
  readonly sweep: Sweep
  readonly budget: RepeatBudget
  readonly previewLinks: PreviewLinks
  readonly limits: WorkerLimits
  readonly server: Server
  /** Responses say `Connection: close` from now on. */
  draining: boolean
  /** Too many bytes are queued: requests are answered 503. */
  overloaded: boolean
  /** The present second as an HTTP date. */
  date: string
  exchange(): Exchange
  recycle(exchange: Exchange): void
  clients(): readonly Client[]
  gone(client: Client): void
  stop(): void
}

export interface DataPathOptions {
  readonly router: Router
  readonly limits?: Partial<WorkerLimits>
  readonly onUsage?: () => void
  /** `control-keys.json`; left out: no preview link is believed. */
  readonly keysFile?: string
  /** False: the public way of reading, see `takeover.ts`. */
  readonly takeover?: boolean
}

/** Ended exchanges kept for re-use: one costs about 2.5 KB. */
const sparesMax = 1_024

export function createDataPath(options: DataPathOptions): DataPath {
  const { router, onUsage = () => {}, takeover } = options
  const limits: WorkerLimits = { ...workerLimits, ...options.limits }
  const zones = createZones(router)
  const sweep = createSweep()
  const spares: Exchange[] = []

  const onSocket = (socket: Socket): OnRead | null => {
    if (sweep.size >= limits.connectionsMax + limits.connectionsSpare) return null
    const client = new Client(path, socket, sweep.size >= limits.connectionsMax)
    sweep.add(client)
    path.counts.connection(1)
    return client.onRead
  }

  const path: DataPath = {
    router,
    zones,
    sweep,
    limits,
    previewLinks: createPreviewLinks({
      router,
      keysFile: options.keysFile ?? '',
      nowMs: Date.now,
    }),
    budget: createRepeatBudget(limits.repeatShare, limits.repeatReserve),
    counts: createCounts(router.releaseOf.bind(router), onUsage),
    pools: createPools({
      zones,
      limits,
      endpointOf: router.endpointOf.bind(router),
      nowMs: () => sweep.nowMs,
    }),
    server: createLandingServer({ landing: zones.client.bytes, onSocket, takeover }),
    draining: false,
    overloaded: false,
    date: '',
    exchange: () => spares.pop() ?? new Exchange(path),
    recycle(exchange) {
      if (spares.length < sparesMax) spares.push(exchange)
    },
    clients: () => sweep.all() as readonly Client[],
    gone(client) {
      if (client.sweepIndex < 0) return
      sweep.remove(client)
      path.counts.connection(-1)
    },
    stop() {
      clearInterval(timer)
      path.server.close()
      for (const client of path.clients()) client.socket.destroy()
      path.pools.close()
    },
  }

  const queuedBytes = () =>
    path.clients().reduce((sum, { socket }) => sum + socket.writableLength, 0)
  const tick = () => {
    sweep.run(performance.now())
    path.pools.sweep()
    path.overloaded = queuedBytes() > limits.queuedBytesMax
    const date = new Date().toUTCString()
    if (date === path.date) return
    path.date = date
    router.setDate(date)
  }
  tick()
  // What came in while this process was stalled is read first: a request, or an answer, is not too late for that.
  const timer = setInterval(() => setImmediate(tick), limits.sweepMs)
  timer.unref()
  return path
}

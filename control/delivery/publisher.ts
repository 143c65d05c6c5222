/**
 * Brings each cluster's newest snapshot to its agents and their reports to control (DESIGN D2 to D4). One
 * loop per cluster; the newest snapshot wins; trouble of the transport is retried inside. Nothing is
 * published before the stored headers and reports were compared with the log, nor ever again once they
 * are ahead of it.
 */
import type { RefusalCode } from '#wire/codes.ts'
import type { Epoch } from '#wire/header.ts'
import type { Report } from '#wire/report.ts'
import { pinKeys, type SigningKey } from '#wire/signature.ts'
import { within } from '../within.ts'
import { type ClusterLoop, createClusterLoop } from './cluster-loop.ts'
import type { FleetAhead, Publication, PublisherPort } from './publisher-port.ts'
import { createReportIntake, type Enrolled } from './report-intake.ts'
import type { StaleWriter, Transport } from './transport.ts'

export type { FleetAhead } from './publisher-port.ts'

export interface PublisherOptions {
  readonly transport: Transport
  /** Signs headers. */
  readonly key: () => SigningKey
  /** Control's own public keys, the signing one included: what counts as ours in the stream. */
  readonly publicKeys: () => readonly string[]
  /** Enrolled agents of a cluster with their raw public keys, base64url. */
  readonly enrolled: Enrolled
  /** Verified reports; of one agent always a newer one than before. */
  readonly onReport: (report: Report, ageMs: number) => void
  /** Nothing is published any more; the runtime answers `log-behind-fleet`. */
  readonly onFleetAhead: (found: FleetAhead) => void
  /** Another publisher has taken over; the runtime must stop. */
  readonly onStale: (cluster: string, error: StaleWriter) => void
  /** Wall clock, for `publishedAtMs`. */
  readonly now: () => number
  readonly metrics?: PublisherMetrics
}

export interface PublisherMetrics {
  /** From `publish` until the transport had the header. */
  published(cluster: string, seconds: number): void
  failed(cluster: string, error: unknown): void
  reportTaken(cluster: string): void
  reportRefused(cluster: string, code: RefusalCode): void
}

export interface Publisher extends PublisherPort {
  /** What this key signs is ours too from now on. */
  trust(publicKey: string): Promise<void>
  /** By cluster: the newest revision asked for and the newest one handed over (null: none yet). */
  progress(): ReadonlyMap<string, { readonly wanted: number; readonly published: number | null }>
  /** Resolves once all stored reports were read on the connection that is there now, or will be next. */
  heard(): Promise<void>
  /** Everything that is wanted is stored. */
  isIdle(): boolean
  /** After the transport's connection was let go. */
  rest(): void
  stop(): Promise<void>
}

/** `start` returns after this long at most; checks go on inside. */
const startWithinMs = 2_000
/** Reports being verified at once; more are not taken, agents send the next one in two seconds. */
const reportsAtOnce = 1_024

export function createPublisher(options: PublisherOptions): Publisher {
  const { transport, key, metrics } = options
  const intake = createReportIntake(options.enrolled)
  const loops = new Map<string, ClusterLoop>()
  /** What the log said when each loop started. */
  const firsts = new Map<string, Publication>()
  /** Null before `start`: nothing is published or taken yet. */
  let ours: Map<string, CryptoKey> | null = null
  let gate = Promise.withResolvers<void>()
  let ahead: FleetAhead | null = null
  let reportsUnderWay = 0
  /** Clusters whose stored reports were not read yet, and who waits for that. */
  const unheard = new Set<string>()
  let hearing = Promise.withResolvers<void>()
  let stopped = false

  function add(cluster: string, first: Publication): ClusterLoop {
    const loop = createClusterLoop({
      cluster,
      transport,
      key,
      ours: ours!,
      first,
      gate: gate.promise,
      now: options.now,
      readReports: () => readReports(cluster),
      onAhead: (kind, { epoch, revision }) =>
        halt({ cluster, kind, seenIn: 'header', epoch, revision }),
      onStale(error) {
        void stopLoops()
        options.onStale(cluster, error)
      },
      onPublished: (seconds) => metrics?.published(cluster, seconds),
      onFailed: (error) => metrics?.failed(cluster, error),
    })
    loops.set(cluster, loop)
    unheard.add(cluster)
    firsts.set(cluster, first)
    return loop
  }

  function stopLoops(): Promise<unknown> {
    gate.resolve()
    hearing.resolve()
    return Promise.all([...loops.values()].map((loop) => loop.stop()))
  }
  function halt(found: FleetAhead): void {
    if (ahead || stopped) return
    ahead = found
    void stopLoops()
    options.onFleetAhead(found)
  }

  async function takeReport(
    cluster: string,
    bytes: Uint8Array,
    ageMs = 0,
  ): Promise<RefusalCode | null> {
    if (!ours || reportsUnderWay >= reportsAtOnce) return null
    reportsUnderWay++
    try {
      const taken = await intake.take(cluster, bytes)
      if ('refused' in taken) {
        metrics?.reportRefused(cluster, taken.refused)
        return taken.refused
      }
      metrics?.reportTaken(cluster)
      if (taken.repeated) return null
      compare(cluster, taken.report)
      options.onReport(taken.report, ageMs)
      return null
    } finally {
      reportsUnderWay--
    }
  }
  async function readReports(cluster: string): Promise<void> {
    const stored = await transport.readReports(cluster)
    for (const { bytes, ageMs } of stored) await takeReport(cluster, bytes, ageMs)
    unheard.delete(cluster)
    if (unheard.size === 0) hearing.resolve()
  }
  function hearAnew(): void {
    if (unheard.size === 0 && !stopped && !ahead) hearing = Promise.withResolvers()
    for (const cluster of loops.keys()) unheard.add(cluster)
  }
  /** An agent holds only headers that our key has signed: one beyond the log is from a lost part of it. */
  function compare(cluster: string, { epoch, revision }: Report): void {
    const first = firsts.get(cluster)
    if (!first) return
    const wanted = loops.get(cluster)?.progress().wanted ?? 0
    const kind = beyond(epoch, revision, first.epoch, Math.max(wanted, first.revision))
    if (kind) halt({ cluster, kind, seenIn: 'report', epoch, revision })
  }

  /** Opens when all clusters are checked; one that cannot be read holds up the others for a bound. */
  function openGate(): void {
    const checks = [...loops.values()].map((loop) => loop.checked)
    const all = Promise.all(checks)
    const some = Promise.any(checks).then(() => within(all, startWithinMs))
    void Promise.race([all, some]).finally(() => gate.resolve())
  }

  transport.onReport((cluster, bytes) => takeReport(cluster, bytes))
  transport.onReconnect((afterRest) => {
    if (!afterRest) hearAnew()
    for (const loop of loops.values()) loop.look(afterRest)
  })

  return {
    async start(publications) {
      ours = new Map(await pinKeys(options.publicKeys()))
      if (stopped) return
      for (const [cluster, first] of publications) add(cluster, first)
      openGate()
      await within(gate.promise, startWithinMs)
    },
    async publish(cluster, publication) {
      if (stopped) return
      if (ahead && publication.epoch.number > ahead.epoch.number) {
        ahead = null
        loops.clear()
        gate = Promise.withResolvers<void>()
        gate.resolve()
      }
      if (ahead || !ours) return
      const loop = loops.get(cluster) ?? add(cluster, publication)
      await loop.publish(publication)
    },
    async trust(publicKey) {
      for (const [id, key] of await pinKeys([publicKey])) ours?.set(id, key)
    },
    progress: () => new Map([...loops].map(([cluster, loop]) => [cluster, loop.progress()])),
    heard: () => (unheard.size === 0 ? Promise.resolve() : hearing.promise),
    isIdle: () => [...loops.values()].every((loop) => loop.isIdle()),
    rest() {
      hearAnew()
      for (const loop of loops.values()) loop.rest()
    },
    async stop() {
      stopped = true
      await stopLoops()
    },
  }
}

/** How a held version goes beyond a log's; null when it does not. */
function beyond(epoch: Epoch, revision: number, log: Epoch, logRevision: number) {
  if (epoch.number !== log.number) return epoch.number > log.number ? 'newer' : null
  if (epoch.id !== log.id) return 'fork'
  return revision > logRevision ? 'newer' : null
}

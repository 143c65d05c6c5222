/**
 * The pilot's loop: makes what the workers serve equal to the held snapshot, and knows how far it is.
 * Events (a snapshot, endpoints, a worker's word, a compiled table) only change what is known; `settle`
 * does whatever is due, and does nothing when nothing is.
 *
 *   held snapshot ─▶ content ─▶ compile ─▶ candidate ─▶ loaded by every worker ─▶ accepted, kept on disk
 *                 └▶ positions that the accepted table can serve ─▶ workers and disk ─▶ active
 *
 * On the way from commit to active: one message to each worker, one synced file while they swap, and
 * their answers. Nothing else.
 */
import type { Say } from '#wire/log-line.ts'
import type { BackendObject } from '#wire/object.ts'
import type { Endpoints } from '../link.ts'
import type { Workload } from '../platform/platform.ts'
import { createEndpointsOnDisk } from './disk/endpoints.ts'
import { type LastKnownGood, writePositions } from './disk/last-known-good.ts'
import { createServedEndpoints } from './endpoints/served.ts'
import { sharesOf } from './endpoints/shared.ts'
import {
  applicable,
  appliedOf,
  bridging,
  type Positions,
  samePosition,
  samePositions,
} from './positions.ts'
import { type CatalogueChange, createCatalogue, workloadsOf } from './snapshots/catalogue.ts'
import type { Held } from './snapshots/snapshots.ts'
import type { Tables } from './tables/tables.ts'
import { type Evidence, noStanding, type Standing, standingOf } from './workers/standing.ts'
import type { Want, Workers, WorkerView } from './workers/workers.ts'

export interface ConvergenceOptions {
  readonly folder: string
  readonly stored: LastKnownGood
  readonly tables: Tables
  readonly workers: Workers
  /** How many workers the supervisor keeps. */
  readonly workerCount: number
  /** May the workers answer that they are ready (P7)? Asked at each settling. */
  readonly mayBeReady: (progress: Progress) => boolean
  readonly onContent: (content: Content) => void
  /** `urgent`: something that a switch waits for. */
  readonly onProgress: (progress: Progress, urgent: boolean) => void
  readonly log: Say
  readonly nowMs: () => number
}

export interface Content {
  readonly held: Held
  readonly backends: ReadonlyMap<string, BackendObject>
  /** Services that routes lead to, by the routes' keys. */
  readonly services: ReadonlyMap<string, string>
}

/** How far this agent is. */
export interface Progress {
  readonly held: Held | null
  readonly standings: ReadonlyMap<string, Standing>
  readonly applied: Positions
  /** Each release's own, by the platform's word. */
  readonly endpoints: Endpoints
  /** The same as far as every worker has them, by its own word: what a release may be concluded from. */
  readonly arrived: Endpoints
  /** What workers shall have: with those that releases share while copies are replaced. */
  readonly served: Endpoints
  readonly workers: readonly WorkerView[]
  /** Every worker serves exactly what the held snapshot means. */
  readonly equal: boolean
  /** What is served instead, in words, when it had the time to be equal. */
  readonly drift: string | null
  readonly ready: boolean
}

export interface Convergence {
  /** `known`: the stored table is of this content. */
  hold(held: Held, known?: boolean): void
  setEndpoints(endpoints: Endpoints): void
  settle(): void
  progress(): Progress
  workloads(): readonly Workload[]
  /** Writes what waits to be written. */
  stop(): Promise<void>
}

/**
 * A worker that is missing for less than this may be about to dial, with positions from before a commit:
 * nothing is claimed without it. One that is missing for longer keeps dying (the supervisor kills what
 * is silent for 5 s) and carries no traffic.
 */
const missingGraceMs = 5_000
const headerWriteMs = 50

export function createConvergence(options: ConvergenceOptions): Convergence {
  const { folder, stored, tables, workers, onContent, onProgress, log, nowMs } = options
  const catalogue = createCatalogue()
  const received = new Map<string, { readonly generation: number; readonly atMs: number | null }>()
  /** By app: content version that came with its `next`. */
  const proposed = new Map<string, { readonly generation: number; readonly version: number }>()
  let held: Held | null = null
  let applied: Positions = new Map(stored.positions?.positions.map((one) => [one.app, one]))
  let onDisk = { header: stored.positions?.header.payload, applied }
  const endpoints = createServedEndpoints(stored.endpoints, log)
  const endpointsOnDisk = createEndpointsOnDisk({
    folder,
    record: endpoints.record,
    onTrouble: sayTrouble,
  })
  let headerTimer: NodeJS.Timeout | null = null
  let headerDue = false
  let standings: ReadonlyMap<string, Standing> = new Map()
  let ready = false
  let arrived = endpoints.own()
  let diskTrouble: string | null = null
  let missingSinceMs: number | null = nowMs()
  let progress = look()

  function hold(next: Held, known = false): void {
    const first = held === null
    held = next
    const change = catalogue.follow(next.tree)
    note(change, next)
    if (change.content || first) {
      endpoints.share(sharesOf(catalogue.backends.values()))
      tables.contentChanged(next.tree, next.sealed, next.header.revision, known)
      const { backends, services } = catalogue
      onContent({ held: next, backends, services })
    }
    for (const { app, next: proposal } of change.positions) {
      if (!proposal || proposed.get(app)?.generation === proposal.generation) continue
      const { generation } = proposal
      proposed.set(app, { generation, version: tables.contentVersion() })
    }
    settle()
  }

  function note({ positions }: CatalogueChange, { receivedMs }: Held): void {
    for (const { app, generation } of positions) {
      if (received.get(app)?.generation === generation) continue
      received.set(app, { generation, atMs: receivedMs })
    }
  }

  function settle(): void {
    onDiskOrNot(() => tables.settle(workers.views()))
    const accepted = tables.accepted()
    if (held && accepted) {
      const next = applicable(catalogue.positions.values(), applied, namesOf(accepted.releases))
      if (!samePositions(next, applied)) applied = next
    }
    workers.set(wanted())
    onDiskOrNot(persist)
    evaluate()
    if (progress.equal && endpoints.arrived()) settle()
  }

  /** A full or broken disk stops no traffic: nothing is claimed, it is said, and tried again. */
  function onDiskOrNot(write: () => void): void {
    try {
      write()
      if (write === persist) diskTrouble = null
    } catch (error) {
      sayTrouble(error)
    }
  }

  function sayTrouble(error: unknown): void {
    const trouble = `the state folder cannot be written: ${error}`
    if (diskTrouble === null) log('state-unwritable', trouble)
    diskTrouble = trouble
  }

  function wanted(): Want {
    const candidate = tables.candidate()
    const rest = { endpoints: endpoints.served(), ready }
    if (!candidate) return { table: tables.accepted(), positions: applied, ...rest }
    const releases = namesOf(candidate.releases)
    const coming = applicable(catalogue.positions.values(), applied, releases)
    return { table: candidate, positions: bridging(applied, coming, releases), ...rest }
  }

  /**
   * While the workers swap. A header that moves nothing (a prepare, say) is written a moment later: it must
   * outlive a restart, so that the agent does not go behind it, but nobody waits for that.
   */
  function persist(): void {
    endpointsOnDisk.soon()
    if (!held) return
    const header = held.sealed.payload
    if (onDisk.header === header && onDisk.applied === applied) return
    if (onDisk.applied === applied && !headerDue) {
      headerTimer ??= setTimeout(() => {
        headerTimer = null
        headerDue = true
        onDiskOrNot(persist)
        headerDue = false
      }, headerWriteMs)
      return
    }
    // A worker that starts alone must find the endpoints that a position needs.
    if (onDisk.applied !== applied) endpointsOnDisk.now()
    const objects = [...catalogue.positions.values()]
    writePositions(folder, { header: held.sealed, objects, positions: [...applied.values()] })
    onDisk = { header, applied }
  }

  function evaluate(): void {
    const views = workers.views()
    if (views.length >= options.workerCount) missingSinceMs = null
    else missingSinceMs ??= nowMs()
    const missing = missingSinceMs !== null && nowMs() - missingSinceMs < missingGraceMs
    const accepted = tables.accepted()
    const evidence: Evidence = {
      workers: views.map(({ serving }) => serving),
      unaccounted: missing || workers.lostCount() > 0,
      tableDigests: [accepted, tables.candidate()].flatMap((table) => table?.digest ?? []),
      apps: namesOf(accepted?.apps ?? []),
      endpoints: endpoints.known() ? endpoints.served() : null,
      nowMs: nowMs(),
    }
    if (!evidence.unaccounted && workers.haveEndpoints()) arrived = endpoints.own()
    const next = new Map<string, Standing>()
    for (const wanted of catalogue.positions.values()) {
      const { app } = wanted
      const own = onDisk.applied.get(app)
      const arrival = received.get(app)
      const facts = {
        wanted,
        applied: own,
        tableHasNext: (proposed.get(app)?.version ?? Infinity) <= tables.acceptedVersion(),
        receivedMs: arrival?.generation === own?.generation ? (arrival?.atMs ?? null) : null,
      }
      next.set(app, standingOf(facts, standings.get(app) ?? noStanding, evidence))
    }
    const urgent = moved(standings, next)
    standings = next
    const drifted = progress.drift
    progress = look()
    sayDrift(drifted, progress.drift)
    const before = ready
    ready ||= options.mayBeReady(progress)
    if (ready !== before) {
      workers.set(wanted())
      progress = look()
    }
    onProgress(progress, urgent)
  }

  function sayDrift(before: string | null, after: string | null): void {
    if ((before === null) === (after === null)) return
    if (after !== null) log('drift-began', after)
    else log('drift-ended', 'every worker serves the held snapshot')
  }

  function look(): Progress {
    const views = workers.views()
    const settled = held !== null && tables.acceptedVersion() === tables.contentVersion()
    const serving = views.length > 0 && views.every(({ differs }) => differs === null)
    const placed = [...catalogue.positions.values()].every((position) => {
      const own = applied.get(position.app)
      return own !== undefined && samePosition(own, appliedOf(position))
    })
    return {
      held,
      standings,
      applied,
      endpoints: endpoints.own(),
      arrived,
      served: endpoints.served(),
      workers: views,
      equal: settled && serving && placed && tables.candidate() === null && diskTrouble === null,
      drift: diskTrouble ?? driftOf(views, workers.lostCount()),
      ready,
    }
  }

  return {
    hold,
    settle,
    progress: () => progress,
    workloads: () => workloadsOf(catalogue),
    setEndpoints(next) {
      if (endpoints.set(next)) settle()
    },
    async stop() {
      if (headerTimer) clearTimeout(headerTimer)
      headerDue = true
      onDiskOrNot(persist)
      await endpointsOnDisk.stop()
      onDiskOrNot(endpointsOnDisk.now)
    },
  }
}

/** Names as a set, made once for each list. */
const sets = new WeakMap<readonly string[], ReadonlySet<string>>()
function namesOf(list: readonly string[]): ReadonlySet<string> {
  const known = sets.get(list)
  if (known) return known
  const made = new Set(list)
  sets.set(list, made)
  return made
}

function moved(
  before: ReadonlyMap<string, Standing>,
  after: ReadonlyMap<string, Standing>,
): boolean {
  for (const [app, { prepared, active }] of after) {
    const former = before.get(app) ?? noStanding
    if (former.prepared !== prepared || former.active !== active) return true
  }
  return false
}

function driftOf(views: readonly WorkerView[], lostCount: number): string | null {
  if (views.length === 0) return 'no worker is connected'
  const drifting = views.find((view) => view.drifting)
  if (drifting) return `worker ${drifting.pid ?? 'of unknown pid'}: ${drifting.differs}`
  return lostCount > 0 ? `${lostCount} workers have lost the link` : null
}

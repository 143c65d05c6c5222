/**
 * The message up: the agent's whole state, built when it is sent, signed with the agent's own key. Sent
 * at once when a switch waits for it, a moment after any other change, and in any case regularly. Several
 * may be on their way; the newest sequence wins, so nothing is queued and loss is harmless.
 */
import { canonicalBytes, digestOf } from '#wire/digest.ts'
import { supportedFormats } from '#wire/header.ts'
import { limits } from '#wire/limits.ts'
import type { Say } from '#wire/log-line.ts'
import type { Refusal, Report, RollingReport, TroubleReport } from '#wire/report.ts'
import { type SigningKey, seal } from '#wire/signature.ts'
import { backoffMs } from '../../backoff.ts'
import type { Usage } from '../../link.ts'
import { reasonOf } from '../../reason.ts'
import type { Progress } from '../convergence.ts'
import type { Session } from '../session/session.ts'
import { reportedStanding } from '../workers/standing.ts'
import type { Waking } from './waking.ts'

export interface ReportFacts {
  readonly progress: Progress
  readonly usage: Usage
  readonly refusals: readonly Refusal[]
  readonly stale: boolean
  /** How far copies have been replaced; empty unless this agent holds the lease. */
  readonly replacements: readonly RollingReport[]
  /** Why copies do not become ready; empty unless this agent holds the lease, there is none to hold, or it cannot be asked for. */
  readonly troubles: readonly TroubleReport[]
  readonly nowMs: number
}

export interface Life {
  readonly cluster: string
  readonly agent: string
  readonly instance: string
  readonly startedAtMs: number
  /** Ids of control's keys that are pinned now. */
  readonly pinnedKeys: () => readonly string[]
}

/** Null before any header is held: there is nothing to be cumulative about. */
export function buildReport(
  life: Life,
  { progress, usage, refusals, stale, replacements, troubles, nowMs }: ReportFacts,
  former: Report | null,
): Report | null {
  const { held } = progress
  if (!held) return null
  const positions = [...progress.standings].map(
    ([app, standing]) => [app, reportedStanding(standing, nowMs)] as const,
  )
  const ready = Object.entries(progress.arrived)
    .filter(([id]) => !isService(id))
    .map(([id, list]) => [id, list.length] as const)
  const inUse = Object.entries(usage.inUse).filter(([id]) => !isService(id))
  return {
    ...life,
    pinnedKeys: [...life.pinnedKeys()],
    sequence: (former?.sequence ?? 0) + 1,
    epoch: held.header.epoch,
    revision: held.header.revision,
    digest: servedDigest(progress, former),
    formats: [...supportedFormats],
    stale,
    drift: progress.drift?.slice(0, limits.reasonChars) ?? null,
    workers: progress.workers.length,
    positions: Object.fromEntries(positions),
    readyEndpoints: Object.fromEntries(ready),
    inUse: Object.fromEntries(inUse),
    refusals: refusals.slice(0, 16),
    // A control of format 1 would refuse the whole report.
    ...(held.header.format >= 2 && {
      ...(replacements.length > 0 && { rolling: replacements.slice(0, replacementsMax) }),
      ...(troubles.length > 0 && { troubles: troubles.slice(0, limits.troublesPerReport) }),
    }),
  }
}

const replacementsMax = 64

/** Services take no part in switches and have no ledger. */
const isService = (id: string): boolean => id.includes('/')

/**
 * The header's digest only when every worker serves what it means. On the way there, still the digest
 * before it; when they serve something else, a digest of their own words.
 */
function servedDigest({ held, equal, drift, workers }: Progress, former: Report | null): string {
  if (equal && held) return held.header.digest
  if (drift === null && former) return former.digest
  const words = workers.map(({ serving }) => [serving?.tableDigest ?? '', serving?.positions ?? {}])
  return digestOf(words)
}

export interface Reporter {
  /** A moment later, together with what else happens until then. */
  soon(): void
  now(): void
  /** The newest report that was built. */
  newest(): Report | null
  stop(): Promise<void>
}

export interface ReporterOptions {
  readonly session: Pick<Session, 'report'>
  /** Beside a session that only stores reports; null: it is control itself. */
  readonly waking: Pick<Waking, 'take' | 'stored'> | null
  readonly key: SigningKey
  readonly build: (former: Report | null) => Report | null
  readonly log: Say
}

const soonMs = 1
const callMs = 5_000
const onTheWayMax = 4
const retry = { firstMs: 50, mostMs: 2_000 }

export function createReporter({ session, waking, key, build, log }: ReporterOptions): Reporter {
  const stopping = new AbortController()
  const onTheWay = new Set<Promise<void>>()
  let newest: Report | null = null
  let pending: NodeJS.Timeout | null = null
  let dirty = false
  let failures = 0

  function now(): void {
    if (pending) clearTimeout(pending)
    pending = null
    if (stopping.signal.aborted) return
    if (onTheWay.size >= onTheWayMax) {
      dirty = true
      return
    }
    dirty = false
    const report = build(newest)
    if (!report) return
    newest = report
    const sent = send(report).finally(() => {
      onTheWay.delete(sent)
      if (dirty) later(soonMs)
    })
    onTheWay.add(sent)
  }

  async function send(report: Report): Promise<void> {
    try {
      const bytes = Buffer.from(JSON.stringify(await seal(canonicalBytes(report), key)))
      if (bytes.length > limits.reportBytes) throw new Error(`a report of ${bytes.length} bytes`)
      waking?.take(report, bytes)
      await session.report(bytes, AbortSignal.any([stopping.signal, AbortSignal.timeout(callMs)]))
      failures = 0
      waking?.stored(true)
    } catch (error) {
      if (stopping.signal.aborted) return
      waking?.stored(false)
      if (failures++ === 0) log('report-late', `a report did not arrive: ${reasonOf(error)}`)
      later(backoffMs(failures, retry, Math.random()))
    }
  }

  function later(ms: number): void {
    pending ??= setTimeout(now, ms)
  }

  const regularly = setInterval(now, limits.reportIntervalMs)
  return {
    soon: () => later(soonMs),
    now,
    newest: () => newest,
    async stop() {
      clearInterval(regularly)
      if (pending) clearTimeout(pending)
      stopping.abort()
      await Promise.all(onTheWay)
    },
  }
}

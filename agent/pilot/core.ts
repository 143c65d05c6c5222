/**
 * The part of the pilot that needs nobody: what the disk knows, the workers, the compile thread and the
 * loop between them. It is loaded first and alone, so that workers find their pilot again in a moment.
 */
import { mkdirSync } from 'node:fs'
import { limits } from '#wire/limits.ts'
import type { Say } from '#wire/log-line.ts'
import type { AgentConfig } from '../config.ts'
import { linkPath } from '../link.ts'
import { type Content, type Convergence, createConvergence } from './convergence.ts'
import { type LastKnownGood, loadLastKnownGood } from './disk/last-known-good.ts'
import { createRefusals, type Refusals } from './refusals.ts'
import { createNews } from './report/news.ts'
import { createCompiler } from './tables/compiler.ts'
import { createTables } from './tables/tables.ts'
import { createWorkers, type Workers } from './workers/workers.ts'

/** What the core tells, once somebody is there to hear it. */
export interface Outside {
  reporter: { now(): void; soon(): void } | null
  metrics: { switched(ms: number): void; compiled(ms: number): void } | null
  onContent: (content: Content) => void
  /** Control has confirmed, in this life, that the held snapshot is the newest. */
  confirmed: () => boolean
}

export interface Core {
  readonly stored: LastKnownGood
  readonly convergence: Convergence
  readonly workers: Workers
  readonly refusals: Refusals
  readonly outside: Outside
  /** The search for the stored header begins now; when its time is over, the disk is served (D6). */
  seek(): void
  stop(): Promise<void>
}

/** Drift and missing workers are questions of time: looked at this often. */
const settleEveryMs = 250

export async function startCore(
  { stateFolder: folder, workers: workerCount }: AgentConfig,
  log: Say,
): Promise<Core> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const stored = loadLastKnownGood(folder)
  for (const damage of stored.damage) log('state-damaged', damage)
  const outside: Outside = {
    reporter: null,
    metrics: null,
    onContent: () => {},
    confirmed: () => false,
  }
  let seekOver = false
  let seeking: NodeJS.Timeout | null = null

  const news = createNews({
    reporter: () => outside.reporter,
    usage: () => workers.usage(),
    onSwitched: (ms) => outside.metrics?.switched(ms),
  })
  const refusals = createRefusals(({ code, revision, reason }) => {
    log('message-refused', `${code}: ${reason}`, { refusal: code, revision })
    news.refused()
  })
  const workers = createWorkers({
    path: linkPath(folder),
    onChange: () => convergence.settle(),
    onUsage: news.usageChanged,
    onRefused(digest, reason) {
      tables.refused(digest, reason)
      convergence.settle()
    },
    log,
  })
  const compiler = createCompiler(folder, (outcome) => {
    if ('table' in outcome.result) outside.metrics?.compiled(outcome.result.ms)
    tables.outcome(outcome)
    convergence.settle()
  })
  const tables = createTables({ folder, table: stored.table, compiler, refusals })
  const complete = stored.table !== null && stored.positions !== null
  const convergence = createConvergence({
    folder,
    stored,
    tables,
    workers,
    workerCount,
    mayBeReady: ({ equal }) => (equal && outside.confirmed()) || (seekOver && complete),
    onContent: (content) => outside.onContent(content),
    onProgress: news.progressed,
    log,
    nowMs: () => performance.now(),
  })

  await workers.listen()
  convergence.settle()
  const settling = setInterval(() => convergence.settle(), settleEveryMs)

  return {
    stored,
    convergence,
    workers,
    refusals,
    outside,
    seek() {
      seeking ??= setTimeout(() => {
        seekOver = true
        convergence.settle()
      }, limits.seekHeaderMs)
    },
    async stop() {
      clearInterval(settling)
      if (seeking) clearTimeout(seeking)
      news.stop()
      await Promise.all([workers.close(), compiler.stop()])
      await convergence.stop()
    },
  }
}

/**
 * All copies of one local cluster: makes what runs equal what is wanted, whenever either changes, and
 * remembers pids and ports, so that a successor goes on where an accident has ended this one.
 *
 * A copy that becomes ready is told to the agents before another one ends for it.
 */
import { join } from 'node:path'
import type { Say } from '#wire/log-line.ts'
import type { RollingReport, TroubleReport } from '#wire/report.ts'
import type { Endpoints } from '../../link.ts'
import { nextArrangement, ownersOf, type Wanted } from './arrangement.ts'
import { type Copy, type CopyTiming, copyTiming, startCopy } from './copy.ts'
import { indicesOf, keyOf, openRecords } from './copy-records.ts'
import { unknownProgram } from './copy-words.ts'
import type { LocalWorkload } from './protocol.ts'
import { createProgressFollower } from './replacement-progress.ts'
import { troublesOf } from './troubles.ts'

export interface CopiesSettings {
  readonly cluster: string
  readonly host: string
  readonly stateFolder: string
  /** Program files by name. */
  readonly programs: Readonly<Record<string, string>>
  readonly timing?: CopyTiming
  /** Ready endpoints, or something that `list`, `replacements` or `troubles` shows, have changed. */
  readonly onChange: () => void
  readonly log: Say
}

export interface CopyView {
  readonly release: string
  readonly copy: number
  readonly pid: number | null
  readonly port: number | null
  readonly ready: boolean
  readonly restarts: number
  /** Why it is not ready, in words. */
  readonly trouble: string | null
}

export interface Copies {
  /** Starts and removes until each release has its copies; unknown programs are logged and skipped. */
  want(workloads: readonly LocalWorkload[]): void
  endpoints(): Endpoints
  list(): readonly CopyView[]
  /** How far copies have been replaced, for each workload that replaces others. */
  replacements(): readonly RollingReport[]
  /** Why copies do not become ready, for each release that has too few of them. */
  troubles(): readonly TroubleReport[]
  /** Ends all of them; resolves when no process is left. */
  stop(): Promise<void>
}

export async function createCopies(settings: CopiesSettings): Promise<Copies> {
  const { cluster, host, stateFolder, programs, timing = copyTiming, onChange, log } = settings
  const records = await openRecords(join(stateFolder, 'copies.json'), log)
  const progress = createProgressFollower()
  const running = new Map<string, Copy>()
  const leaving = new Set<Copy>()
  let wanted: readonly Wanted[] | null = null
  let reports: readonly RollingReport[] = []
  let troubles: readonly TroubleReport[] = []
  let lookAgain: NodeJS.Timeout | null = null
  let arranging = false
  let changedMeanwhile = false
  let stopping = false

  function changed(): void {
    records.write(running.values(), leaving)
    onChange()
    arrange()
  }

  /** Starting and ending call back at once: those calls are answered by another round. */
  function arrange(): void {
    if (stopping || !wanted) return
    if (arranging) {
      changedMeanwhile = true
      return
    }
    arranging = true
    // What becomes due between two readings of the clock would be too early for the first and past for the second.
    let nowMs: number
    try {
      do {
        changedMeanwhile = false
        nowMs = performance.now()
      } while (step(wanted, nowMs) || changedMeanwhile)
    } finally {
      arranging = false
    }
    follow(wanted, nowMs)
  }

  /** False when nothing is to be done. */
  function step(these: readonly Wanted[], nowMs: number): boolean {
    const copies = statesOf(running.values())
    const { start: missing, end } = nextArrangement(these, copies, nowMs)
    for (const { release, index } of end) void remove(keyOf(release, index))
    for (const { wanted: one, count } of missing) {
      for (let n = 0; n < count; n++) startAnother(one)
    }
    return missing.length + end.length > 0
  }

  /** When it has to look again by time alone, as seen from the moment of the last step. */
  function follow(these: readonly Wanted[], nowMs: number): void {
    const copies = statesOf(running.values())
    const next = progress.look(these, copies, nowMs)
    const troubled = troublesOf(these, copies, timing.slowMs, nowMs)
    if (lookAgain) clearTimeout(lookAgain)
    const lookAtMs = [next.lookAtMs, troubled.lookAtMs].filter((at) => at !== null)
    lookAgain = lookAtMs.length > 0 ? setTimeout(arrange, Math.min(...lookAtMs) - nowMs + 1) : null
    const before = JSON.stringify([reports, troubles])
    reports = next.reports
    troubles = troubled.troubles
    if (JSON.stringify([reports, troubles]) !== before) onChange()
  }

  function startAnother({ workload, program }: Wanted): void {
    const { release, version } = workload
    const isFree = (index: number) =>
      !running.has(keyOf(release, index)) &&
      ![...leaving].some((copy) => copy.release === release && copy.index === index)
    let index = indicesOf(records.former, release).find(isFree) ?? 0
    while (!isFree(index)) index++
    start({ release, index, version, program: program! })
  }

  function start(one: Pick<Copy, 'release' | 'index' | 'version' | 'program'>): void {
    const key = keyOf(one.release, one.index)
    const { release, version } = one
    const copy = startCopy({
      ...one,
      host,
      port: records.former.get(key)?.port ?? null,
      environment: { VERSION: version, RELEASE: release, CLUSTER: cluster },
      timing,
      onChange: changed,
      log,
    })
    running.set(key, copy)
    log('copy-started', `${key} starts: version ${version}`)
  }

  /** In the middle of a replacement the copies of a former life are the state that it goes on from. */
  function resume(these: readonly Wanted[]): void {
    for (const [{ workload }, replaced] of ownersOf(these)) {
      if (!workload.rolling) continue
      for (const release of [workload.release, ...replaced]) {
        for (const index of indicesOf(records.former, release)) {
          const { version, program } = records.former.get(keyOf(release, index))!
          if (version !== undefined) start({ release, index, version, program })
        }
      }
    }
  }

  async function remove(key: string): Promise<void> {
    const copy = running.get(key)!
    running.delete(key)
    leaving.add(copy)
    await copy.remove()
    leaving.delete(copy)
    log('copy-ended', `${key} has ended`)
    if (!stopping) changed()
  }

  return {
    want(workloads) {
      if (stopping) return
      const next = workloads.map((workload) => {
        const program = programs[workload.program] ?? null
        if (!program)
          log('program-unknown', `${workload.release}: ${unknownProgram(workload.program)}`)
        return { workload, program }
      })
      // Nothing is arranged while `wanted` is still null.
      if (wanted === null) resume(next)
      wanted = next
      arrange()
    },
    endpoints() {
      const byRelease: Record<string, { address: string; port: number }[]> = {}
      for (const copy of running.values()) {
        byRelease[copy.release] ??= []
        const port = copy.port()
        if (copy.ready() && port !== null) byRelease[copy.release]!.push({ address: host, port })
      }
      return byRelease
    },
    list: () =>
      [...running.values()].map((copy) => ({
        release: copy.release,
        copy: copy.index,
        pid: copy.pid(),
        port: copy.port(),
        ready: copy.ready(),
        restarts: copy.restarts(),
        trouble: copy.trouble(),
      })),
    replacements: () => reports,
    troubles: () => troubles,
    async stop() {
      stopping = true
      if (lookAgain) clearTimeout(lookAgain)
      await Promise.all([...running.values(), ...leaving].map((copy) => copy.stop()))
    },
  }
}

const statesOf = (copies: Iterable<Copy>) =>
  [...copies].map((copy) => ({
    ...copy,
    readySinceMs: copy.readySinceMs(),
    unreadySinceMs: copy.unreadySinceMs(),
    hasDied: copy.hasDied(),
  }))

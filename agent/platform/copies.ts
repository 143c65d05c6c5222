/**
 * All copies of one local cluster: makes what runs equal what is wanted, one process at a time to start
 * or end, and remembers pids and ports, so that a successor ends what an accident has left behind.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Say } from '#wire/log-line.ts'
import { readIfThere, writeDurably } from '../durable-file.ts'
import type { Endpoints } from '../link.ts'
import { type Copy, type CopyTiming, copyTiming, startCopy } from './copy.ts'
import type { Workload } from './platform.ts'

export interface CopiesSettings {
  readonly cluster: string
  readonly host: string
  readonly stateFolder: string
  /** Program files by name. */
  readonly programs: Readonly<Record<string, string>>
  readonly timing?: CopyTiming
  /** Ready endpoints, or something that `list` shows, have changed. */
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
}

export interface Copies {
  /** Starts and removes until each release has its copies; unknown programs are logged and skipped. */
  want(workloads: readonly Workload[]): void
  endpoints(): Endpoints
  list(): readonly CopyView[]
  /** Ends all of them; resolves when no process is left. */
  stop(): Promise<void>
}

interface Recorded {
  readonly port: number | null
  readonly pid: number | null
  readonly program: string
}

const orphanGraceMs = 2_000

export async function createCopies(settings: CopiesSettings): Promise<Copies> {
  const { cluster, host, stateFolder, programs, timing = copyTiming, onChange, log } = settings
  const file = join(stateFolder, 'copies.json')
  const recorded = readRecords(file, log)
  await Promise.all([...recorded.values()].map((one) => endOrphan(one, log)))

  const running = new Map<string, Copy>()
  const leaving = new Set<Copy>()
  let stopping = false
  let written = ''

  function changed(): void {
    const records: Record<string, Recorded> = {}
    for (const copy of [...leaving, ...running.values()]) {
      const record = { port: copy.port(), pid: copy.pid(), program: copy.program }
      records[keyOf(copy.release, copy.index)] = record
    }
    const text = JSON.stringify(records)
    if (text !== written) writeDurably(file, text)
    written = text
    onChange()
  }

  function start(workload: Workload, index: number, program: string): void {
    const key = keyOf(workload.release, index)
    const { release, version } = workload
    const copy = startCopy({
      release,
      index,
      version,
      program,
      host,
      port: recorded.get(key)?.port ?? null,
      environment: { VERSION: version, RELEASE: release, CLUSTER: cluster },
      timing,
      onChange: changed,
      log,
    })
    running.set(key, copy)
    log('copy-started', `${key} starts: ${workload.app} ${version}`)
  }

  async function remove(key: string, copy: Copy): Promise<void> {
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
      const wanted = new Map<string, { version: string; begin: () => void }>()
      for (const workload of workloads) {
        const program = programs[workload.program]
        if (!program) {
          log(
            'program-unknown',
            `${workload.release} wants the program ${workload.program}, which has no --program`,
          )
          continue
        }
        for (let index = 0; index < workload.copies; index++) {
          const begin = () => start(workload, index, program)
          wanted.set(keyOf(workload.release, index), { version: workload.version, begin })
        }
      }
      // Of one release the version changes only when a recovered log has given its id again.
      for (const [key, copy] of running) {
        if (wanted.get(key)?.version !== copy.version) void remove(key, copy)
      }
      for (const [key, { begin }] of wanted) if (!running.has(key)) begin()
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
      })),
    async stop() {
      stopping = true
      await Promise.all([...running.values(), ...leaving].map((copy) => copy.stop()))
    },
  }
}

const keyOf = (release: string, index: number) => `${release}/${index}`

function readRecords(file: string, log: Say): Map<string, Recorded> {
  try {
    const bytes = readIfThere(file)
    if (!bytes) return new Map()
    return new Map(Object.entries(JSON.parse(bytes.toString()) as Record<string, Recorded>))
  } catch (error) {
    log('state-damaged', `${file} cannot be read (${error}): copies get new ports`)
    return new Map()
  }
}

/** A copy of a former life of this cluster that did not leave when its input ended. */
async function endOrphan({ pid, program }: Recorded, log: Say): Promise<void> {
  if (pid === null || !runs(pid, program)) return
  log('copy-ended', `a copy of a former life still runs (${pid}): ending it`)
  signal(pid, 'SIGTERM')
  for (let waited = 0; runs(pid, program); waited += 50) {
    if (waited >= orphanGraceMs) signal(pid, 'SIGKILL')
    if (waited >= 2 * orphanGraceMs) return
    await delay(50)
  }
}

/** The pid is alive and still that program: pids are used again. */
function runs(pid: number, program: string): boolean {
  try {
    const command = execFileSync('ps', ['-ww', '-o', 'stat=,args=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return !command.trimStart().startsWith('Z') && command.includes(program)
  } catch {
    return false
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has gone in the meantime.
  }
}

/**
 * What a local cluster remembers of its copies: so that a successor ends the processes that an accident
 * has left behind, gives ports again, and goes on with a replacement from the copies that ran.
 */
import { execFileSync } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import type { Say } from '#wire/log-line.ts'
import { readIfThere, writeDurably } from '../../durable-file.ts'
import type { Copy } from './copy.ts'

export interface CopyRecord {
  readonly port: number | null
  readonly pid: number | null
  /** Its file. */
  readonly program: string
  /** Left out by former versions, which replaced nothing. */
  readonly version?: string
  /** It was about to end: nobody starts it again. */
  readonly leaving?: true
}

export type CopyRecords = ReadonlyMap<string, CopyRecord>

export interface RecordsFile {
  /** Of the former life. */
  readonly former: CopyRecords
  write(running: Iterable<Copy>, leaving: Iterable<Copy>): void
}

export const keyOf = (release: string, index: number) => `${release}/${index}`

/** The indices that a release's copies had. */
export function indicesOf(records: CopyRecords, release: string): number[] {
  const mine = [...records].filter(([key, { leaving }]) => !leaving && releaseOf(key) === release)
  return mine.map(([key]) => Number(key.slice(release.length + 1))).sort((a, b) => a - b)
}

const releaseOf = (key: string) => key.slice(0, key.lastIndexOf('/'))

/** Reads them, and ends the copies that did not leave by themselves. */
export async function openRecords(file: string, log: Say): Promise<RecordsFile> {
  const former = readRecords(file, log)
  await Promise.all([...former.values()].map((one) => endOrphan(one, log)))
  let written = ''

  return {
    former,
    write(running, leaving) {
      const records: Record<string, CopyRecord> = {}
      for (const copy of leaving) records[keyOf(copy.release, copy.index)] = recordOf(copy, true)
      for (const copy of running) records[keyOf(copy.release, copy.index)] = recordOf(copy, false)
      const text = JSON.stringify(records)
      if (text !== written) writeDurably(file, text)
      written = text
    },
  }
}

function recordOf(copy: Copy, leaving: boolean): CopyRecord {
  const { program, version } = copy
  return {
    port: copy.port(),
    pid: copy.pid(),
    program,
    version,
    ...(leaving && { leaving: true as const }),
  }
}

function readRecords(file: string, log: Say): CopyRecords {
  try {
    const bytes = readIfThere(file)
    if (!bytes) return new Map()
    return new Map(Object.entries(JSON.parse(bytes.toString()) as Record<string, CopyRecord>))
  } catch (error) {
    log('state-damaged', `${file} cannot be read (${error}): copies get new ports`)
    return new Map()
  }
}

const orphanGraceMs = 2_000

/** A copy of a former life of this cluster that did not leave when its input ended. */
async function endOrphan({ pid, program }: CopyRecord, log: Say): Promise<void> {
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

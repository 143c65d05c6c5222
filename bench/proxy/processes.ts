/**
 * Processes of the proxy benchmark: which core each runs on, how much processor time it has used, and
 * that none is left behind.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

const pinning = process.platform === 'linux' && availableParallelism() > 1
const cores = { proxy: 0, load: 1 } as const

/** The command line that runs on the core of its part: the proxy alone on one, the rest on another. */
export function pinned(command: readonly string[], part: keyof typeof cores): string[] {
  return pinning ? ['taskset', '-c', `${cores[part]}`, ...command] : [...command]
}

/** Seconds of processor time that a process has used, from /proc; its ticks are 10 ms. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // utime and stime are fields 14 and 15; the second field may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** Full path of an installed program, or null. */
export function installed(name: string): string | null {
  try {
    return execFileSync('sh', ['-c', 'command -v "$1"', 'sh', name], { encoding: 'utf8' }).trim()
  } catch {
    return null
  }
}

export function start(command: readonly string[], part: keyof typeof cores): ChildProcess {
  const [file, ...args] = pinned(command, part)
  return spawn(file!, args, { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** The first line that a child prints. */
export async function firstLine(child: ChildProcess): Promise<string> {
  const [chunk] = (await once(child.stdout!, 'data', { signal: AbortSignal.timeout(10_000) })) as [
    Buffer,
  ]
  return chunk.toString('utf8').trim()
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

/** Moves a running process, with all its threads, to the core of its part. */
export function pinNow(pid: number, part: keyof typeof cores): void {
  if (pinning) execFileSync('taskset', ['-a', '-p', '-c', `${cores[part]}`, `${pid}`])
}

/**
 * The namespaces of one lab: a network, mounts, processes and a host name of its own, below one first process.
 * It ends when this process lets go of its standard input, for whatever reason, and the kernel then
 * ends every process in there and takes the network and the mounts away.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

export interface Namespaces {
  /** The first process inside, as the machine numbers it. */
  readonly pid: number
  /** Starts a command inside; `kill` reaches the command itself. Ends with the lab at the latest. */
  run(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess
  close(): Promise<void>
}

const startWithinMs = 10_000
const endWithinMs = 10_000

/** `first` is the command that becomes the first process; it must say `ready` and then wait for the end of its input. */
export async function openNamespaces(first: readonly string[]): Promise<Namespaces> {
  const separate = ['--net', '--mount', '--pid', '--ipc', '--uts', '--fork', '--mount-proc']
  const outer = spawn('unshare', [...separate, '--kill-child', '--', ...first], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  let said = ''
  outer.stderr.on('data', (bytes: Buffer) => {
    said = (said + bytes.toString()).slice(-4_000)
  })
  const ended = new Promise<void>((resolve) => {
    outer.once('exit', () => resolve())
    outer.once('error', (error) => {
      said += error.message
      resolve()
    })
  })
  const ready = new Promise<boolean>((resolve) => outer.stdout.once('data', () => resolve(true)))
  const late = delay(startWithinMs, false, { ref: false })
  if (!(await Promise.race([ready, ended.then(() => false), late]))) {
    outer.kill('SIGKILL')
    throw new Error(`the namespaces of a lab could not be opened: ${said.trim()}`)
  }
  outer.stdin.on('error', () => {})
  const inside = new Set<ChildProcess>()
  const pid = childrenOf(outer.pid!)[0]
  if (pid === undefined) throw new Error(`the first process of a lab has ended: ${said.trim()}`)

  return {
    pid,
    run(command, args, options = {}) {
      const child = enter(pid, command, args, options)
      inside.add(child)
      child.once('exit', () => inside.delete(child))
      return child
    },
    async close() {
      for (const child of inside) wake(child)
      outer.stdin.end()
      const asked = await Promise.race([ended.then(() => true), delay(endWithinMs, false)])
      if (asked) return
      process.kill(pid, 'SIGKILL')
      await ended
    },
  }
}

export const enterArguments = (pid: number): string[] => [
  ...['--target', String(pid)],
  ...['--net', '--mount', '--pid', '--ipc', '--uts'],
]

function enter(
  pid: number,
  command: string,
  args: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  const child = spawn('nsenter', [...enterArguments(pid), '--', command, ...args], options)
  const killOuter = child.kill.bind(child)
  // nsenter forks to be born into the process namespace, waits, and ends as its child ended.
  child.kill = (signal = 'SIGTERM') => {
    const inner = child.exitCode === null && child.pid ? childrenOf(child.pid)[0] : undefined
    if (inner === undefined) return killOuter(signal)
    try {
      return process.kill(inner, signal)
    } catch {
      return false
    } finally {
      if (signal === 'SIGKILL' || signal === 'SIGCONT') wake(child)
    }
  }
  return child
}

/**
 * nsenter stops itself when its child is stopped. Asleep it would never collect the child, and the namespaces
 * would wait for that for ever.
 */
function wake(child: ChildProcess): void {
  try {
    if (child.pid) process.kill(child.pid, 'SIGCONT')
  } catch {
    // It has ended.
  }
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    return text === '' ? [] : text.split(/\s+/).map(Number)
  } catch {
    return []
  }
}

/**
 * One named process of a local fleet: started in a process group of its own, its output in a log file,
 * killed or started again by name. It holds an ipc channel only so that a child notices when this
 * process dies; nothing is said on it.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

export interface ChildOptions {
  readonly name: string
  /** Asked at each start. */
  readonly program: () => { readonly script: string; readonly args: readonly string[] }
  readonly logFile: string
  /** Starts it elsewhere than here, such as in another network. Left out: `spawn`. */
  readonly launch?: Launch
  /** The process ended without having been told to: its exit code or signal. */
  readonly onDeath?: (how: string) => void
}

export type Launch = (
  command: string,
  args: readonly string[],
  options: SpawnOptions,
) => ChildProcess

export interface Child {
  readonly name: string
  readonly logFile: string
  readonly pid: number | null
  /** `env` is added to this process's own, for this run only. */
  start(env?: Readonly<Record<string, string>>): void
  /** SIGTERM, then SIGKILL after `withinMs`; resolves when the whole group has ended. */
  stop(withinMs: number): Promise<void>
  /** Sends the signal to this process alone and waits until it has ended. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
  /** Ends every process of the group at once. */
  killGroup(): Promise<void>
  /** The code of the last run once it has ended; null when a signal ended it. */
  exitCode(): Promise<number | null>
}

export class ProcessFailed extends Error {
  override readonly name = 'ProcessFailed'
}

const tailLines = 20

export function createChild(options: ChildOptions): Child {
  const { launch = spawn } = options
  let running: ChildProcess | null = null
  let ended: Promise<void> = Promise.resolve()
  /** Children of a dead leader stay in its group. */
  let group: number | null = null

  /** Its end was asked for. */
  let told = false

  const alive = () => running !== null && running.exitCode === null && running.signalCode === null

  const child: Child = {
    name: options.name,
    logFile: options.logFile,
    get pid() {
      return alive() ? (running!.pid ?? null) : null
    },
    start(env = {}) {
      if (alive()) return
      const log = openSync(options.logFile, 'a')
      const { script, args } = options.program()
      const one = launch(process.execPath, [script, ...args], {
        stdio: ['ignore', log, log, 'ipc'],
        detached: true,
        env: { ...process.env, ...env },
      })
      closeSync(log)
      one.on('error', () => {})
      told = false
      ended = new Promise((resolve) =>
        one.once('exit', (code, signal) => {
          resolve()
          if (!told) options.onDeath?.(signal ?? `exit code ${code}`)
        }),
      )
      running = one
      group = one.pid ?? null
    },
    async stop(withinMs) {
      told = true
      if (alive()) {
        running!.kill('SIGTERM')
        await Promise.race([ended, delay(withinMs, undefined, { ref: false })])
      }
      await child.killGroup()
    },
    async kill(signal) {
      if (!alive()) return
      told = true
      running!.kill(signal)
      await ended
    },
    async killGroup() {
      told = true
      if (group !== null) signalGroup(group, 'SIGKILL')
      await ended
      for (let n = 0; group !== null && signalGroup(group, 0) && n < 200; n++) await delay(10)
      group = null
    },
    async exitCode() {
      await ended
      return running?.exitCode ?? null
    },
  }
  return child
}

/** False when the group has no process any more. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal)
    return true
  } catch {
    return false
  }
}

/**
 * Polls until `ready`; fails early when the process ends, and late with the end of its log, because
 * that is what somebody needs who sees it fail.
 */
export async function untilReady(
  child: Child,
  what: string,
  ready: () => Promise<boolean>,
  withinMs: number,
): Promise<void> {
  const deadline = performance.now() + withinMs
  for (;;) {
    if (child.pid === null)
      throw new ProcessFailed(`${child.name} ended at start.${logTail(child)}`)
    if (await ready().catch(() => false)) return
    if (performance.now() > deadline) {
      throw new ProcessFailed(`${child.name}: ${what} not within ${withinMs} ms.${logTail(child)}`)
    }
    await delay(20)
  }
}

export function logTail(child: Pick<Child, 'logFile'>): string {
  let text = ''
  try {
    text = readFileSync(child.logFile, 'utf8').trimEnd()
  } catch {
    return ''
  }
  const lines = text.split('\n').slice(-tailLines)
  return `\nThe end of ${child.logFile}:\n${lines.map((line) => `  ${line}`).join('\n')}`
}

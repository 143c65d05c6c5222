/** A control plane as a process of its own, to be killed; and its command line. */
import { type ChildProcess, spawn } from 'node:child_process'
import { resolve } from 'node:path'

const script = resolve(import.meta.dirname, '../../control/main.ts')

const environment = (crashAt: string | null) => ({
  ...process.env,
  ...(crashAt && { SWITCHYARD_CRASH_AT: crashAt }),
})

const alive = new Set<ChildProcess>()

/** Ends what a failed test has left behind. */
export function killAll(): void {
  for (const child of alive) child.kill('SIGKILL')
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly output: string
}

export interface ControlProcess {
  /** Null when it died before it listened. */
  readonly url: string | null
  readonly ended: Promise<Ended>
  kill(signal: NodeJS.Signals): Promise<Ended>
}

const startWithinMs = 60_000

/** Runs a command of control to its end. */
export async function runControl(
  args: readonly string[],
  crashAt: string | null = null,
): Promise<Ended> {
  return ending(spawn(process.execPath, [script, ...args], { env: environment(crashAt) }))
}

export async function startControlProcess(
  state: string,
  crashAt: string | null = null,
): Promise<ControlProcess> {
  const args = [script, 'start', '--state', state, '--listen', '127.0.0.1:0']
  const child = spawn(process.execPath, args, { env: environment(crashAt) })
  const ended = ending(child)
  const url = await new Promise<string | null>((resolve, reject) => {
    const late = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`control did not listen within ${startWithinMs} ms`))
    }, startWithinMs)
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += chunk
      const found = /listens on (http:\S+)/.exec(text)?.[1]
      if (!found) return
      clearTimeout(late)
      resolve(found)
    })
    void ended.then(() => {
      clearTimeout(late)
      resolve(null)
    })
  })
  return {
    url,
    ended,
    kill(signal) {
      child.kill(signal)
      return ended
    },
  }
}

function ending(child: ChildProcess): Promise<Ended> {
  let output = ''
  alive.add(child)
  child.once('close', () => alive.delete(child))
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output = (output + chunk).slice(-65_536)
    })
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal, output }))
  })
}

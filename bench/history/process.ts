/** Control in a process of its own, as an operator starts it, and what it takes. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'

export interface StartedControl {
  readonly url: string
  /** From the command's first line until the API answers, by its own word. */
  readonly startMs: number
  /** From `spawn` until it said so: Node's own start and loading the code included. */
  readonly processMs: number
  /** Resident memory, bytes; null where it cannot be read. */
  memoryBytes(): number | null
  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

const script = resolve(import.meta.dirname, '../../control/main.ts')
const startWithinMs = 600_000

export async function startControlProcess(state: string): Promise<StartedControl> {
  const spawnedMs = performance.now()
  const child = spawn(
    process.execPath,
    [script, 'start', '--state', state, '--listen', '127.0.0.1:0', '--log-format', 'json'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const { url, ms } = await started(child)
  const processMs = performance.now() - spawnedMs
  return {
    url,
    startMs: ms,
    processMs,
    memoryBytes: () => residentBytes(child.pid!),
    async stop(signal) {
      const ended = once(child, 'exit')
      child.kill(signal)
      await ended
    },
  }
}

interface Line {
  readonly code: string
  readonly text: string
  readonly url: string
  readonly ms: number
}

async function started(child: ChildProcess): Promise<{ url: string; ms: number }> {
  const timer = setTimeout(() => child.kill('SIGKILL'), startWithinMs)
  try {
    for await (const line of createInterface({ input: child.stderr! })) {
      // What is no line of its log is what ended it.
      const said = line.startsWith('{') ? (JSON.parse(line) as Line) : null
      if (said?.code === 'control-started') return said
      console.log(`control: ${said?.text ?? line}`)
    }
  } finally {
    clearTimeout(timer)
    // Its pipe must not fill up.
    child.stderr!.resume()
  }
  throw new Error('control ended before it had started')
}

function residentBytes(pid: number): number | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
  } catch {
    return null
  }
}

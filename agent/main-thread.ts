/** What Linux tells of a process's main thread; null elsewhere, and of one that has ended. */
import { readFileSync } from 'node:fs'

export interface MainThread {
  /** It runs, or would if it got a CPU. */
  readonly runnable: boolean
  readonly cpuMs: number
}

/** `USER_HZ` is 100 on every architecture that Node runs on (proc_pid_stat(5)). */
const msPerTick = 10

export function mainThreadOf(pid: number): MainThread | null {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8')
    // The name before may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const [state, user, system] = [fields[0], Number(fields[11]), Number(fields[12])]
    return { runnable: state === 'R', cpuMs: (user + system) * msPerTick }
  } catch {
    return null
  }
}

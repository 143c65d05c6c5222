/** Which processes run below a process: how tests find a pilot or a worker by its script. */
import { execFileSync } from 'node:child_process'

export interface RunningProcess {
  readonly pid: number
  readonly parentPid: number
  readonly command: string
}

/** Every descendant of `pid`, nearest first. `ps` is on Debian and on macOS. */
export function descendants(pid: number): RunningProcess[] {
  const all = runningProcesses()
  const found: RunningProcess[] = []
  const parents = [pid]
  for (let parent = parents.shift(); parent !== undefined; parent = parents.shift()) {
    for (const one of all) {
      if (one.parentPid !== parent) continue
      found.push(one)
      parents.push(one.pid)
    }
  }
  return found
}

export function runningProcesses(): RunningProcess[] {
  const text = execFileSync('ps', ['-A', '-ww', '-o', 'pid=,ppid=,stat=,args='], {
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  })
  return text.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line)
    if (!match || match[3]!.startsWith('Z')) return []
    return [{ pid: Number(match[1]), parentPid: Number(match[2]), command: match[4]! }]
  })
}

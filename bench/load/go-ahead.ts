/**
 * Who measures on a machine that it shares with what it measures goes ahead of it, as if it had one of its own. Linux
 * shares out by sessions first (sched(7), autogroup), then among the processes of each, and a lab has many sessions.
 */
import { writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'

/** This process, and its session, by a niceness from -20 to 0. False: that is not this machine's way, or only root's. */
export function goAhead(niceness: number): boolean {
  try {
    setPriority(niceness)
    writeFileSync('/proc/self/autogroup', String(niceness))
    return true
  } catch {
    return false
  }
}

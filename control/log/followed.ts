/**
 * A log that can be followed: whoever waits for records after a position is woken by the append that
 * makes one. There is one writer and it is in this process, so nothing is polled and no reader has a queue:
 * each reads on from where it is.
 */
import type { Log } from './log.ts'

export interface FollowedLog extends Log {
  /**
   * Resolves true once there is a record after `position`, false after `timeoutMs` (`Infinity`: no timer
   * runs) or an abort.
   */
  recordAfter(position: number, timeoutMs: number, signal: AbortSignal): Promise<boolean>
  /** Closed, or about to be: nothing can be read any more. */
  isClosed(): boolean
}

export async function followed(log: Log): Promise<FollowedLog> {
  let head = await log.head()
  let closed = false
  const waiting = new Set<() => void>()
  return {
    ...log,
    isClosed: () => closed,
    async append(expected, text) {
      const result = await log.append(expected, text)
      if (result !== 'conflict') {
        head = result
        for (const wake of [...waiting]) wake()
      }
      return result
    },
    /** Wakes everybody, to see that there is no log any more. */
    async close() {
      closed = true
      await log.close()
      for (const wake of [...waiting]) wake()
    },
    recordAfter(position, timeoutMs, signal) {
      if (head > position) return Promise.resolve(true)
      if (signal.aborted) return Promise.resolve(false)
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer)
          waiting.delete(done)
          signal.removeEventListener('abort', done)
          resolve(head > position)
        }
        const isBounded = timeoutMs !== Number.POSITIVE_INFINITY
        const timer = isBounded ? setTimeout(done, timeoutMs) : undefined
        waiting.add(done)
        signal.addEventListener('abort', done)
      })
    },
  }
}

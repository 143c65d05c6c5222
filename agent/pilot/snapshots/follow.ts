/** Keeps one subscription to announcements alive: connects anew when it breaks, and repairs each time. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Say } from '#wire/log-line.ts'
import { backoffMs } from '../../backoff.ts'
import { reasonOf } from '../../reason.ts'
import type { Session } from '../session/session.ts'
import type { Snapshots } from './snapshots.ts'

const reconnect = { firstMs: 50, mostMs: 2_000 }
/** A subscription needs a moment to stand; what was announced in it is found by another look. */
const settleMs = 300
/** A subscription that has held this long was a good one. */
const healthyMs = 5_000

export interface Following {
  stop(): Promise<void>
}

export function follow(
  session: Session,
  snapshots: Pick<Snapshots, 'receive' | 'repair'>,
  log: Say,
): Following {
  const stopping = new AbortController()
  const { signal } = stopping

  async function loop(): Promise<void> {
    let attempt = 0
    while (!signal.aborted) {
      const sinceMs = performance.now()
      snapshots.repair()
      const settled = setTimeout(() => snapshots.repair(), settleMs)
      try {
        await session.subscribe((bytes) => snapshots.receive(bytes), signal)
      } catch (error) {
        if (attempt === 0 && !signal.aborted)
          log('announcements-broken', `announcements broke off: ${reasonOf(error)}`)
      }
      clearTimeout(settled)
      attempt = performance.now() - sinceMs >= healthyMs ? 1 : attempt + 1
      const pauseMs = backoffMs(attempt, reconnect, Math.random())
      await delay(pauseMs, undefined, { signal }).catch(() => {})
    }
  }

  const running = loop()
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}

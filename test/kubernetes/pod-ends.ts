/**
 * When pods ended, in Kubernetes' own words: from when one was told to end until its container had finished. Both are
 * whole seconds of Kubernetes' clocks; here they are spans of this machine's monotonic clock.
 */
import { monotonicMs } from '../../bench/load/plan.ts'
import type { WatchEvent } from './watch.ts'

export interface PodEnd {
  readonly pod: string
  readonly fromMs: number
  readonly toMs: number
}

/** What the clock of a node may differ from this machine's, and what the conversion may be off. */
export const clockToleranceMs = 500

export interface WatchedPod {
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly deletionTimestamp?: string
    readonly deletionGracePeriodSeconds?: number
  }
  readonly status: {
    readonly containerStatuses?: readonly {
      readonly state?: Ended
      /** Of the container before, when it was started anew. */
      readonly lastState?: Ended
    }[]
  }
}

interface Ended {
  readonly terminated?: { readonly finishedAt?: string | null }
}

export interface PodEnds {
  take(event: WatchEvent<WatchedPod>): void
  /** Up to now: of one that was told to end and has not finished, too. */
  ends(): readonly PodEnd[]
}

export function createPodEnds(
  nowMs = monotonicMs,
  /** To be taken from a time since 1970. */
  offsetMs = Date.now() - monotonicMs(),
): PodEnds {
  const seen = new Map<string, PodEnd>()
  const told = new Map<string, { readonly pod: string; readonly fromMs: number }>()
  const finished = new Set<string>()
  return {
    take({ type, object: { metadata, status } }) {
      const { name: pod, uid, deletionTimestamp, deletionGracePeriodSeconds = 0 } = metadata
      if (deletionTimestamp && !told.has(uid)) {
        const toldAt = Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1_000
        told.set(uid, { pod, fromMs: toldAt - offsetMs - clockToleranceMs })
      }
      for (const { state, lastState } of status.containerStatuses ?? []) {
        for (const at of [state?.terminated?.finishedAt, lastState?.terminated?.finishedAt]) {
          if (!at) continue
          const finishedMs = Date.parse(at) - offsetMs
          const fromMs = Math.min(finishedMs - clockToleranceMs, told.get(uid)?.fromMs ?? Infinity)
          const toMs = finishedMs + 1_000 + clockToleranceMs
          seen.set(`${uid} ${at}`, { pod, fromMs, toMs })
          finished.add(uid)
        }
      }
      // Taken away before anybody wrote down how it had finished.
      if (type === 'DELETED' && !finished.has(uid)) {
        seen.set(uid, { pod, fromMs: told.get(uid)?.fromMs ?? nowMs(), toMs: nowMs() })
        finished.add(uid)
      }
    },
    ends() {
      const toMs = nowMs()
      const ending = [...told].filter(([uid]) => !finished.has(uid))
      return [...seen.values(), ...ending.map(([, end]) => ({ ...end, toMs }))]
    },
  }
}

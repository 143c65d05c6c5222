/**
 * Keeps a platform's workloads equal to what the snapshot says, while this agent holds the lease. It
 * decides nothing: what is not in the snapshot is stopped, what is in it runs. A snapshot from the disk
 * is never applied, because it may be of yesterday.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Say } from '#wire/log-line.ts'
import { reasonOf } from '../reason.ts'
import type { DesiredWorkloads, Workloads } from './platform.ts'

const renewEveryMs = 1_000

export interface Obedience {
  /** The newest snapshot's workloads; applied at once when this agent holds the lease. */
  want(desired: DesiredWorkloads): void
  held(): boolean
  /** Why the lease could not be asked for, or nothing applied, twice in a row; the same words until it can. */
  hindrance(): string | null
  stop(): Promise<void>
}

export function obey(
  workloads: Workloads,
  holder: string,
  log: Say,
  everyMs = renewEveryMs,
): Obedience {
  const stopping = new AbortController()
  let desired: DesiredWorkloads | null = null
  let applied: string | null = null
  let held = false
  let trouble = ''
  let failures = 0
  let hindrance: string | null = null
  let refused = -1
  let wake = new AbortController()

  async function once(): Promise<void> {
    const had = held
    held = await workloads.acquire(holder, stopping.signal)
    if (!held || !had) applied = null
    const wanted = desired
    const text = JSON.stringify(wanted?.workloads)
    if (!held || !wanted || applied === text) return
    const outcome = await renewed(workloads.apply(holder, wanted, stopping.signal))
    if (outcome === 'applied') applied = text
    else if (outcome === 'not-holder') held = false
    else if (refused !== wanted.revision) {
      refused = wanted.revision
      const why = outcome === 'older' ? 'a newer snapshot was applied already' : 'they are too much'
      log('workloads-refused', `the platform refuses the workloads of revision ${refused}: ${why}`)
    }
  }

  /** A platform that is slow to write does not cost the lease; one that is lost meanwhile has to be got anew. */
  async function renewed<T>(work: Promise<T>): Promise<T> {
    const done = new AbortController()
    const renewing = (async () => {
      while (held && !done.signal.aborted) {
        await delay(everyMs, undefined, { signal: done.signal }).catch(() => {})
        if (done.signal.aborted) return
        held = await workloads.acquire(holder, stopping.signal).catch(() => held)
      }
    })()
    try {
      return await work
    } finally {
      done.abort()
      await renewing
    }
  }

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await once()
        trouble = ''
        failures = 0
        hindrance = null
      } catch (error) {
        if (stopping.signal.aborted) return
        held = false
        if (++failures > 1) hindrance ??= reasonOf(error)
        if (trouble !== reasonOf(error)) log('workloads-refused', reasonOf(error))
        trouble = reasonOf(error)
      }
      if (!wake.signal.aborted) {
        const signal = AbortSignal.any([wake.signal, stopping.signal])
        await delay(everyMs, undefined, { signal }).catch(() => {})
      }
      wake = new AbortController()
    }
  }

  const running = loop()
  return {
    want(next) {
      // A switch changes no workload but its share: then the next renewal of the lease is soon enough.
      const same = withoutShares(next) === withoutShares(desired)
      desired = next
      if (!same) wake.abort()
    },
    held: () => held,
    hindrance: () => hindrance,
    async stop() {
      stopping.abort()
      await running
    },
  }
}

const withoutShares = (desired: DesiredWorkloads | null): string | undefined =>
  JSON.stringify(desired?.workloads.map(({ share: _, ...workload }) => workload))

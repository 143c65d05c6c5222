/**
 * What a worker counts: the ledger (exchanges in progress and tunnels by release, now), requests by
 * release and failures by reason (both since it started). Counting is an increment on an object that the
 * exchange holds; names are looked up once a table.
 */
import type { Usage } from '../link.ts'

/** Why a request did not get a whole answer from a backend. */
export const failureReasons = {
  'bad-request': 'The request broke a rule of HTTP or a limit and was answered 4xx or 5xx.',
  'no-route': 'No route matches the request: 404.',
  'no-endpoint': 'The release has no ready endpoint, or there is no table yet: 503.',
  'overloaded': 'The worker is at a limit of connections or memory: 503.',
  'connect-failed': 'No tried endpoint accepted a connection: 503.',
  'connect-timeout': 'No tried endpoint accepted a connection in time: 504.',
  'upstream-reset': 'The backend closed before its response and the request may not be repeated: 502.',
  'bad-response': 'The backend answered with a message that breaks HTTP: 502.',
  'response-timeout': 'The backend sent no response head in time: 504.',
  'route-timeout': 'A time of the route (`requestMs`, `backendRequestMs`) passed: 504, or the client was reset.',
  'response-cut': 'The backend ended in the middle of its response; the client was reset.',
  'request-timeout': 'The client did not send its head or body in time: 408.',
  'body-too-large': 'The request body is larger than the limit: 413.',
  'expectation': 'The request asks for an expectation that is not 100-continue: 417.',
  'client-gone': 'The client closed before it had the whole response.',
  'client-stalled': 'The client took nothing of its response for too long; it was reset.',
  'drain-deadline': 'The release passed its drain deadline, or the worker its drain timeout.',
} as const satisfies Record<string, string> // biome-ignore format: one reason a line

export type FailureReason = keyof typeof failureReasons

/** What the release has to answer for; the others are the client's or ours. */
export const isFaultOfRelease: ReadonlySet<FailureReason> = new Set([
  'connect-failed', 'connect-timeout', 'upstream-reset', 'bad-response', 'response-timeout', 'response-cut',
  'route-timeout',
]) // biome-ignore format: a list

/** Beyond this the oldest releases that nothing uses are forgotten with the next table. */
export const releasesMax = 1_024

/** One release's counters; exchanges hold it from start to end. */
export interface ReleaseCount {
  readonly release: string
  inUse: number
  requests: number
  /** Answered with 5xx, or not whole. */
  errors: number
}

export interface Counts {
  /** Counters of a backend number in the served table. */
  of(backend: number): ReleaseCount
  /** Backend numbers mean something else from now on: a table was loaded. */
  renumber(): void
  begin(count: ReleaseCount): void
  end(count: ReleaseCount): void
  fail(reason: FailureReason): void
  connection(change: 1 | -1): void
  usage(): Usage
}

/** `onChange` is called with every change; it must be cheap. */
export function createCounts(releaseOf: (backend: number) => string, onChange: () => void): Counts {
  const byRelease = new Map<string, ReleaseCount>()
  const failures = new Map<FailureReason, number>()
  let byBackend: ReleaseCount[] = []
  let connections = 0

  const named = (release: string): ReleaseCount => {
    let count = byRelease.get(release)
    if (!count) {
      count = { release, inUse: 0, requests: 0, errors: 0 }
      byRelease.set(release, count)
    }
    return count
  }

  return {
    of: (backend) => (byBackend[backend] ??= named(releaseOf(backend))),
    renumber() {
      byBackend = []
      for (const [release, count] of byRelease) {
        if (byRelease.size <= releasesMax) break
        if (count.inUse === 0) byRelease.delete(release)
      }
    },
    begin(count) {
      count.inUse++
      count.requests++
      onChange()
    },
    end(count) {
      count.inUse--
      onChange()
    },
    fail(reason) {
      failures.set(reason, (failures.get(reason) ?? 0) + 1)
      onChange()
    },
    connection(change) {
      connections += change
      onChange()
    },
    usage() {
      const inUse: Record<string, number> = {}
      const requests: Record<string, number> = {}
      const errors: Record<string, number> = {}
      for (const count of byRelease.values()) {
        inUse[count.release] = count.inUse
        requests[count.release] = count.requests
        if (count.errors > 0) errors[count.release] = count.errors
      }
      return { inUse, requests, errors, failures: Object.fromEntries(failures), connections }
    },
  }
}

/**
 * What the load generator is asked to do and what it hands back: plain data that crosses a process
 * border. All times are milliseconds of the machine's monotonic clock (`monotonicMs`), which every
 * process on the machine shares, so that a sample can be laid beside the moment of a promote.
 */

export interface Target {
  readonly name: string
  readonly host: string
  readonly port: number
}

export interface RequestKind {
  readonly name: string
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly path: string
  /** Length of the request body; its digest is compared with the one in the answer. */
  readonly bodyBytes?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Relative share of the arrivals. */
  readonly weight: number
}

export interface LoadPlan {
  readonly targets: readonly Target[]
  /** The Host header. */
  readonly authority: string
  readonly kinds: readonly RequestKind[]
  readonly ratePerSecond: number
  /** Requests in flight; an arrival beyond it waits, and its latency counts from when it was due. */
  readonly concurrencyMax: number
  /** Share of the arrivals that open a connection of their own; the others reuse one. */
  readonly freshShare: number
  readonly timeoutMs: number
  readonly seed: number
  /** How many users ask, in turn by chance: `x-user-id: user-<n>`. Left out: nobody says who they are. */
  readonly users?: number
}

export const defaultKinds: readonly RequestKind[] = [
  { name: 'get', method: 'GET', path: '/', weight: 16 },
  { name: 'slow', method: 'GET', path: '/slow?ms=30&bytes=20000', weight: 2 },
  { name: 'upload', method: 'POST', path: '/upload', bodyBytes: 20_000, weight: 2 },
]

export const defaultPlan: Omit<LoadPlan, 'targets' | 'authority'> = {
  kinds: defaultKinds,
  ratePerSecond: 200,
  concurrencyMax: 256,
  freshShare: 0.2,
  timeoutMs: 10_000,
  seed: 1,
}

export const problems = {
  'not-sent': 'The arrival queue was full: the generator could not keep up with the answers.',
  'connect-failed': 'No connection could be opened.',
  closed: 'The connection ended before an answer began.',
  truncated: 'The connection ended within an answer.',
  timeout: 'No complete answer in time.',
  malformed: 'The answer is not well-formed HTTP/1.1.',
  status: 'The status is not 200.',
  'wrong-body':
    'Length or digest of a body differs from what was promised, or nothing was promised.',
  crossed: 'The answer belongs to another request, or does not say to which.',
  'extra-bytes': 'Bytes arrived that no request had asked for.',
} as const

export type Problem = keyof typeof problems

/** One request. `sentMs` is when its first byte was written; `intendedMs` when it was due. */
export interface Sample {
  readonly kind: string
  readonly target: string
  readonly fresh: boolean
  /** The number of the user who asked; null when the plan has none. */
  readonly user: number | null
  readonly intendedMs: number
  readonly sentMs: number
  readonly doneMs: number
  readonly status: number
  /** `x-version` of the answer; empty when there was none. */
  readonly version: string
  readonly problem: Problem | null
  readonly detail: string
}

export interface LoadResult {
  readonly startedMs: number
  readonly endedMs: number
  /** Connections that the other side ended though nobody had asked for it, between two requests. */
  readonly lost: number
  readonly samples: readonly Sample[]
}

export interface LoadCounts {
  readonly sent: number
  readonly done: number
  readonly failed: number
  readonly inFlight: number
  readonly byVersion: Readonly<Record<string, number>>
}

export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6

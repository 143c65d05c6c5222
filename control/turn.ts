/**
 * The one loop that changes anything (DESIGN D1): input → decide → append → evolve → publish → answer,
 * one at a time. Intents wait in a bounded queue; of an agent's waiting reports only the newest counts, and
 * all that wait are taken together, so that no storm of them can hold up an intent.
 */
import type { FleetAhead, PublisherPort } from './delivery/publisher-port.ts'
import type { Compile } from './domain/decide.ts'
import type { Fleet } from './domain/fleet.ts'
import type { Answer, Input } from './domain/input.ts'
import type { TurnRecord } from './domain/record.ts'
import type { State } from './domain/state.ts'
import type { Log } from './log/log.ts'

export interface TurnOptions {
  readonly log: Log
  readonly publisher: PublisherPort
  /** Wall clock, ms since 1970. */
  readonly now: () => number
  /** Monotonic clock, ms: the one that `receivedMs` of reports comes from. */
  readonly monotonicMs: () => number
  /** The runtime's one alarm: at this wall-clock time submit `{ kind: 'alarm' }`; null: none. */
  readonly setAlarm: (atMs: number | null) => void
  /** Told of every appended record. */
  readonly onRecord?: (record: TurnRecord) => void
  /** The log failed or another writer wrote: nothing is done any more, the process must end. */
  readonly onFatal: (error: unknown) => void
  readonly compile?: Compile
  readonly onTurn?: (kind: Input['kind'], ms: number) => void
}

export interface Turns {
  /** Replays the log, then publishes every cluster once. Throws when the log cannot be read. */
  start(): Promise<void>
  /** Rejects only when the turn loop has stopped. */
  submit(input: Input): Promise<Answer>
  state(): State
  fleet(): Fleet
  /** Set once the fleet was seen ahead of the log, until `recover`. */
  fleetAhead(): FleetAhead | null
  /** The publisher found a header or a report from ahead of the log. */
  reportFleetAhead(found: FleetAhead): void
  /** Resolves true once `predicate` holds after some turn; false after `timeoutMs` or an abort. */
  waitFor(
    predicate: (state: State, fleet: Fleet) => boolean,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<boolean>
  /** Finishes the turn under way; what waits is refused. */
  stop(): Promise<void>
}

export declare function createTurns(options: TurnOptions): Turns

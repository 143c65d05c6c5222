/**
 * From an input to what it changes: the record of the turn and the state after it, or a coded rejection.
 * Pure: the same state, fleet, input and time give the same bytes.
 */
import type { Rejection } from '#wire/codes.ts'
import type { Tree } from '#wire/tree.ts'
import type { Fleet } from './fleet.ts'
import type { Input } from './input.ts'
import type { TurnRecord } from './record.ts'
import type { State } from './state.ts'

export type Decision =
  /** Something happened, or an intent was accepted: append `record`, then go on with `state`. */
  | { readonly kind: 'record'; readonly record: TurnRecord; readonly state: State }
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  /** The idempotency key has its answer in the record at `position`. */
  | { readonly kind: 'repeated'; readonly position: number }
  /** A report or the alarm changed nothing. */
  | { readonly kind: 'nothing' }

export interface CompileFault {
  readonly code: 'route-conflict' | 'too-many-matches' | 'does-not-compile'
  /** Key of the object at fault. */
  readonly object: string
  readonly reason: string
}

/** Whether the agents' compiler takes a cluster's next snapshot (P5); null when it does. */
export type Compile = (cluster: string, after: Tree, before: Tree) => CompileFault | null

export declare function decide(
  state: State,
  fleet: Fleet,
  input: Input,
  now: number,
  compile?: Compile,
): Decision

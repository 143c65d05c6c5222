/**
 * What an operator may not expect of a change that would be accepted. Every warning is proven by the state
 * before, the state after and the newest reports; what cannot be proven is not said.
 */
import type { AskedAgent, Warning } from '#wire/dry-run.ts'
import { limits } from '#wire/limits.ts'
import type { TurnRecord } from '../record.ts'
import type { Fleet } from '../reports/fleet.ts'
import type { State } from '../state.ts'
import type { ObjectChange } from '../words/difference.ts'
import { fleetWarnings } from './fleet-warnings.ts'
import { routeWarnings } from './route-warnings.ts'

export interface Foreseen {
  readonly before: State
  readonly after: State
  readonly fleet: Fleet
  readonly record: TurnRecord
  /** By cluster, every object that changes. */
  readonly changes: ReadonlyMap<string, readonly ObjectChange[]>
  readonly agents: readonly AskedAgent[]
  readonly now: number
}

export function warningsOf(foreseen: Foreseen): Warning[] {
  const found = [...fleetWarnings(foreseen), ...routeWarnings(foreseen)]
  return found.slice(0, limits.dryRunWarnings)
}

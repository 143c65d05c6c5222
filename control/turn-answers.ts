/** What the turn loop itself answers, before or instead of a decision. */
import type { Rejection } from '#wire/codes.ts'
import type { Report } from '#wire/report.ts'
import type { FleetAhead } from './delivery/publisher-port.ts'
import type { Answer } from './domain/input.ts'
import type { State } from './domain/state.ts'

export const refused = (rejection: Rejection): Answer => ({ ok: false, rejection })

export const taken = (state: State): Answer => ({
  ok: true,
  status: 202,
  revision: state.position,
  body: null,
  repeated: false,
})

export const overloaded = (waitingMax: number): Rejection => ({
  code: 'overloaded',
  detail: `${waitingMax} intents are waiting already.`,
  fix: 'Try again in a moment, with the same Idempotency-Key.',
})

export const unknownAgent = ({ cluster, agent }: Report): Rejection => ({
  code: 'unknown-agent',
  detail: `No agent of ${cluster} is called "${agent}".`,
  fix: 'Let it enrol again.',
})

export const behind = ({ cluster, epoch, revision }: FleetAhead): Rejection => ({
  code: 'log-behind-fleet',
  detail: `${cluster} has seen epoch ${epoch.number}, revision ${revision}, which this log does not have.`,
  fix: 'If the log was restored from a backup on purpose: run `control recover`.',
  evidence: { cluster, epoch: epoch.number, revision },
})

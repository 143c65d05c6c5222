/**
 * From an input to what it changes: the record of the turn and the state after it, or a coded rejection.
 * Pure: the same state, fleet, input and time give the same bytes. What an intent asks comes first, then
 * every conclusion that may be drawn at once; both are one record.
 */
import type { Rejection } from '#wire/codes.ts'
import type { Tree } from '#wire/tree.ts'
import { decideApp } from './decide/app.ts'
import { contentFault } from './decide/content-fault.ts'
import { decideFleet } from './decide/fleet.ts'
import { decideFreeze } from './decide/freeze.ts'
import { decideIngress } from './decide/ingress.ts'
import { decideKeys } from './decide/keys.ts'
import { decideLink } from './decide/link.ts'
import { progress } from './decide/progress.ts'
import { type Asking, decideRelease } from './decide/release.ts'
import type { DomainEvent } from './event.ts'
import { evolve } from './evolve.ts'
import type { Input, Intent } from './input.ts'
import { everything, permitFault } from './permission.ts'
import { bodyDigestOf, type TurnRecord } from './record.ts'
import { dropReport, type Fleet } from './reports/fleet.ts'
import type { State } from './state.ts'
import { get } from './table.ts'
import { decideWebhook } from './webhooks.ts'

export type Decision =
  /** Something happened, or an intent was accepted: append `record`, then go on with `state`. */
  | { readonly kind: 'record'; readonly record: TurnRecord; readonly state: State }
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  /** The idempotency key has its answer in the record at `position`. */
  | { readonly kind: 'repeated'; readonly position: number }
  /** A report or the alarm changed nothing. */
  | { readonly kind: 'nothing' }

/** What an intent's own rules say: the events it asks for and how to answer once they are folded. */
export type Ruling =
  | {
      readonly events: readonly DomainEvent[]
      readonly status: number
      readonly body: (after: State, fleet: Fleet, now: number) => unknown
    }
  | { readonly rejection: Rejection }

export interface CompileFault {
  readonly code: 'route-conflict' | 'too-many-matches' | 'does-not-compile'
  /** Key of the object at fault. */
  readonly object: string
  readonly reason: string
}

/** Whether the agents' compiler takes a cluster's next snapshot (P5); null when it does. */
export type Compile = (cluster: string, after: Tree, before: Tree) => CompileFault | null

export function decide(
  state: State,
  fleet: Fleet,
  input: Input,
  now: number,
  compile: Compile = () => null,
): Decision {
  if (input.kind !== 'intent') {
    const actor = input.kind === 'report' ? 'fleet' : 'clock'
    const turn: Turn = { kind: input.kind, type: null, actor, idempotency: null, now, told: {} }
    const { record, after } = concluded(state, fleet, [], turn)
    return record.events.length > 0 ? { kind: 'record', record, state: after } : { kind: 'nothing' }
  }
  const { intent, actor, idempotencyKey, ifMatch } = input
  const bodyDigest = bodyDigestOf(intent)
  const foreign = permitFault(state, intent, input.permit ?? everything)
  if (idempotencyKey !== null) {
    const answered = get(state.answered, idempotencyKey)
    if (answered && answered.bodyDigest !== bodyDigest) return rejected(keyReused(idempotencyKey))
    // What was asked may be gone by now, such as the freeze that was lifted: its asker is not judged again.
    const mayKnow = answered?.actor === actor || !foreign
    if (answered && mayKnow) return { kind: 'repeated', position: answered.position }
  }
  if (foreign) return rejected(foreign.rejection)
  const asking = { actor, scopes: input.scopes ?? [], ifMatch }
  const ruling = rule(state, fleet, intent, asking, now)
  if ('rejection' in ruling) return rejected(ruling.rejection)
  const idempotency = idempotencyKey === null ? null : { key: idempotencyKey, bodyDigest }
  const { origin, reason } = input
  const told = { ...(origin && { origin }), ...(reason !== undefined && { reason }) }
  const turn: Turn = { kind: 'intent', type: intent.type, actor, idempotency, now, told }
  const { record, after, fleet: heard } = concluded(state, fleet, ruling.events, turn)
  const fault = contentFault(state, after, fleet, intent, compile)
  if (fault) return rejected(fault)
  const answer = { status: ruling.status, body: ruling.body(after, heard, now) }
  return { kind: 'record', record: { ...record, answer }, state: after }
}

function rule(state: State, fleet: Fleet, intent: Intent, asking: Asking, now: number): Ruling {
  switch (intent.type) {
    case 'put-app':
    case 'delete-app':
      return decideApp(state, intent, asking)
    case 'create-release':
    case 'promote-release':
    case 'abort-release':
    case 'pause-release':
    case 'resume-release':
    case 'approve-release':
    case 'rollback-release':
    case 'decommission-release':
      return decideRelease(state, fleet, intent, asking, now)
    case 'set-webhook':
    case 'remove-webhook':
      return decideWebhook(state, intent)
    case 'add-key':
    case 'activate-key':
    case 'retire-key':
      return decideKeys(state, fleet, intent)
    case 'issue-preview-link':
      return decideLink(state, intent, now)
    case 'put-ingress':
    case 'delete-ingress':
      return decideIngress(state, intent)
    case 'set-freeze':
    case 'lift-freeze':
      return decideFreeze(state, intent)
    default:
      return decideFleet(state, intent, now)
  }
}

interface Turn {
  readonly kind: Input['kind']
  readonly type: string | null
  readonly actor: string
  readonly idempotency: TurnRecord['idempotency']
  readonly told: Pick<TurnRecord, 'origin' | 'reason'>
  readonly now: number
}

/** More rounds than any chain of conclusions has: created, ready, proposed; left, deleted. */
const roundsMax = 16

/** The asked events and every conclusion that follows from them, folded as one record. */
function concluded(state: State, fleet: Fleet, asked: readonly DomainEvent[], turn: Turn) {
  const base = {
    v: 1,
    at: turn.now,
    position: state.position + 1,
    actor: turn.actor,
    ...turn.told,
    input: { kind: turn.kind, type: turn.type },
    idempotency: turn.idempotency,
    answer: null,
  } as const
  const heard = forgetting(fleet, asked)
  let events = [...asked]
  let after =
    events.length > 0 || turn.kind === 'intent' ? evolve(state, { ...base, events }) : state
  for (let round = 0; ; round++) {
    if (round === roundsMax) throw new Error('conclusions do not come to an end')
    const drawn = progress(after, heard, turn.now)
    if (drawn.length === 0) break
    events = [...events, ...drawn]
    after = evolve(state, { ...base, events })
  }
  const record: TurnRecord = { ...base, events }
  return { record, after, fleet: heard }
}

/** An agent that is forgotten has not reported; nor has one that enrols anew, perhaps on an empty disk. */
export const forgetting = (fleet: Fleet, events: readonly DomainEvent[]): Fleet =>
  events.reduce(
    (held, event) =>
      event.type === 'agent-forgotten' || event.type === 'agent-enrolled'
        ? dropReport(held, event)
        : held,
    fleet,
  )

const rejected = (rejection: Rejection): Decision => ({ kind: 'rejected', rejection })

const keyReused = (key: string): Rejection => ({
  code: 'idempotency-key-reused',
  detail: `The key "${key}" was used for another request.`,
  fix: 'Use a new key for a new request, and the same body for a repeated one.',
})

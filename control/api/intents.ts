/**
 * From an HTTP request to an intent and from its answer back: actor, `Idempotency-Key`, `If-Match` and
 * `?wait=active`. Shared by every operation that changes something.
 */
import { z } from 'zod'
import type { RejectionCode } from '#wire/codes.ts'
import type { DryRunView } from '#wire/dry-run.ts'
import { limits } from '#wire/limits.ts'
import * as names from '#wire/names.ts'
import type { Answer, Input, Intent, IntentInput, Origin } from '../domain/input.ts'
import { duration } from './duration.ts'
import type { Principal } from './operation.ts'
import { problem } from './problem.ts'
import { quoted } from './words.ts'

export const mutationHeaders = z.object({
  'idempotency-key': names.idempotencyKey.optional().meta({
    description:
      'Repeating a call with the same key and body gets the recorded answer and changes nothing.',
  }),
  'switchyard-reason': names.reason.optional().meta({
    description: 'Why: one line, kept in the log and shown by the audit.',
  }),
  'if-match': z
    .string()
    .max(256)
    .regex(/^"?[\x21\x23-\x7e]+"?$/, 'use an ETag that this API gave')
    .transform((etag) => (etag === '*' ? undefined : unquoted(etag)))
    .optional()
    .meta({ description: 'The ETag that was read; 412 when the state has changed since.' }),
})

export const waitQuery = z.strictObject({
  wait: z.literal('active').optional().meta({
    description: 'Answer once every agent that is asked serves the change.',
  }),
  timeout: duration(limits.waitTimeoutMs).optional().meta({
    description: 'With `wait`: `10s`, `500ms` or seconds; 30s when left out.',
  }),
})

export const mutationRejections = [
  'idempotency-key-reused',
  'state-changed',
  'log-behind-fleet',
  'overloaded',
  'wait-timeout',
] as const satisfies readonly RejectionCode[]

const waitDefaultMs = 30_000

/** What operations that change something need from the turn. */
export interface IntentTaker {
  submit(input: Input): Promise<Answer>
  /** What `submit` would do now, as the body of its answer; nothing is changed. */
  rehearse(input: IntentInput): Promise<Answer>
  /** What has become of an accepted intent; `pending` when the time ran out or `signal` aborted. */
  outcome(
    intent: Intent,
    revision: number,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<'active' | 'pending' | 'failed'>
}

export interface Asked {
  readonly principal: Principal
  readonly origin: Origin
  readonly headers: z.output<typeof mutationHeaders>
  readonly query?: z.output<typeof waitQuery>
  readonly request: Request
  readonly dryRun: boolean
}

export interface Finish {
  /** Adds what only this answer may hold, such as a new token. */
  readonly body?: (body: unknown, repeated: boolean) => unknown
  /** What is shown after a wait: the state as it has become, instead of the recorded answer. */
  readonly fresh?: (body: unknown) => unknown
}

export async function takeIntent(
  taker: IntentTaker,
  intent: Intent,
  asked: Asked,
  finish: Finish = {},
): Promise<Response> {
  const operator = asked.principal.kind === 'operator' ? asked.principal : null
  const reason = asked.headers['switchyard-reason'] ?? reasonOf(intent)
  const input = {
    kind: 'intent',
    intent,
    actor: actorOf(asked.principal),
    ...(operator && { scopes: operator.scopes, permit: operator.permit }),
    origin: asked.origin,
    ...(reason !== undefined && { reason }),
    idempotencyKey: asked.headers['idempotency-key'] ?? null,
    ifMatch: asked.headers['if-match'] ?? null,
  } as const
  if (asked.dryRun) return foreseen(await taker.rehearse(input), finish)
  const answer = await taker.submit(input)
  if (!answer.ok) return problem(answer.rejection)
  let body = (await finish.body?.(answer.body, answer.repeated)) ?? answer.body
  if (asked.query?.wait === 'active') {
    const timeoutMs = asked.query.timeout ?? waitDefaultMs
    const signal = asked.request.signal
    const outcome = await taker.outcome(intent, answer.revision, timeoutMs, signal)
    body = finish.fresh?.(body) ?? body
    if (outcome === 'pending') return problem(waitTimeout(answer.revision, timeoutMs, body))
    if (outcome === 'failed') return problem(switchAborted(answer.revision, body))
  }
  return Response.json(body, {
    status: answer.status,
    headers: {
      'switchyard-revision': String(answer.revision),
      ...(answer.repeated && { 'idempotent-replayed': 'true' }),
      ...etagHeader(body),
    },
  })
}

/** The answer of a dry run: what only the real answer may hold is left out, as in a repeated one. */
async function foreseen(answer: Answer, finish: Finish): Promise<Response> {
  if (!answer.ok) return problem(answer.rejection)
  const view = answer.body as DryRunView
  const body = (await finish.body?.(view.body, true)) ?? view.body
  return Response.json({ ...view, body }, { headers: { 'cache-control': 'no-store' } })
}

/** Where the intent itself says why. */
function reasonOf(intent: Intent): string | undefined {
  switch (intent.type) {
    case 'promote-release':
      return intent.override?.reason
    case 'pause-release':
    case 'approve-release':
      return intent.reason
    case 'set-freeze':
      return intent.body.reason
    default:
      return undefined
  }
}

const actorOf = (principal: Principal): string =>
  principal.kind === 'operator'
    ? principal.name
    : principal.kind === 'agent'
      ? `agent:${principal.agent}`
      : principal.kind

const waitTimeout = (revision: number, timeoutMs: number, accepted: unknown) =>
  ({
    code: 'wait-timeout',
    detail: `The change was accepted as revision ${revision}, but is not active after ${timeoutMs} ms.`,
    fix: `The change goes on and need not be sent again: follow \`/v1/events?after=${revision - 1}\`, or wait on by the same call with the same Idempotency-Key.`,
    evidence: { revision, accepted },
  }) as const

const switchAborted = (revision: number, accepted: unknown) =>
  ({
    code: 'switch-aborted',
    detail: `The change was accepted as revision ${revision}, but its switch was aborted: ${reasonIn(accepted)}`,
    fix: 'Mend what the reason names, then ask again under a new Idempotency-Key.',
    evidence: { revision, accepted },
  }) as const

const reasonIn = (release: unknown): string =>
  (release as { switch?: { reason?: string } } | null)?.switch?.reason ?? 'see the release.'

function unquoted(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1')
}

const etagHeader = (body: unknown): Record<string, string> => {
  const etag = (body as { etag?: unknown } | null)?.etag
  return typeof etag === 'string' ? { etag: quoted(etag) } : {}
}

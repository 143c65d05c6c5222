/**
 * From an HTTP request to an intent and from its answer back: actor, `Idempotency-Key`, `If-Match` and
 * `?wait=active`. Shared by every operation that changes something.
 */
import { z } from 'zod'
import type { RejectionCode } from '#wire/codes.ts'
import { limits } from '#wire/limits.ts'
import * as names from '#wire/names.ts'
import type { Answer, Input, Intent } from '../domain/input.ts'
import { duration } from './duration.ts'
import type { Principal } from './operation.ts'
import { problem } from './problem.ts'

export const mutationHeaders = z.object({
  'idempotency-key': names.idempotencyKey.optional().meta({
    description:
      'Repeating a call with the same key and body gets the recorded answer and changes nothing.',
  }),
  'if-match': z
    .string()
    .max(256)
    .regex(/^"?[\x21\x23-\x7e]+"?$/, 'use an ETag that this API gave')
    .transform(unquoted)
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
  /** True once the answered change is active; false when the time ran out or `signal` aborted. */
  waitActive(
    intent: Intent,
    answer: Answer,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<boolean>
}

export interface Asked {
  readonly principal: Principal
  readonly headers: z.output<typeof mutationHeaders>
  readonly query?: z.output<typeof waitQuery>
  readonly request: Request
}

export async function takeIntent(
  taker: IntentTaker,
  intent: Intent,
  asked: Asked,
  /** Adds what only this answer may hold, such as a new token. */
  finish: (body: unknown, repeated: boolean) => unknown = (body) => body,
): Promise<Response> {
  const answer = await taker.submit({
    kind: 'intent',
    intent,
    actor: actorOf(asked.principal),
    idempotencyKey: asked.headers['idempotency-key'] ?? null,
    ifMatch: asked.headers['if-match'] ?? null,
  })
  if (!answer.ok) return problem(answer.rejection)
  if (asked.query?.wait === 'active') {
    const timeoutMs = asked.query.timeout ?? waitDefaultMs
    const active = await taker.waitActive(intent, answer, timeoutMs, asked.request.signal)
    if (!active) return problem(waitTimeout(answer, timeoutMs))
  }
  return Response.json(finish(answer.body, answer.repeated), {
    status: answer.status,
    headers: {
      'switchyard-revision': String(answer.revision),
      ...(answer.repeated && { 'idempotent-replayed': 'true' }),
      ...etagHeader(answer.body),
    },
  })
}

const actorOf = (principal: Principal): string =>
  principal.kind === 'operator'
    ? principal.name
    : principal.kind === 'agent'
      ? `agent:${principal.agent}`
      : principal.kind

const waitTimeout = (answer: Answer & { ok: true }, timeoutMs: number) =>
  ({
    code: 'wait-timeout',
    detail: `The change was accepted as revision ${answer.revision}, but is not active after ${timeoutMs} ms.`,
    fix: 'Read the state; do not send the change again.',
    evidence: { revision: answer.revision, accepted: answer.body },
  }) as const

export const quoted = (etag: string): string => `"${etag}"`
function unquoted(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1')
}

const etagHeader = (body: unknown): Record<string, string> => {
  const etag = (body as { etag?: unknown } | null)?.etag
  return typeof etag === 'string' ? { etag: quoted(etag) } : {}
}

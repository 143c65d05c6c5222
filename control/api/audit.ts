/**
 * Who did what, when, from where and why: the records of the log, newest first. What was rejected changed
 * nothing and is not in the log; what agents reported is there as the conclusion that was drawn from it.
 */
import { z } from 'zod'
import * as names from '#wire/names.ts'
import { parseEvent } from '../domain/event.ts'
import { everything, isLimited, maySeeEvent, type Permit } from '../domain/permission.ts'
import { withoutSecrets } from '../domain/view/secret-fields.ts'
import { sentenceOf } from '../domain/words/sentence.ts'
import type { LogRecord } from '../log/log.ts'
import { instantOf, momentText, type PastReader, positionOf } from './moments.ts'
import type { Define, Principal } from './operation.ts'
import { problem } from './problem.ts'

const limitMax = 500
const limitDefault = 50

export const auditEntry = z
  .strictObject({
    revision: names.revision,
    atMs: z.int(),
    /** The same as an instant, in UTC. */
    at: z.string(),
    /** A token's name, `agent:<name>`, `operator`; `fleet` for reports and `clock` for time. */
    actor: z.string(),
    /** Where an intent came from; null: not known. */
    origin: z.looseObject({}).nullable(),
    /** What the caller gave as the reason. */
    reason: z.string().nullable(),
    /** The intent's type; null for conclusions from reports and time. */
    type: z.string().nullable(),
    /** HTTP status that the intent was answered with. */
    status: z.int().nullable(),
    /** What happened, one sentence an event. */
    words: z.array(z.string()),
    events: z.array(z.looseObject({ type: z.string() })),
  })
  .meta({ id: 'AuditEntry' })

const auditShown = z
  .strictObject({
    entries: z.array(auditEntry),
    /** For `cursor`; null: there is nothing further back. */
    next: z.string().nullable(),
  })
  .meta({ id: 'Audit' })

export function defineAudit(define: Define, reader: PastReader): void {
  const cursor = z
    .string()
    .regex(/^\d{1,15}$/, 'what `next` said')
    .transform(Number)
  define(
    {
      method: 'get',
      path: '/v1/audit',
      tag: 'events',
      summary: 'Who did what, when, from where and why; newest first',
      description:
        'Filters hold together. Rejected intents changed nothing and are not in the log.',
      access: 'read',
      about: ({ query }) => ({
        apps: query.app ? [String(query.app)] : null,
        clusters: query.cluster ? [String(query.cluster)] : null,
      }),
      query: z.strictObject({
        app: names.appName.optional(),
        release: names.releaseId.optional(),
        cluster: names.clusterName.optional(),
        actor: z.string().min(1).max(256).optional(),
        type: z
          .string()
          .regex(/^[a-z-]{1,64}$/, 'a type of intent or event, as "promote-release"')
          .optional()
          .meta({ description: 'Of the intent, or of one of the events.' }),
        from: momentText.optional().meta({ description: 'A revision or an instant: not older.' }),
        to: momentText.optional().meta({ description: 'A revision or an instant: not newer.' }),
        cursor: cursor.optional().meta({ description: '`next` of the page before.' }),
        limit: z
          .string()
          .regex(/^\d{1,3}$/, `1 to ${limitMax}`)
          .transform(Number)
          .refine((limit) => limit >= 1 && limit <= limitMax, `1 to ${limitMax}`)
          .default(limitDefault),
      }),
      answers: { 200: { description: 'The records.', schema: auditShown } },
      rejections: ['overloaded'],
    },
    async ({ query, principal }) => {
      const { from, to, cursor, limit, ...subjects } = query
      const first = from === undefined ? 1 : await firstSince(reader, from)
      if (first instanceof Response) return first
      const last = to === undefined ? reader.position() : await positionOf(reader, to, '?to')
      if (last instanceof Response) return last
      const looked = await reader.audit({
        subjects,
        from: first - 1,
        to: Math.min(last, cursor ?? last),
        limit,
      })
      if ('rejection' in looked) return problem(looked.rejection)
      const { records, next } = looked.found
      return Response.json({
        entries: records.map((record) => entryOf(record, permitOf(principal))),
        next: next === null ? null : String(next),
      })
    },
  )
}

/** The first record that is not older than a moment. */
async function firstSince(reader: PastReader, moment: number | string): Promise<number | Response> {
  if (typeof moment === 'number') return positionOf(reader, moment, '?from')
  const looked = await reader.positionAt(Date.parse(moment) - 1)
  if ('rejection' in looked) return problem(looked.rejection)
  return 'position' in looked.found ? looked.found.position + 1 : 1
}

const stored = z.looseObject({
  at: z.int(),
  actor: z.string(),
  input: z.looseObject({ type: z.string().nullable() }),
  answer: z.looseObject({ status: z.int() }).nullable(),
  events: z.array(z.looseObject({ type: z.string() })),
  origin: z.looseObject({}).nullish(),
  reason: z.string().nullish(),
})

export const permitOf = (principal: Principal): Permit =>
  principal.kind === 'operator' ? principal.permit : everything

/** A record may be about several apps: what was asked comes first, and what followed for others behind. */
export function entryOf(
  { position, text }: LogRecord,
  permit = everything,
): z.infer<typeof auditEntry> {
  const { at, actor, input, answer, events: all, ...told } = stored.parse(JSON.parse(text))
  const events = all.filter((event) => maySeeEvent(parseEvent(event), permit))
  const isTheirs = !isLimited(permit) || events[0] === all[0]
  const { origin, reason } = isTheirs ? told : {}
  return {
    revision: position,
    atMs: at,
    at: instantOf(at),
    actor,
    origin: origin ?? null,
    reason: reason ?? null,
    type: isTheirs ? input.type : null,
    status: answer?.status ?? null,
    words: events.map((event) => sentenceOf(parseEvent(event))),
    events: withoutSecrets(events),
  }
}

/**
 * One record of the log: everything that one turn changed, with who asked and what was answered. Its text
 * is canonical (RFC 8785), so the same history has the same bytes everywhere.
 */
import { z } from 'zod'
import { canonicalText, digestOf } from '#wire/digest.ts'
import * as names from '#wire/names.ts'
import { type DomainEvent, parseEvent } from './event.ts'
import type { Intent, Origin } from './input.ts'

export interface TurnRecord {
  readonly v: 1
  /** Wall clock of control, ms since 1970. */
  readonly at: number
  readonly position: number
  /** A token's name, `agent:<name>`, `operator`; `fleet` for reports and `clock` for the alarm. */
  readonly actor: string
  /** Of an intent: where it came from, and why it was asked. */
  readonly origin?: Origin | undefined
  readonly reason?: string | undefined
  readonly input: { readonly kind: 'intent' | 'report' | 'alarm'; readonly type: string | null }
  readonly idempotency: { readonly key: string; readonly bodyDigest: string } | null
  /** What the intent was answered; null for reports and the alarm. */
  readonly answer: { readonly status: number; readonly body: unknown } | null
  readonly events: readonly DomainEvent[]
}

const stored = z.strictObject({
  v: z.literal(1),
  at: z.int(),
  position: z.int().min(1),
  actor: z.string(),
  origin: z
    .strictObject({ address: z.string().nullable(), client: z.string().nullable() })
    .optional(),
  reason: z.string().optional(),
  input: z.strictObject({
    kind: z.enum(['intent', 'report', 'alarm']),
    type: z.string().nullable(),
  }),
  idempotency: z.strictObject({ key: z.string(), bodyDigest: names.digestHex }).nullable(),
  // JSON as all of the text: to look for that at every depth would take longer than all the rest.
  answer: z.strictObject({ status: z.int(), body: z.unknown() }).nullable(),
  events: z.array(z.unknown()),
})

export const recordText = (record: TurnRecord): string => canonicalText(record)

/** Throws when the text is not a record of this position, or of a later version. */
export function parseRecord(text: string, position: number): TurnRecord {
  const record = stored.parse(JSON.parse(text))
  if (record.position !== position) {
    throw new Error(`the record at position ${position} says that it is number ${record.position}`)
  }
  return { ...record, events: record.events.map((event) => parseEvent(event)) }
}

/** What must be equal when an idempotency key repeats; secrets made anew for each call do not count. */
export function bodyDigestOf(intent: Intent): string {
  const made: ReadonlySet<string> = new Set(['tokenHash', 'link', 'newKey', 'known'])
  return digestOf(Object.fromEntries(Object.entries(intent).filter(([name]) => !made.has(name))))
}

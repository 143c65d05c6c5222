/**
 * The intent behind a record. A switch is decided when its agents have prepared it, and the next step begins
 * when a pause is over: such a record is by `fleet` or `clock`. Who asked for it has proposed the switch, or
 * else was the last to move its release.
 */
import type { DomainEvent } from '../domain/event.ts'
import { parseRecord, type TurnRecord } from '../domain/record.ts'
import type { LogRecord } from '../log/log.ts'
import { auditPositions } from './audit.ts'
import type { Pause } from './pause.ts'
import type { Sql } from './sql.ts'

/** Intents that a release moves on by; a link to it, or a pause, is no cause of what it serves. */
const motions: ReadonlySet<string | null> = new Set([
  'create-release',
  'promote-release',
  'approve-release',
  'resume-release',
  'rollback-release',
  'abort-release',
])
const pageSize = 64

/** Null: nobody has asked for it, such as an agent that came back. */
export async function intentBehind(
  record: LogRecord,
  recordAt: (position: number) => Promise<LogRecord>,
  sql: Sql,
  pause: Pause,
): Promise<LogRecord | null> {
  const began = await beginningOf(record, recordAt)
  if (isIntent(read(began))) return began
  const release = read(began)
    .events.map(releaseOf)
    .find((one) => one !== null)
  if (!release) return null
  for (let to: number | null = began.position - 1; to !== null; ) {
    const page = await auditPositions(
      sql,
      { subjects: { release }, from: 0, to, limit: pageSize },
      pause,
    )
    for (const position of page.positions) {
      const candidate = await recordAt(position)
      if (motions.has(read(candidate).input.type)) return candidate
    }
    to = page.next
  }
  return null
}

/** The record that proposed the switch which this one carries on: a generation is the revision of it. */
async function beginningOf(
  record: LogRecord,
  recordAt: (position: number) => Promise<LogRecord>,
): Promise<LogRecord> {
  const parsed = read(record)
  if (isIntent(parsed)) return record
  const carriedOn = parsed.events.find((event) => event.type === 'commit-decided')
  return carriedOn ? recordAt(carriedOn.generation) : record
}

const read = ({ text, position }: LogRecord): TurnRecord => parseRecord(text, position)
const isIntent = ({ input }: TurnRecord): boolean => input.kind === 'intent'

/** Whose traffic an event moves. */
function releaseOf(event: DomainEvent): string | null {
  if (event.type === 'rollback-decided') return event.from
  return 'release' in event && typeof event.release === 'string' ? event.release : null
}

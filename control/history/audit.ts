/**
 * Which records an audit asks for. The rarest thing that is asked about is followed backwards through its
 * index, and the rest is checked for each; in stretches, so that a rare combination holds nobody up.
 */
import type { Pause } from './pause.ts'
import type { Sql } from './sql.ts'
import { type SubjectKind, subject, subjectKinds } from './subjects.ts'

export interface AuditFilter {
  readonly subjects: Readonly<Partial<Record<SubjectKind, string>>>
  /** Positions: after `from`, up to `to`. */
  readonly from: number
  readonly to: number
  readonly limit: number
}

const stretch = 16_384

/** Newest first; `next` is the position to go on from. */
export async function auditPositions(
  sql: Sql,
  { subjects, from, to, limit }: AuditFilter,
  pause: Pause,
): Promise<{ positions: number[]; next: number | null }> {
  const asked = subjectKinds.flatMap((kind) => {
    const name = subjects[kind]
    return name === undefined ? [] : [subject(kind, name)]
  })
  const [first, ...others] = asked
  const checked = others
    .map(
      () => 'AND EXISTS (SELECT 1 FROM subjects WHERE subject = ? AND position = found.position)',
    )
    .join(' ')
  const table = first === undefined ? 'records' : 'subjects'
  const select = `SELECT position FROM ${table} AS found
    WHERE ${first === undefined ? '' : 'subject = ? AND'} position > ? AND position <= ? ${checked}
    ORDER BY position DESC LIMIT ?`
  const positions: number[] = []
  let end = to
  while (end > from && positions.length <= limit) {
    const start = Math.max(from, end - stretch)
    const found = sql.all<{ position: number }>(
      select,
      ...(first === undefined ? [] : [first]),
      start,
      end,
      ...others,
      limit + 1 - positions.length,
    )
    positions.push(...found.map(({ position }) => position))
    end = start
    await pause()
  }
  const hasMore = positions.length > limit
  return { positions: positions.slice(0, limit), next: hasMore ? positions[limit - 1]! - 1 : null }
}

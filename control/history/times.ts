/**
 * From an instant to the revision that held then: the newest record whose time is not after it. Times are
 * control's wall clock, which may step back; a record that was made while it stood behind an earlier one
 * is marked late, and the others rise, so both are found by an index.
 */
import type { Sql } from './sql.ts'

/** Null: the instant is before every record. */
export function positionAt(sql: Sql, atMs: number): number | null {
  const [row] = sql.all<{ position: number | null }>(
    `SELECT max(position) AS position FROM (
       SELECT * FROM (SELECT position FROM records WHERE late = 0 AND at <= ?1
                      ORDER BY at DESC, position DESC LIMIT 1)
       UNION ALL
       SELECT max(position) FROM records WHERE late = 1 AND at <= ?1)`,
    atMs,
  )
  return row?.position ?? null
}

export const timeOf = (sql: Sql, position: number): number | null =>
  sql.all<{ at: number }>('SELECT at FROM records WHERE position = ?', position)[0]?.at ?? null

export const firstRecordMs = (sql: Sql): number | null => timeOf(sql, 1)

/**
 * The event log in a Durable Object's SQLite. The object is the one writer: the platform runs one instance
 * of it, and an append checks the expected head and inserts in one transaction. A resolved append is
 * durable, so nothing that depends on it can leave before.
 *
 *   id = position * 256 + part      a record beyond the platform's row size has several parts
 *
 * Old records may have been packed (`object-pages.ts`).
 */
import type { Log, LogRecord } from '../log/log.ts'
import { partsOf } from '../log/parts.ts'
import { platformLimits } from './limits.ts'
import { type Compacted, compact, createPages, isPacked, pageSchema } from './object-pages.ts'
import type { ObjectStorage } from './platform.ts'

const partsPerRecord = 256
/** UTF-16 units; each is at most three bytes of UTF-8. */
const partCharsMax = Math.floor((platformLimits.rowBytes * 0.8) / 3)

const schema = [
  `CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY CHECK (id >= ${partsPerRecord}), text TEXT NOT NULL) STRICT`,
  `CREATE TRIGGER IF NOT EXISTS log_never_change BEFORE UPDATE ON log
     BEGIN SELECT raise(ABORT, 'the log is append-only'); END`,
  ...pageSchema,
  // Of objects that were made before there were pages.
  'DROP TRIGGER IF EXISTS log_never_go',
  `CREATE TRIGGER IF NOT EXISTS log_goes_into_pages BEFORE DELETE ON log
     WHEN NOT ${isPacked(`OLD.id / ${partsPerRecord}`)}
     BEGIN SELECT raise(ABORT, 'the log is append-only'); END`,
] as const

interface Row {
  readonly id: number
  readonly text: string
}

export interface ObjectLog extends Log {
  /** Packs old records; some of them in each call. */
  compact(): Promise<Compacted>
}

export function openObjectLog(storage: ObjectStorage): ObjectLog {
  const { sql } = storage
  for (const statement of schema) sql.exec(statement)
  const pages = createPages(storage)

  const head = (): number => {
    const [row] = sql.exec<{ id: number | null }>('SELECT max(id) AS id FROM log').toArray()
    return positionOf(row?.id ?? 0)
  }
  async function read(position: number, limit: number): Promise<readonly LogRecord[]> {
    const from = (position + 1) * partsPerRecord
    const rows = sql
      .exec<Row>(
        'SELECT id, text FROM log WHERE id >= ? AND id < ? ORDER BY id',
        from,
        from + limit * partsPerRecord,
      )
      .toArray()
    const records = recordsOf(rows)
    const last = Math.min(position + limit, head())
    if (records.length >= last - position) return records
    // Rows that leave the log meanwhile were read: a record may come twice, and none is missed.
    const all = new Map(records.map((record) => [record.position, record]))
    for (const record of await pages.read(position, last)) all.set(record.position, record)
    return [...all.values()].sort((a, b) => a.position - b.position)
  }
  return {
    head: async () => head(),
    read,
    async append(expected, text) {
      const parts = partsOf(text, partCharsMax)
      if (parts.length > partsPerRecord) throw new Error(`a record of ${text.length} characters`)
      const isAppended = storage.transactionSync(() => {
        if (head() !== expected) return false
        const first = (expected + 1) * partsPerRecord
        for (const [n, part] of parts.entries()) {
          sql.exec('INSERT INTO log VALUES (?, ?)', first + n, part)
        }
        return true
      })
      if (!isAppended) return 'conflict'
      await storage.sync()
      return expected + 1
    },
    compact: () =>
      compact(storage, { head: async () => head(), read }, (position, count) => {
        const from = position * partsPerRecord
        sql.exec('DELETE FROM log WHERE id >= ? AND id < ?', from, from + count * partsPerRecord)
      }),
    async close() {},
  }
}

/** Also what a transfer that was cut has left. */
export function removeObjectLog({ sql }: ObjectStorage): void {
  sql.exec('DROP TABLE IF EXISTS log')
  sql.exec('DROP TABLE IF EXISTS log_pages')
}

const positionOf = (id: number) => Math.floor(id / partsPerRecord)

function recordsOf(rows: readonly Row[]): LogRecord[] {
  const records: { position: number; text: string }[] = []
  for (const { id, text } of rows) {
    const last = records.at(-1)
    if (last?.position === positionOf(id)) last.text += text
    else records.push({ position: positionOf(id), text })
  }
  return records
}

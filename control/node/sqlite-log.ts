/**
 * The event log in a SQLite file: write-ahead log and `synchronous=FULL`, so a resolved append has been
 * fsynced. The table is append-only (triggers refuse the rest). Appending is one statement that checks the
 * expected head and inserts: atomic without `BEGIN`, so the SQL also suits a Durable Object.
 */
import { DatabaseSync } from 'node:sqlite'
import type { Log, LogRecord } from '../log/log.ts'

/** "SwYd": tells a Switchyard log from any other SQLite file. */
const applicationId = 0x53775964
const schemaVersion = 1

const schema = `
  CREATE TABLE IF NOT EXISTS records (
    position INTEGER PRIMARY KEY CHECK (position > 0),
    text     TEXT NOT NULL
  ) STRICT;
  CREATE TRIGGER IF NOT EXISTS records_never_change BEFORE UPDATE ON records
    BEGIN SELECT raise(ABORT, 'the log is append-only'); END;
  CREATE TRIGGER IF NOT EXISTS records_never_go BEFORE DELETE ON records
    BEGIN SELECT raise(ABORT, 'the log is append-only'); END;
`

const headSql = 'SELECT coalesce(max(position), 0) AS head FROM records'
const appendSql = `INSERT INTO records (position, text) SELECT ?1 + 1, ?2 WHERE (${headSql}) = ?1`
const readSql = 'SELECT position, text FROM records WHERE position > ? ORDER BY position LIMIT ?'

/** Opens or creates the log. Throws when the file is another program's or of a later version. */
export function openSqliteLog(file: string): Log {
  const database = new DatabaseSync(file, { timeout: 5_000 })
  try {
    prepareDatabase(database, file)
  } catch (error) {
    database.close()
    throw error
  }
  const head = database.prepare(headSql)
  const append = database.prepare(appendSql)
  const read = database.prepare(readSql)
  return {
    async head() {
      return (head.get() as { head: number }).head
    },
    async append(expected, text) {
      const { changes } = append.run(expected, text)
      return changes === 1 ? expected + 1 : 'conflict'
    },
    async read(position, limit) {
      return read.all(position, limit) as unknown as LogRecord[]
    },
    async close() {
      if (database.isOpen) database.close()
    },
  }
}

function prepareDatabase(database: DatabaseSync, file: string): void {
  const pragma = (name: string) => Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  const found = { application: pragma('application_id'), version: Number(pragma('user_version')) }
  if (found.application !== 0 && found.application !== applicationId) {
    throw new Error(`${file} is a SQLite file, but not an event log of Switchyard`)
  }
  if (found.version > schemaVersion) {
    throw new Error(`${file} has version ${found.version}; this program knows ${schemaVersion}`)
  }
  database.exec(
    `BEGIN IMMEDIATE;
     PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion};
     ${schema} COMMIT`,
  )
}

/** A consistent copy of a log that may be in use, by this or another process. Throws when `to` exists. */
export function copySqliteLog(from: string, to: string): void {
  const database = new DatabaseSync(from, { readOnly: true, timeout: 5_000 })
  try {
    database.prepare('VACUUM INTO ?').run(to)
  } finally {
    database.close()
  }
}

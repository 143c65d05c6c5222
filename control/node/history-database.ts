/** The history's database in a SQLite file of its own, beside the log; a file that is no good is replaced. */
import { rmSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { HistoryDamaged, type Sql, schema, schemaVersion } from '../history/sql.ts'

/** `:memory:` keeps nothing. A damaged file, and one of another version, is deleted and made anew. */
export function openHistoryDatabase(file: string): Sql {
  try {
    return opened(file)
  } catch {
    deleteHistoryDatabase(file)
    return opened(file)
  }
}

export function deleteHistoryDatabase(file: string): void {
  if (file === ':memory:') return
  for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true })
}

function opened(file: string): Sql {
  const database = new DatabaseSync(file, { timeout: 5_000 })
  try {
    // Not FULL: what a power cut takes is made again from the log, and what is left is consistent.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
    const version = Object.values(database.prepare('PRAGMA user_version').get() ?? {})[0]
    if (version === 0) {
      database.exec(`BEGIN; ${schema.join(';')}; PRAGMA user_version = ${schemaVersion}; COMMIT`)
    } else if (version !== schemaVersion) throw new Error(`${file} has another version`)
  } catch (error) {
    database.close()
    throw error
  }
  const statements = new Map<string, StatementSync>()
  const prepared = (sql: string): StatementSync => {
    const held = statements.get(sql) ?? database.prepare(sql)
    statements.set(sql, held)
    return held
  }
  return {
    all<Row>(sql: string, ...values: readonly (string | number | null)[]) {
      try {
        return prepared(sql).all(...values) as Row[]
      } catch (cause) {
        throw new HistoryDamaged(cause instanceof Error ? cause.message : String(cause), { cause })
      }
    },
    transaction(work) {
      database.exec('BEGIN IMMEDIATE')
      try {
        work()
        database.exec('COMMIT')
      } catch (error) {
        if (database.isTransaction) database.exec('ROLLBACK')
        throw error
      }
    },
    close() {
      if (database.isOpen) database.close()
    },
  }
}

/** The history's tables beside the log's, in the same Durable Object; made anew when they are no good. */
import { HistoryDamaged, type Sql, schema, schemaVersion } from '../history/sql.ts'
import type { ObjectStorage } from './platform.ts'

const tables = schema.flatMap((statement) => /^CREATE TABLE (\w+)/.exec(statement)?.[1] ?? [])

export function openObjectHistory(storage: ObjectStorage): Sql {
  const { sql } = storage
  // A Durable Object has no `PRAGMA user_version`.
  sql.exec('CREATE TABLE IF NOT EXISTS history_version (version INTEGER PRIMARY KEY) STRICT')
  const [held] = sql.exec<{ version: number }>('SELECT version FROM history_version').toArray()
  if (held?.version !== schemaVersion) {
    removeObjectHistory(storage)
    storage.transactionSync(() => {
      for (const statement of schema) sql.exec(statement)
      sql.exec('INSERT INTO history_version VALUES (?)', schemaVersion)
    })
  }
  return {
    all<Row>(statement: string, ...values: readonly (string | number | null)[]) {
      try {
        return sql.exec<Row>(statement, ...values).toArray()
      } catch (cause) {
        throw new HistoryDamaged(cause instanceof Error ? cause.message : String(cause), { cause })
      }
    },
    transaction: (work) => storage.transactionSync(work),
    close() {},
  }
}

export function removeObjectHistory(storage: ObjectStorage): void {
  storage.transactionSync(() => {
    for (const table of tables) storage.sql.exec(`DROP TABLE IF EXISTS ${table}`)
    storage.sql.exec('DELETE FROM history_version')
  })
}

/**
 * The object's storage, counted as the platform bills it: rows that statements read and write, and one row
 * for each alarm that is set (https://developers.cloudflare.com/durable-objects/platform/pricing/, 2026-11).
 */
import type { ObjectCursor, ObjectStorage } from './platform.ts'

export interface Metered {
  readonly storage: ObjectStorage
  /** Since the last time it was asked. */
  take(): { readonly rowsRead: number; readonly rowsWritten: number }
}

export function metered(storage: ObjectStorage): Metered {
  let rowsRead = 0
  let rowsWritten = 0

  function count<Row>(cursor: ObjectCursor<Row>): ObjectCursor<Row> {
    let [read, written] = [0, 0]
    const note = () => {
      rowsRead += cursor.rowsRead - read
      rowsWritten += cursor.rowsWritten - written
      read = cursor.rowsRead
      written = cursor.rowsWritten
    }
    note()
    return {
      toArray() {
        const rows = cursor.toArray()
        note()
        return rows
      },
      get rowsRead() {
        return cursor.rowsRead
      },
      get rowsWritten() {
        return cursor.rowsWritten
      },
    }
  }

  return {
    storage: {
      sql: {
        exec: (statement, ...values) => count(storage.sql.exec(statement, ...values)),
        get databaseSize() {
          return storage.sql.databaseSize
        },
      },
      transactionSync: (work) => storage.transactionSync(work),
      sync: () => storage.sync(),
      setAlarm(atMs) {
        rowsWritten++
        return storage.setAlarm(atMs)
      },
      getAlarm: () => storage.getAlarm(),
      deleteAlarm: () => storage.deleteAlarm(),
    },
    take() {
      const taken = { rowsRead, rowsWritten }
      rowsRead = 0
      rowsWritten = 0
      return taken
    },
  }
}

/** The texts beside the log, and a few notes, in tables of the Durable Object. */
import type { Store } from '../trust/store.ts'
import { storedNames } from '../trust/store.ts'
import type { CursorPlace } from '../webhooks/cursors.ts'
import type { ObjectStorage } from './platform.ts'

export interface ObjectTexts extends Store {
  all(): Readonly<Record<string, string>>
  cursors: CursorPlace
}

export function openObjectTexts({ sql }: ObjectStorage): ObjectTexts {
  sql.exec(
    'CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID, STRICT',
  )
  const read = (name: string): string | null =>
    sql.exec<{ text: string }>('SELECT text FROM kept WHERE name = ?', name).toArray()[0]?.text ??
    null
  /** Nothing leaves the object before it is durable: the platform holds back every answer until then. */
  const write = (name: string, text: string): void => {
    sql.exec('INSERT OR REPLACE INTO kept VALUES (?, ?)', name, text)
  }
  return {
    read,
    write,
    remove: (name) => void sql.exec('DELETE FROM kept WHERE name = ?', name),
    all: () =>
      Object.fromEntries(
        sql
          .exec<{ name: string; text: string }>('SELECT name, text FROM kept ORDER BY name')
          .toArray()
          .map(({ name, text }) => [name, text]),
      ),
    cursors: {
      read: () => read(storedNames.webhookCursors),
      write: async (text) => write(storedNames.webhookCursors, text),
    },
  }
}

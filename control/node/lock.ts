/**
 * One writer for a state folder: an exclusive SQLite lock on a file of its own, held while the process
 * lives. The kernel drops it when the process dies, however it dies, so there is no stale lock to remove;
 * the log itself stays readable for `backup`.
 */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

export class FolderInUse extends Error {
  override readonly name = 'FolderInUse'
}

export interface Lock {
  release(): void
}

/** Throws `FolderInUse` at once when another process (or this one) holds the folder. */
export function lockFolder(folder: string): Lock {
  const database = new DatabaseSync(join(folder, 'control.lock'), { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    if (!isBusy(cause)) throw cause
    throw new FolderInUse(`another control works on ${folder}; stop it first`, { cause })
  }
  return { release: () => database.isOpen && database.close() }
}

/** SQLITE_BUSY, https://www.sqlite.org/rescode.html#busy */
const isBusy = (error: unknown) => (error as { errcode?: number }).errcode === 5

/**
 * A backup is one SQLite file of mode 0600: a consistent copy of the log, taken while control may be
 * writing, and beside it the secrets of the state folder (keys and tokens). A restored log does not know
 * that it is old: control finds out from the fleet and asks for `recover` (DESIGN D3).
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { StateFolder } from './folder.ts'
import { stateFiles } from './folder.ts'
import { copySqliteLog, openSqliteLog } from './sqlite-log.ts'

export const isSecret = (name: string) =>
  name === stateFiles.keys || /^[a-z0-9-]+\.(token|secret)$/.test(name)

/** Throws when `to` exists, and leaves nothing half-written under that name. */
export function writeBackup(folder: StateFolder, to: string): void {
  if (existsSync(to)) throw new Error(`${to} exists already; a backup never overwrites`)
  if (!existsSync(folder.file(stateFiles.log))) throw new Error(`${folder.path} has no log`)
  const temporary = `${to}.tmp`
  rmSync(temporary, { force: true })
  copySqliteLog(folder.file(stateFiles.log), temporary)
  chmodSync(temporary, 0o600)
  const backup = new DatabaseSync(temporary)
  try {
    backup.exec('CREATE TABLE secrets (name TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT')
    const insert = backup.prepare('INSERT INTO secrets VALUES (?, ?)')
    for (const name of readdirSync(folder.path).filter(isSecret)) {
      insert.run(name, folder.read(name)!)
    }
  } finally {
    backup.close()
  }
  syncFile(temporary)
  renameSync(temporary, to)
}

/** Fills a state folder without a log from a backup; the log comes last, so a cut restore is repeated. */
export async function restoreBackup(from: string, folder: StateFolder): Promise<void> {
  const log = folder.file(stateFiles.log)
  if (!existsSync(from)) throw new Error(`${from} does not exist`)
  if (existsSync(log))
    throw new Error(`${folder.path} has a log already; restore into an empty folder`)
  await openSqliteLog(from).close()
  const backup = new DatabaseSync(from, { readOnly: true })
  const rows = backup.prepare('SELECT name, text FROM secrets').all() as {
    name: string
    text: string
  }[]
  backup.close()
  for (const { name, text } of rows.filter((row) => isSecret(row.name))) folder.write(name, text)
  const temporary = `${log}.tmp`
  rmSync(temporary, { force: true })
  copySqliteLog(from, temporary)
  const copy = new DatabaseSync(temporary)
  copy.exec('DROP TABLE secrets')
  copy.close()
  syncFile(temporary)
  renameSync(temporary, log)
}

function syncFile(file: string): void {
  const descriptor = openSync(file, 'r+')
  fsyncSync(descriptor)
  closeSync(descriptor)
}

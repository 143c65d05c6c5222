/** A state folder with a year in its log, made once and kept in the folder for temporary files. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sha256Hex } from '#wire/sha256.ts'
import { openStateFolder, type StateFolder, stateFiles } from '../../control/node/folder.ts'
import { openSqliteLog } from '../../control/node/sqlite-log.ts'
import { makeKeys } from '../../control/trust/keys.ts'
import { makeToken } from '../../control/trust/tokens.ts'
import { makeYear, type Year } from './year.ts'

export type Plan = Omit<Year, 'adminTokenHash'>

/** `madeMs` is null when it was there already. */
export async function folderOf(
  plan: Plan,
): Promise<{ folder: StateFolder; madeMs: number | null }> {
  const maker = sha256Hex(readFileSync(join(import.meta.dirname, 'year.ts'))).slice(0, 12)
  const name = `switchyard-history-${plan.releases}-${plan.apps}-${maker}`
  const path = join(tmpdir(), name)
  if (existsSync(path)) return { folder: openStateFolder(path), madeMs: null }
  const startedMs = performance.now()
  const half = `${path}.half`
  rmSync(half, { recursive: true, force: true })
  mkdirSync(half)
  const folder = openStateFolder(half)
  const { token, tokenHash } = makeToken('admin')
  folder.write(stateFiles.adminToken, `${token}\n`)
  folder.writeKeys(await makeKeys())
  await openSqliteLog(folder.file(stateFiles.log)).close()
  const database = new DatabaseSync(folder.file(stateFiles.log))
  database.exec('PRAGMA synchronous = OFF; BEGIN')
  const insert = database.prepare('INSERT INTO records (position, text) VALUES (?, ?)')
  let position = 0
  makeYear({ ...plan, adminTokenHash: tokenHash }, (text) => {
    insert.run(++position, text)
  })
  database.exec('COMMIT')
  database.close()
  renameSync(half, path)
  return { folder: openStateFolder(path), madeMs: performance.now() - startedMs }
}

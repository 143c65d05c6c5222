/** A state folder as a transfer: its log and its secrets, as lines that a Durable Object takes. */
import { existsSync, readdirSync, renameSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { transferLines } from '../transfer.ts'
import { isSecret } from './backup.ts'
import { type StateFolder, stateFiles } from './folder.ts'
import { openSqliteLog } from './sqlite-log.ts'

export async function* transferOf(folder: StateFolder): AsyncGenerator<Uint8Array> {
  const log = openSqliteLog(folder.file(stateFiles.log))
  const encoder = new TextEncoder()
  try {
    const names = readdirSync(folder.path).filter(isSecret).sort()
    const texts = Object.fromEntries(names.map((name) => [name, folder.read(name)!]))
    for await (const line of transferLines(log, texts)) yield encoder.encode(line)
  } finally {
    await log.close()
  }
}

/** Throws when `to` exists, and leaves nothing half-written under that name. */
export async function writeTransfer(folder: StateFolder, to: string): Promise<void> {
  if (existsSync(to)) throw new Error(`${to} exists already; an export never overwrites`)
  if (!existsSync(folder.file(stateFiles.log))) throw new Error(`${folder.path} has no log`)
  const temporary = `${to}.tmp`
  await rm(temporary, { force: true })
  await writeFile(temporary, transferOf(folder), { mode: 0o600, flush: true })
  renameSync(temporary, to)
}

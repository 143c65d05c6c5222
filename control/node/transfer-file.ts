/** A state folder as a transfer, and out of one: its log and its secrets, as lines. */
import { createReadStream, existsSync, readdirSync, renameSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { fleetEpoch } from '../fleet-epoch.ts'
import { raiseEpoch, withQuietTurns } from '../quiet-turns.ts'
import { linesOf, readTransfer, transferLines } from '../transfer.ts'
import { isSecret } from './backup.ts'
import type { CommandOptions } from './commands.ts'
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

export interface Imported {
  readonly records: number
  readonly epochNumber: number
}

/**
 * Fills a state folder without a log. The log goes on under a higher epoch, so that what it was taken from
 * is not believed any more; it comes last and whole, so an import that was cut is repeated. Throws
 * `NotTransferred` for what was cut or changed.
 */
export async function importTransfer(
  from: string,
  { folder, wrapLog, ...clocks }: CommandOptions,
): Promise<Imported> {
  const file = folder.file(stateFiles.log)
  if (!existsSync(from)) throw new Error(`${from} does not exist`)
  if (existsSync(file)) throw new Error(`${folder.path} has a log; import into an empty folder`)
  const temporary = `${file}.tmp`
  for (const end of ['', '-wal', '-shm']) await rm(temporary + end, { force: true })
  const log = wrapLog(openSqliteLog(temporary))
  try {
    const { records, texts } = await readTransfer(
      linesOf(createReadStream(from)),
      async (record) => {
        await log.append(record.position - 1, record.text)
      },
    )
    for (const [name, text] of Object.entries(texts)) if (isSecret(name)) folder.write(name, text)
    const epochNumber = await withQuietTurns({ log, ...clocks }, (turns) =>
      raiseEpoch(turns, fleetEpoch(folder)),
    )
    if (epochNumber === null) throw new Error(`${from} holds a log that was never initialised`)
    await log.close()
    renameSync(temporary, file)
    return { records, epochNumber }
  } finally {
    await log.close()
  }
}

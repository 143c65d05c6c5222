import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { logCases } from '../log/log.cases.ts'
import { FolderInUse, lockFolder } from './lock.ts'
import { copySqliteLog, openSqliteLog } from './sqlite-log.ts'

const newFolder = () => mkdtempSync(join(tmpdir(), 'switchyard-log-'))

logCases('SQLite', async () => {
  const folder = newFolder()
  return {
    open: async () => openSqliteLog(join(folder, 'log.sqlite')),
    cleanUp: async () => rmSync(folder, { recursive: true }),
  }
})

describe('the SQLite log', () => {
  let folder: string
  beforeEach(() => {
    folder = newFolder()
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('keeps a write-ahead log, so that a backup can read while it writes', () => {
    const file = join(folder, 'log.sqlite')
    const log = openSqliteLog(file)
    const database = new DatabaseSync(file)
    expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
    database.close()
    return log.close()
  })

  it('refuses to change or delete a record, even to somebody with the file', async () => {
    const file = join(folder, 'log.sqlite')
    const log = openSqliteLog(file)
    await log.append(0, '"kept"')
    const database = new DatabaseSync(file)
    expect(() => database.exec("UPDATE records SET text = 'x'")).toThrow('append-only')
    expect(() => database.exec('DELETE FROM records')).toThrow('append-only')
    database.close()
    expect(await log.read(0, 1)).toEqual([{ position: 1, text: '"kept"' }])
    await log.close()
  })

  it("refuses another program's file, a later version and garbage, and leaves them as they are", () => {
    const foreign = join(folder, 'foreign.sqlite')
    const database = new DatabaseSync(foreign)
    database.exec('PRAGMA application_id = 42; CREATE TABLE theirs (a)')
    database.close()
    expect(() => openSqliteLog(foreign)).toThrow('not an event log')

    const later = join(folder, 'later.sqlite')
    void openSqliteLog(later).close()
    const raised = new DatabaseSync(later)
    raised.exec('PRAGMA user_version = 2')
    raised.close()
    expect(() => openSqliteLog(later)).toThrow('has version 2')

    const garbage = join(folder, 'garbage.sqlite')
    writeFileSync(garbage, 'no database at all, but long enough to be one'.repeat(100))
    expect(() => openSqliteLog(garbage)).toThrow('not a database')
    expect(readFileSync(garbage, 'utf8')).toMatch(/^no database/)
  })

  it('is copied whole while it is written', async () => {
    const log = openSqliteLog(join(folder, 'log.sqlite'))
    for (let i = 0; i < 50; i++) await log.append(i, `${i}`)
    copySqliteLog(join(folder, 'log.sqlite'), join(folder, 'copy.sqlite'))
    await log.append(50, '"later"')
    const copy = openSqliteLog(join(folder, 'copy.sqlite'))
    expect(await copy.read(0, 100)).toEqual(await log.read(0, 50))
    expect(await copy.append(50, '"another history"')).toBe(51)
    expect(() => copySqliteLog(join(folder, 'log.sqlite'), join(folder, 'copy.sqlite'))).toThrow()
    await Promise.all([log.close(), copy.close()])
  })
})

describe('the lock on a state folder', () => {
  let folder: string
  beforeEach(() => {
    folder = newFolder()
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('admits one holder, and the next after a release', () => {
    const first = lockFolder(folder)
    expect(() => lockFolder(folder)).toThrow(FolderInUse)
    first.release()
    lockFolder(folder).release()
  })

  it('dies with a process that is killed with -9', async () => {
    const lockFile = new URL('./lock.ts', import.meta.url).href
    const script = `import { lockFolder } from ${JSON.stringify(lockFile)}
      globalThis.held = lockFolder(${JSON.stringify(folder)})
      console.log('locked'); setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script])
    await new Promise((resolve, reject) => {
      child.stdout.once('data', resolve)
      child.once('exit', reject)
    })
    expect(() => lockFolder(folder)).toThrow(FolderInUse)
    const gone = new Promise((resolve) => child.removeAllListeners().once('exit', resolve))
    child.kill('SIGKILL')
    await gone
    lockFolder(folder).release()
    expect(statSync(join(folder, 'control.lock')).isFile()).toBe(true)
  })
})

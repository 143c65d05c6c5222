import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadKeys, makeKeys } from '../trust/keys.ts'
import { restoreBackup, writeBackup } from './backup.ts'
import { openStateFolder, type StateFolder, stateFiles } from './folder.ts'
import { openSqliteLog } from './sqlite-log.ts'

describe('a backup', () => {
  let root: string
  let folder: StateFolder
  const backupFile = () => join(root, 'backup.sqlite')
  const openLog = (of: StateFolder) => openSqliteLog(of.file(stateFiles.log))

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'switchyard-backup-'))
    folder = openStateFolder(join(root, 'state'))
  })
  afterEach(() => rmSync(root, { recursive: true }))

  it('holds the log and the secrets, taken while control writes, and restores both', async () => {
    const keys = await makeKeys()
    folder.writeKeys(keys)
    folder.write('admin.token', 'swy_admin_x\n')
    folder.write('enrol-eu-1.token', 'swy_enrol_x\n')
    folder.write('webhook-chat.secret', '{}\n')
    folder.write('webhook-cursors.json', '{}\n')
    const log = openLog(folder)
    for (let i = 0; i < 20; i++) await log.append(i, `${i}`)
    writeBackup(folder, backupFile())
    await log.append(20, '"after the backup"')
    expect(statSync(backupFile()).mode & 0o777).toBe(0o600)

    const restored = openStateFolder(join(root, 'restored'))
    await restoreBackup(backupFile(), restored)
    expect(restored.readKeys()).toEqual(keys)
    expect(restored.read('enrol-eu-1.token')).toBe('swy_enrol_x\n')
    expect(restored.read('webhook-chat.secret')).toBe('{}\n')
    expect(restored.read('webhook-cursors.json'), 'messages are repeated').toBeNull()
    const copy = openLog(restored)
    expect(await copy.read(0, 100)).toEqual(await log.read(0, 20))
    expect(await copy.append(20, '"another history"')).toBe(21)
    await Promise.all([log.close(), copy.close()])
    await loadKeys(keys)
  })

  it('never overwrites, and never restores over a log', async () => {
    const log = openLog(folder)
    await log.append(0, '"kept"')
    await log.close()
    writeBackup(folder, backupFile())
    expect(() => writeBackup(folder, backupFile())).toThrow('never overwrites')
    await expect(restoreBackup(backupFile(), folder)).rejects.toThrow('has a log already')
    await expect(restoreBackup(join(root, 'no'), folder)).rejects.toThrow('does not exist')
  })

  it('restores nothing from a file that is no backup', async () => {
    writeFileSync(backupFile(), 'not a database, only some text '.repeat(200))
    const restored = openStateFolder(join(root, 'restored'))
    await expect(restoreBackup(backupFile(), restored)).rejects.toThrow()
    expect(readdirSync(restored.path)).toEqual([])
    expect(() => writeBackup(restored, join(root, 'other'))).toThrow('has no log')
  })
})

describe('the state folder', () => {
  let root: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'switchyard-folder-'))
  })
  afterEach(() => rmSync(root, { recursive: true }))

  it('keeps secrets to its owner, whole, and without leftovers', () => {
    const steps: string[] = []
    const folder = openStateFolder(join(root, 'state'), (step) => steps.push(step))
    folder.write('admin.token', 'one\n')
    folder.write('admin.token', 'two\n')
    expect(readFileSync(folder.file('admin.token'), 'utf8')).toBe('two\n')
    expect(statSync(folder.file('admin.token')).mode & 0o777).toBe(0o600)
    expect(statSync(folder.path).mode & 0o777).toBe(0o700)
    expect(readdirSync(folder.path)).toEqual(['admin.token'])
    expect(steps.slice(0, 3)).toEqual(['file-written', 'file-renamed', 'file-synced'])
  })

  it('names a damaged key file instead of making new keys', () => {
    const folder = openStateFolder(root)
    expect(folder.readKeys()).toBeNull()
    folder.write('keys.json', '{"version":1,"keys":[]}')
    expect(() => folder.readKeys()).toThrow('is damaged')
  })
})

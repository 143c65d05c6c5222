/** A transfer into a state folder: whole or not at all, and then under a higher epoch. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ControlUnderTest, shop, startControl } from '../control-under-test.ts'
import { NotTransferred } from '../transfer.ts'
import { openStateFolder, type StateFolder, stateFiles } from './folder.ts'
import { serveFolder } from './served-folder.fixture.ts'
import { importTransfer, writeTransfer } from './transfer-file.ts'

const main = resolve(import.meta.dirname, '../main.ts')

describe('a transfer into a state folder', () => {
  let control: ControlUnderTest
  let file: string
  let folder: StateFolder
  const inRoot = (name: string) => join(control.folder.path, '..', name)
  const options = () => ({
    folder,
    now: Date.now,
    monotonicMs: () => performance.now(),
    wrapLog: <Log>(log: Log) => log,
  })
  beforeEach(async () => {
    control = await startControl()
    for (const app of ['cart', 'search']) {
      await control.call('PUT', `/v1/apps/${app}`, { body: { ...shop, hosts: [`${app}.example`] } })
    }
    file = inRoot('fleet.transfer')
    await writeTransfer(control.folder, file)
    folder = openStateFolder(inRoot('other'))
  })
  afterEach(() => control.stop())

  it('gives the same objects and digests, under a higher epoch', async () => {
    const { records, epochNumber } = await importTransfer(file, options())
    expect([records, epochNumber]).toEqual([control.head(), 2])
    expect(folder.readKeys()).toEqual(control.folder.readKeys())
    expect(statSync(folder.file(stateFiles.keys)).mode & 0o777).toBe(0o600)
    const other = await serveFolder(folder, control.adminToken)
    try {
      for (const cluster of ['eu-1', 'us-1']) {
        const path = `/v1/clusters/${cluster}/snapshot`
        const before = (await control.call('GET', path)).body
        const after = await other.get<typeof before>(path)
        expect(after.objects).toEqual(before.objects)
        expect(after.digest).toBe(before.digest)
        expect(after.epoch).toMatchObject({ number: 2 })
      }
    } finally {
      await other.stop()
    }
    await expect(importTransfer(file, options())).rejects.toThrow('has a log')
  })

  it('that was cut, changed or is something else leaves no log', async () => {
    const text = readFileSync(file, 'utf8')
    const half = text.slice(0, text.length / 2)
    const broken = inRoot('broken.transfer')
    for (const wrong of [half, text.replace('search', 'surche'), '', '{}\n', `${half}\n`]) {
      writeFileSync(broken, wrong)
      await expect(importTransfer(broken, options())).rejects.toThrow(NotTransferred)
      expect(existsSync(folder.file(stateFiles.log))).toBe(false)
    }
    await importTransfer(file, options())
  })

  it('that control was killed in, at any record, is taken again from its beginning', {
    timeout: 90_000,
  }, async () => {
    const run = (crashAt: string) =>
      spawnSync(process.execPath, [main, 'import', '--state', folder.path, file], {
        env: { ...process.env, SWITCHYARD_CRASH_AT: crashAt },
        encoding: 'utf8',
      })
    for (const crashAt of ['appended:2', 'file-renamed:1', `appended:${control.head() + 1}`]) {
      expect(run(crashAt).signal, crashAt).toBe('SIGKILL')
      expect(existsSync(folder.file(stateFiles.log)), crashAt).toBe(false)
    }
    const { status, stdout, stderr } = run('')
    expect([status, stdout, stderr]).toEqual([0, expect.stringContaining('epoch 2 has begun'), ''])
  })
})

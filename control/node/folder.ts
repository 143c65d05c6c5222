/**
 * Control's state folder: the log, the signing keys, and the tokens that `init` made. Secrets are files
 * of mode 0600 that appear whole or not at all (temporary file, fsync, rename, fsync of the folder).
 *
 *   log.sqlite            the truth
 *   history.sqlite        made from the log, for quick starts and for looking back; may be deleted
 *   control.lock          held by the one process that works here
 *   keys.json       0600  signing key and spare
 *   admin.token     0600  may be moved away once read
 *   enrol-<c>.token 0600  lets agents of cluster <c> join
 *   webhook-<n>.secret 0600  address and secret of webhook <n>
 *   webhook-cursors.json  how far each webhook has been told; may be lost
 *   fleet-epoch.json      highest epoch an agent was seen with, when it was ahead of the log
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { type StoredKeys, storedKeys } from '../trust/keys.ts'
import { type Store, storedNames } from '../trust/store.ts'

export const stateFiles = {
  log: 'log.sqlite',
  history: 'history.sqlite',
  ...storedNames,
} as const

/** Every text is a file of mode 0600. */
export interface StateFolder extends Store {
  readonly path: string
  file(name: string): string
  /** Null before `init`. Throws when the file is damaged. */
  readKeys(): StoredKeys | null
  writeKeys(keys: StoredKeys): void
}

/** `onStep` sees each step of a write; tests crash there. */
export function openStateFolder(
  path: string,
  onStep: (step: string) => void = () => {},
): StateFolder {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const file = (name: string) => join(path, name)
  const read = (name: string) => (existsSync(file(name)) ? readFileSync(file(name), 'utf8') : null)
  const write = (name: string, text: string) => writeWhole(file(name), text, onStep)
  return {
    path,
    file,
    read,
    write,
    remove: (name) => rmSync(file(name), { force: true }),
    readKeys() {
      const text = read(stateFiles.keys)
      if (text === null) return null
      try {
        return storedKeys.parse(JSON.parse(text))
      } catch (cause) {
        throw new Error(`${file(stateFiles.keys)} is damaged; restore it from a backup`, { cause })
      }
    },
    writeKeys: (keys) => write(stateFiles.keys, `${JSON.stringify(keys)}\n`),
  }
}

function writeWhole(file: string, text: string, onStep: (step: string) => void): void {
  const temporary = `${file}.tmp`
  writeFileSync(temporary, text, { mode: 0o600, flush: true })
  onStep('file-written')
  renameSync(temporary, file)
  onStep('file-renamed')
  const folder = openSync(dirname(file), 'r')
  fsyncSync(folder)
  closeSync(folder)
  onStep('file-synced')
}

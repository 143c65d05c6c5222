/** The former version, unpacked beside this one: what `former/` holds, with this version's packages. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, symlinkSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { ownSource } from '../../deploy/local/programs.ts'

export const formerArchive = resolve(import.meta.dirname, 'former/switchyard-0.1.0.tgz')

export interface Former {
  readonly folder: string
  remove(): Promise<void>
}

export function unpackFormer(): Former {
  const folder = mkdtempSync(join(tmpdir(), 'swy-former-'))
  execFileSync('tar', ['-xzf', formerArchive, '-C', folder])
  symlinkSync(join(ownSource, 'node_modules'), join(folder, 'node_modules'))
  // Programs are started by the paths of this version, and one has moved since.
  mkdirSync(join(folder, 'agent/platform/local'))
  symlinkSync('../local-cluster.ts', join(folder, 'agent/platform/local/cluster.ts'))
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}

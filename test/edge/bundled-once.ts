/** For tests: the Worker is bundled once for all files, when the first of them wants it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const bundleFolder = 'SWITCHYARD_TEST_BUNDLE'

export function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-bundle-'))
  process.env[bundleFolder] = folder
  return () => rmSync(folder, { recursive: true, force: true })
}

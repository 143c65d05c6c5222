/**
 * Which code folds the log: a digest over its sources. What was kept by another program may lack a field
 * or mean another thing, so it is not used; nobody has to remember to raise a version.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')

/** Everything that `evolve` is made of, and the versions of the packages that it uses. */
const folders = ['control/domain', 'control/history', 'wire', 'router-wasm']
const isSource = (name: string) => /\.ts$/.test(name) && !/\.(test|cases|fixture)\.ts$/.test(name)

/** From the root; folders in these folders count as well. */
export const foldSources = (): readonly string[] =>
  folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter(isSource)
      .map((name) => `${folder}/${name}`)
      .sort(),
  )

export function foldCode(): string {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package.json')))
  for (const file of foldSources()) {
    hash.update(`${file}\n`).update(readFileSync(join(root, file)))
  }
  return hash.digest('hex')
}

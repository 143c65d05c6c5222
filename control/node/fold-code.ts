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

export function foldCode(): string {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package.json')))
  for (const folder of folders) {
    for (const name of readdirSync(join(root, folder)).filter(isSource).sort()) {
      hash.update(`${folder}/${name}\n`).update(readFileSync(join(root, folder, name)))
    }
  }
  return hash.digest('hex')
}

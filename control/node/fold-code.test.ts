import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { foldCode, foldSources } from './fold-code.ts'

const root = resolve(import.meta.dirname, '../..')

/** A file and all of ours that it is made of. */
function madeOf(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  for (const [, specifier] of readFileSync(join(root, file), 'utf8').matchAll(/from '([^']+)'/g)) {
    if (specifier!.startsWith('.')) madeOf(join(dirname(file), specifier!), seen)
    const own = /^#(wire|router)\/(.+)$/.exec(specifier!)
    if (own) madeOf(`${own[1] === 'wire' ? 'wire' : 'router-wasm'}/${own[2]}`, seen)
  }
  return seen
}

it('covers every file that the fold is made of, in whatever folder', () => {
  const covered = new Set(foldSources())
  const needed = [...madeOf('control/domain/evolve.ts')]
  expect(needed).toContain('control/domain/evolve/switch.ts')
  expect(needed.filter((file) => !covered.has(file))).toEqual([])
  expect(foldCode()).toMatch(/^[0-9a-f]{64}$/)
})

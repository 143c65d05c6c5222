import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { rejections } from '#wire/codes.ts'
import { warnings } from '#wire/warning-codes.ts'

const root = resolve(import.meta.dirname, '../..')
const isTest = (file: string) => /\.(test|cases)\.ts$/.test(file) && !file.endsWith('codes.test.ts')

it('every code of a rejection or a warning is expected by some test', () => {
  const texts = ['control', 'test'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter(isTest)
      .map((file) => readFileSync(join(root, folder, file), 'utf8')),
  )
  const untested = Object.keys({ ...rejections, ...warnings }).filter(
    (code) => !texts.some((text) => text.includes(`'${code}'`) || text.includes(`"${code}"`)),
  )
  expect(untested, 'write a test that produces them').toEqual([])
})

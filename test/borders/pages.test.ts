/** Generated pages equal what the code says now, and links of the pages lead somewhere. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { pages } from '../../docs/pages.ts'
import { read, root, sources } from './sources.ts'

/** One of them starts every program once. */
const timeout = 120_000

test.each(pages)('$file is what `npm run docs` writes', { timeout }, ({ file, text }) => {
  expect(read(file).text, `${file} is behind the code; run \`npm run docs\``).toBe(text())
})

test('links between pages lead to files', () => {
  const dead = [read('README.md'), read('CHANGELOG.md'), ...sources(['.md'])].flatMap((page) =>
    [...page.text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].flatMap(([, target]) =>
      existsSync(join(root, dirname(page.path), target!)) ? [] : `${page.path}: ${target}`,
    ),
  )
  expect(dead).toEqual([])
})

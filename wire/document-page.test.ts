/** The example of docs/declarative.md is one that control would take. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { anyDocument } from './document.ts'

const page = readFileSync(new URL('../docs/declarative.md', import.meta.url), 'utf8')
const [, example = ''] = /```yaml\n(.*?)```/s.exec(page) ?? []

test('the documents of the page are right, one of each kind', () => {
  const kinds = parseAllDocuments(example).map((one) => {
    expect('errors' in one ? one.errors : ['empty']).toEqual([])
    return anyDocument.parse('toJS' in one ? one.toJS() : null).kind
  })
  expect(kinds).toEqual(['App', 'Release', 'Freeze'])
})

/** A transcript that is read wrongly would test nothing. */
import { expect, test } from 'vitest'
import { aboutApp, atPortBase, mismatch, transcripts } from './transcript.ts'

test('commands and what they are expected to print are read from console blocks only', () => {
  const markdown =
    '# x\n```sh\n$ not this\n```\n\n```console\n$ a \\\n  b\nout 1\nout 2\n\n$ c\n```\n'
  expect(transcripts(markdown)).toEqual([
    { command: 'a   b', expected: ['out 1', 'out 2'] },
    { command: 'c', expected: [] },
  ])
})

test('ports move with the base', () => {
  expect(atPortBase('http://127.0.0.1:7801/ 127.0.0.1:7700 127.0.0.1:7902', 17_700)).toBe(
    'http://127.0.0.1:17801/ 127.0.0.1:17700 127.0.0.1:17902',
  )
})

test('an ellipsis stands for anything on its line, and nothing else does', () => {
  expect(mismatch('{"a":1,"b":[2]}\n', ['{…"b":[2]}'])).toBeNull()
  expect(mismatch('{"a":1,"b":[3]}', ['{…"b":[2]}'])).toContain('got: {"a":1,"b":[3]}')
  expect(mismatch('', ['x'])).toContain('(nothing)')
})

test('an ellipsis alone on a line stands for lines; what is left over is a mismatch', () => {
  expect(mismatch('a\nb\nc\n', ['a', '…', 'c'])).toBeNull()
  expect(mismatch('a\nb\nc\n', ['a', '…'])).toBeNull()
  expect(mismatch('a\nb\nc\n', ['a', 'c'])).toContain('got: b')
  expect(mismatch('a\nb\n', ['a'])).toContain('got: b')
  expect(mismatch('a\n', ['a', '…', 'c'])).toContain('got: (nothing)')
  expect(mismatch('anything', [])).toBeNull()
})

test('a transcript about shop is made one about another app, and the program stays', () => {
  expect(aboutApp('release show shop-r2 shop.example workshop program: shop', 'shob')).toBe(
    'release show shob-r2 shob.example workshop program: shop',
  )
})

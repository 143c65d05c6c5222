/** A transcript that is read wrongly would test nothing. */
import { expect, test } from 'vitest'
import { atPortBase, mismatch, transcripts } from './transcript.ts'

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

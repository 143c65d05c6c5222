import { expect, it } from 'vitest'
import { painter } from './paint.ts'
import { type Column, cutTo, fields, folded, table, widthOf } from './table.ts'

const plain = painter({ colours: false })
const columns: Column<readonly string[]>[] = [
  { title: 'NAME', cell: ([name]) => name },
  { title: 'WHY', cell: ([, why]) => why, spare: 1 },
  { title: 'AGE', cell: ([, , age]) => age, spare: 2, align: 'right' },
]
const rows = [
  ['shop-r1', 'waits for nothing at all', '3m'],
  ['a-long-name-of-an-app-r2', '', '12m'],
]

it('without a window every column is whole', () => {
  expect(table(rows, columns, null, plain)).toEqual([
    'NAME                      WHY                       AGE',
    'shop-r1                   waits for nothing at all   3m',
    'a-long-name-of-an-app-r2                            12m',
  ])
})

it('what can be spared goes first, then the widest is cut', () => {
  expect(table(rows, columns, 52, plain)[0]).toBe('NAME                      WHY')
  expect(table(rows, columns, 40, plain)[0]).toBe('NAME')
  expect(table(rows, columns, 12, plain)[2]).toBe('a-long-name…')
})

it('letters of East Asia take two cells, marks none, and a cut keeps to the width', () => {
  expect([widthOf('日本'), widthOf('e\u0301'), widthOf('🚆')]).toEqual([4, 1, 2])
  expect(widthOf(cutTo('日本語のお店', 6))).toBeLessThanOrEqual(6)
})

it('control characters of others never reach the terminal', () => {
  const [, row] = table([['\u001b[2Jx\u0007', '', '']], columns, null, plain)
  expect(row).toBe('�[2Jx�')
  expect(fields([['why', 'a\nb\u009b']], null, plain)).toEqual(['why  a�b�'])
})

it('long values are folded at spaces and, where there are none, anywhere', () => {
  expect(folded('one two three', 8)).toEqual(['one two', 'three'])
  expect(folded('abcdefghijkl', 8)).toEqual(['abcdefgh', 'ijkl'])
  expect(fields([['why', 'one two three four']], 14, plain)).toEqual([
    'why  one two',
    '     three',
    '     four',
  ])
})

it('colours are around the text, not the spaces, and change no width', () => {
  const painted = [{ ...columns[0]!, paint: () => 'green' as const }, columns[1]!]
  const [, row] = table([['a', 'b']], painted, null, painter({ colours: true }))
  expect(row).toBe('\u001b[32ma\u001b[39m     b')
})

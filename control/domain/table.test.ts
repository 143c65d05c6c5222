import fc from 'fast-check'
import { expect, it } from 'vitest'
import { drop, emptyTable, entriesOf, get, put, type Table, valuesOf } from './table.ts'

const key = fc.oneof(fc.integer({ min: 0, max: 2_000 }).map(String), fc.string())
const change = fc.record({ key, value: fc.option(fc.integer(), { nil: undefined }) })

it('holds what a Map holds, and leaves every former table as it was', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 1_500, size: 'max' }), (changes) => {
      const map = new Map<string, number>()
      let table: Table<number> = emptyTable()
      for (const [n, { key, value }] of changes.entries()) {
        const before = table
        const entriesBefore = n % 97 === 0 ? new Map(entriesOf(before)) : null
        table = value === undefined ? drop(before, key) : put(before, key, value)
        if (value === undefined) map.delete(key)
        else map.set(key, value)
        expect(get(table, key)).toBe(value)
        expect(table.size).toBe(map.size)
        if (entriesBefore) expect(new Map(entriesOf(before))).toEqual(entriesBefore)
      }
      expect(new Map(entriesOf(table))).toEqual(map)
      expect([...valuesOf(table)].sort()).toEqual([...map.values()].sort())
    }),
    { numRuns: 40 },
  )
})

it('is the very same when nothing changes', () => {
  let table: Table<number> = emptyTable()
  for (let n = 0; n < 1_000; n++) table = put(table, `key-${n}`, n)
  expect(put(table, 'key-7', 7)).toBe(table)
  expect(drop(table, 'none')).toBe(table)
})

it('keeps keys whose hashes are the same', () => {
  // Two strings with one FNV-1a hash, and every string that is made of them.
  const pairs = sameHash()
  let table: Table<number> = emptyTable()
  const keys = Array.from({ length: 64 }, (_, n) =>
    Array.from({ length: 6 }, (_, bit) => pairs[(n >> bit) & 1]).join(''),
  )
  keys.forEach((one, n) => {
    table = put(table, one, n)
  })
  expect(table.size).toBe(64)
  expect(keys.map((one) => get(table, one))).toEqual(keys.map((_, n) => n))
})

function sameHash(): readonly [string, string] {
  const seen = new Map<number, string>()
  for (let n = 0; ; n++) {
    const text = n.toString(36)
    let hash = 0x811c9dc5
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
    const other = seen.get(hash)
    if (other) return [other, text]
    seen.set(hash, text)
  }
}

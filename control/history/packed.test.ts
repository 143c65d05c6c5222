import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createUnpacker, packed } from './packed.ts'

function roundTrip(value: unknown): unknown {
  const unpack = createUnpacker()
  let last: unknown
  for (const text of packed(value)) last = unpack(text)
  return last
}

describe('a packed value', () => {
  it('is the same value again, of every shape that the fold may come to hold', () => {
    const name = fc.string({ maxLength: 8 }).filter((text) => text !== '$' && text !== '__proto__')
    const values = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.string(),
        fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0)),
        fc.constantFrom(true, false, null, undefined),
        fc.uint8Array({ maxLength: 40 }),
        fc.array(fc.string()).map((items) => new Set(items)),
        fc.array(tie('value'), { maxLength: 5 }),
        fc.array(fc.tuple(fc.string(), tie('value')), { maxLength: 5 }).map((all) => new Map(all)),
        fc.dictionary(name, tie('value'), { maxKeys: 5, noNullPrototype: true }),
      ),
    })).value
    fc.assert(
      fc.property(values, (value) => {
        expect(isDeepStrictEqual(roundTrip(value), value)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  it('keeps the order of entries', () => {
    const map = new Map([
      ['b', 1],
      ['a', 2],
    ])
    expect([...(roundTrip(map) as Map<string, number>).keys()]).toEqual(['b', 'a'])
  })

  it('is cut into texts, so that no one of them is long work', () => {
    const parts = Array.from(
      { length: 64 },
      (_, n) => new Map([[`${n}`, { text: 'x'.repeat(40_000) }]]),
    )
    const texts = [...packed({ parts })]
    expect(texts.length).toBe(65)
    expect(Math.max(...texts.map((text) => text.length))).toBeLessThan(41_000)
    expect(isDeepStrictEqual(roundTrip({ parts }), { parts })).toBe(true)
  })

  it.each([
    ['NaN', { n: Number.NaN }],
    ['minus zero', { n: -0 }],
    ['a date', { at: new Date(0) }],
    ['a function', { f: () => 1 }],
    ['a map with keys that are no strings', new Map([[1, 'one']])],
    ['a set of objects with bytes', new Set([new Uint8Array(1)])],
    ['an object without a prototype', Object.create(null)],
    ['a field that looks like a tag', { $: new Map() }],
    ['a big number', { n: 1n }],
  ])('refuses %s rather than lose it', (_, value) => {
    expect(() => [...packed(value)]).toThrow(TypeError)
  })
})

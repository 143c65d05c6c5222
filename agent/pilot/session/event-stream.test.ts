import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eventStreamReader } from './event-stream.ts'

const read = (chunks: readonly Uint8Array[], bytesMax = 1_000) => {
  const seen: string[] = []
  const take = eventStreamReader(bytesMax, (data) => seen.push(new TextDecoder().decode(data)))
  for (const chunk of chunks) take(chunk)
  return seen
}
const bytes = (text: string) => new TextEncoder().encode(text)

test('data is taken; comments, other fields and empty lines are not', () => {
  const text = ': quiet\n\nevent: x\ndata: {"a":1}\nid: 7\n\ndata:b\n\ndata: c\r\n\r\n'
  expect(read([bytes(text)])).toEqual(['{"a":1}', 'b', 'c'])
})

test('however the stream is cut into chunks, it says the same', () => {
  const text = ': hello\n\ndata: {"ä":"€"}\n\n: quiet\n\ndata: second\n\n'
  const whole = bytes(text)
  fc.assert(
    fc.property(fc.array(fc.nat(whole.length), { maxLength: 8 }), (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), whole.length]
      const chunks = at.slice(1).map((end, n) => whole.slice(at[n], end))
      expect(read(chunks)).toEqual(['{"ä":"€"}', 'second'])
    }),
  )
})

test('a line at the bound is read, one byte past it throws, whole or in pieces', () => {
  expect(read([bytes('data: abcd\n')], 10)).toEqual(['abcd'])
  expect(() => read([bytes('data: abcde\n')], 10)).toThrow('too long')
  expect(() => read([bytes('data: a'), bytes('bcd'), bytes('e')], 10)).toThrow('too long')
})

test('what was handed over does not change with the next chunk', () => {
  const seen: Uint8Array[] = []
  const take = eventStreamReader(100, (data) => seen.push(data))
  const chunk = bytes('data: abc\n')
  take(chunk)
  chunk.fill(0)
  expect(new TextDecoder().decode(seen[0])).toBe('abc')
})

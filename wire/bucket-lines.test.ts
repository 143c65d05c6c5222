import { expect, test } from 'vitest'
import { readBucketLines, writeBucketLines } from './bucket-lines.ts'
import { limits } from './limits.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const body = (buckets: ReadonlyMap<number, Uint8Array>) => Buffer.concat(writeBucketLines(buckets))

test('what is written is read', () => {
  const buckets = new Map([
    [0, bytes('{"bucket":0}')],
    [17, bytes('')],
    [255, bytes('{"a":"b c"}')],
  ])
  const read = readBucketLines(body(buckets))
  expect([...read].map(([n, one]) => [n, new TextDecoder().decode(one)])).toEqual(
    [...buckets].map(([n, one]) => [n, new TextDecoder().decode(one)]),
  )
  expect(readBucketLines(new Uint8Array()).size).toBe(0)
})

test('a bucket at the size limit is read, one byte past it throws', () => {
  const sized = (length: number) => body(new Map([[1, new Uint8Array(length).fill(65)]]))
  expect(readBucketLines(sized(limits.bucketBytes)).get(1)).toHaveLength(limits.bucketBytes)
  expect(() => readBucketLines(sized(limits.bucketBytes + 1))).toThrow('too large')
})

test.each([
  ['256 {}\n', 'number'],
  ['-1 {}\n', 'number'],
  [' {}\n', 'number'],
  ['x {}\n', 'number'],
  ['{}\n', 'number'],
  ['0001 {}\n', 'number'],
  ['1.5 {}\n', 'number'],
  ['1 {}', 'cut'],
])('%j throws', (text, reason) => {
  expect(() => readBucketLines(bytes(text))).toThrow(reason)
})

/**
 * Several stored buckets in one HTTP body: a line each, the bucket's number, a space, its JSON (which has
 * no raw line end). Numbers stand in front so that a reader can bound and split without parsing.
 */
import { limits } from './limits.ts'
import { bucketCount } from './tree.ts'

export const bucketLinesType = 'application/x-switchyard-buckets'

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const lineEnd = 10
const space = 32

export function writeBucketLines(buckets: ReadonlyMap<number, Uint8Array>): Uint8Array[] {
  const parts: Uint8Array[] = []
  for (const [bucket, bytes] of buckets) {
    parts.push(encoder.encode(`${bucket} `), bytes, Uint8Array.of(lineEnd))
  }
  return parts
}

/** Throws on a line that is not of this form, too long, or cut. */
export function readBucketLines(body: Uint8Array): Map<number, Uint8Array> {
  const buckets = new Map<number, Uint8Array>()
  let start = 0
  while (start < body.length) {
    const end = body.indexOf(lineEnd, start)
    if (end < 0) throw new Error('buckets: the last line is cut')
    const gap = body.indexOf(space, start)
    const text = decoder.decode(body.subarray(start, Math.max(start, Math.min(gap, start + 4))))
    const number = /^\d{1,3}$/.test(text) ? Number(text) : bucketCount
    if (number >= bucketCount) throw new Error('buckets: a line lacks its number')
    const bytes = body.subarray(gap + 1, end)
    if (bytes.length > limits.bucketBytes) throw new Error(`buckets: bucket ${number} is too large`)
    buckets.set(number, bytes)
    start = end + 1
  }
  return buckets
}

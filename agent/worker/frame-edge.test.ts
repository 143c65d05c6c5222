/** The edge of a frame is found however the stream is cut into reads. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrameEdge } from './frame-edge.ts'

function frame(length: number, masked: boolean): Buffer {
  const size = length < 126 ? 0 : length < 65_536 ? 2 : 8
  const header = Buffer.alloc(2 + size + (masked ? 4 : 0))
  header[0] = 0x82
  header[1] = (masked ? 0x80 : 0) | (size === 0 ? length : size === 2 ? 126 : 127)
  if (size === 2) header.writeUInt16BE(length, 2)
  if (size === 8) header.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([header, Buffer.alloc(length, 0xff)])
}

const passed = (bytes: Uint8Array): FrameEdge => {
  const edge = new FrameEdge()
  edge.pass(bytes, 0, bytes.length)
  return edge
}

test.each([0, 1, 125, 126, 127, 65_535, 65_536])(
  'a whole frame of %i bytes ends at an edge',
  (n) => {
    for (const masked of [false, true]) {
      const bytes = frame(n, masked)
      expect(passed(bytes).clear).toBe(true)
      expect(passed(bytes.subarray(0, -1)).clear).toBe(false)
      expect(passed(Buffer.concat([bytes, bytes.subarray(0, 1)])).clear).toBe(false)
    }
  },
)

test('cut anywhere, the edges are the same', () => {
  const frames = fc.array(fc.tuple(fc.nat({ max: 300 }), fc.boolean()), {
    minLength: 1,
    maxLength: 8,
  })
  fc.assert(
    fc.property(frames, fc.infiniteStream(fc.integer({ min: 1, max: 40 })), (list, cuts) => {
      const all = list.map(([length, masked]) => frame(length, masked))
      const ends = new Set<number>([0])
      let total = 0
      for (const one of all) {
        total += one.length
        ends.add(total)
      }
      const bytes = Buffer.concat(all)
      const edge = new FrameEdge()
      for (let at = 0; at < bytes.length; ) {
        const end = Math.min(bytes.length, at + cuts.next().value)
        edge.pass(bytes, at, end)
        expect(edge.clear).toBe(ends.has(end))
        at = end
      }
    }),
  )
})

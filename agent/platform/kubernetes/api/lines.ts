/** The lines of a stream of bytes, each of at most `bytesMax`; an unfinished last line is left out. */
export async function* linesOf(
  stream: AsyncIterable<Buffer>,
  bytesMax: number,
): AsyncGenerator<string> {
  let parts: Buffer[] = []
  let heldBytes = 0
  for await (const chunk of stream) {
    let start = 0
    for (;;) {
      const end = chunk.indexOf(10, start)
      const piece = chunk.subarray(start, end < 0 ? chunk.length : end)
      heldBytes += piece.length
      if (heldBytes > bytesMax) throw new RangeError(`a line is longer than ${bytesMax} bytes`)
      if (piece.length > 0) parts.push(piece)
      if (end < 0) break
      if (heldBytes > 0) yield Buffer.concat(parts).toString('utf8')
      parts = []
      heldBytes = 0
      start = end + 1
    }
  }
}

/**
 * Reads server-sent events (WHATWG HTML §9.2) as far as announcements need them: the bytes of each
 * message's one `data` line. Other fields and comments are skipped; a line beyond the bound throws.
 */
const lineEnd = 10
const carriageReturn = 13
const dataField = Buffer.from('data:')

export function eventStreamReader(lineBytesMax: number, onData: (data: Uint8Array) => void) {
  let parts: Uint8Array[] = []
  let heldBytes = 0

  return (chunk: Uint8Array): void => {
    let start = 0
    while (start < chunk.length) {
      const end = chunk.indexOf(lineEnd, start)
      const piece = chunk.subarray(start, end < 0 ? chunk.length : end)
      heldBytes += piece.length
      if (heldBytes > lineBytesMax) throw new RangeError('a line of the event stream is too long')
      parts.push(piece)
      if (end < 0) return
      takeLine(parts.length === 1 ? Buffer.from(piece) : Buffer.concat(parts))
      parts = []
      heldBytes = 0
      start = end + 1
    }
  }

  function takeLine(line: Buffer): void {
    if (!line.subarray(0, dataField.length).equals(dataField)) return
    const end = line.at(-1) === carriageReturn ? line.length - 1 : line.length
    const start = line[dataField.length] === 32 ? dataField.length + 1 : dataField.length
    onData(line.subarray(start, end))
  }
}

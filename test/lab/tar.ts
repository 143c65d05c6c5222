/** Writes a tar file (POSIX ustar) of plain files that root owns; always the same bytes for the same files. */

export interface TarEntry {
  /** Relative, at most 100 bytes. */
  readonly path: string
  readonly mode: number
  readonly content: Buffer
}

const block = 512
const pathBytesMax = 100

export const tarOf = (entries: readonly TarEntry[]): Buffer =>
  Buffer.concat([
    ...entries.flatMap(({ path, mode, content }) => [
      header(path, mode, content.length),
      content,
      Buffer.alloc((block - (content.length % block)) % block),
    ]),
    Buffer.alloc(2 * block),
  ])

/**
 * ```
 * 0 path · 100 mode · 108 owner · 116 group · 124 size · 136 time · 148 checksum · 156 type · 257 "ustar" · 263 "00"
 * ```
 */
function header(path: string, mode: number, size: number): Buffer {
  if (Buffer.byteLength(path) > pathBytesMax) throw new Error(`${path}: longer than a tar allows`)
  const bytes = Buffer.alloc(block)
  const octal = (value: number, at: number, digits: number) =>
    bytes.write(value.toString(8).padStart(digits, '0'), at)
  bytes.write(path, 0)
  octal(mode, 100, 7)
  octal(0, 108, 7)
  octal(0, 116, 7)
  octal(size, 124, 11)
  octal(0, 136, 11)
  bytes.write('        ', 148)
  bytes.write('0', 156)
  bytes.write('ustar\u000000', 257)
  octal(
    bytes.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  )
  bytes.write('\u0000 ', 154)
  return bytes
}

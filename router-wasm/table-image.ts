/** Bytes that grow up to a limit: words, text that is kept once, and offsets. */
export interface Image {
  at(): number
  reserve(bytes: number): void
  /** To a multiple of a power of two. */
  align(unit: number): void
  word(value: number): void
  words(...values: readonly number[]): void
  /** Overwrites the word at an offset. */
  set(offset: number, value: number): void
  /** Writes ASCII. */
  raw(text: string): void
  /** Offset of this text; written when it is new, so all texts are named before the first record. */
  text(text: string): number
  /** Appends words and returns where. */
  append(words: Uint32Array): number
  /** Null when the limit was passed; nothing was written behind it. */
  bytes(): Uint8Array<ArrayBuffer> | null
}

export function createImage(bytesMax: number): Image {
  let bytes = new Uint8Array(65536)
  let view = new DataView(bytes.buffer)
  let length = 0
  let tooLong = false
  const texts = new Map<string, number>([['', 0]])

  const claim = (count: number): number => {
    const at = length
    if (tooLong || at + count > bytesMax) {
      tooLong = true
      return 0
    }
    length += count
    if (length > bytes.length) {
      const larger = new Uint8Array(Math.max(length, bytes.length * 2))
      larger.set(bytes)
      bytes = larger
      view = new DataView(bytes.buffer)
    }
    return at
  }
  const image: Image = {
    at: () => length,
    reserve: (count) => void claim(count),
    align: (unit) => void claim(-length & (unit - 1)),
    word(value) {
      const at = claim(4)
      if (!tooLong) view.setInt32(at, value, true)
    },
    words(...values) {
      for (const value of values) image.word(value)
    },
    set(offset, value) {
      if (!tooLong) view.setInt32(offset, value, true)
    },
    raw(text) {
      const at = claim(text.length)
      if (tooLong) return
      for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i)
    },
    text(text) {
      const held = texts.get(text)
      if (held !== undefined) return held
      const at = length
      image.raw(text)
      texts.set(text, at)
      return at
    },
    append(words) {
      const at = claim(words.byteLength)
      if (tooLong) return 0
      words.forEach((value, n) => {
        view.setUint32(at + n * 4, value, true)
      })
      return at
    },
    bytes: () => (tooLong ? null : bytes.slice(0, length)),
  }
  return image
}

/** A long text in parts, for databases whose rows are bounded. */

/** At least one part, each of at most `charsMax` UTF-16 units, never between the halves of a character. */
export function partsOf(text: string, charsMax: number): string[] {
  const parts: string[] = []
  for (let start = 0; start < text.length || parts.length === 0; ) {
    let end = Math.min(start + charsMax, text.length)
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end--
    parts.push(text.slice(start, end))
    start = end
  }
  return parts
}

const isHighSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdbff

/** The names in a verified table: what positions and endpoints are applied by. */
import {
  NAME_BYTES,
  NAME_LINKS,
  NAME_TEXT,
  NAME_TEXT_BYTES,
  TABLE_APP_COUNT,
  TABLE_APPS,
  TABLE_BACKEND_COUNT,
  TABLE_BACKENDS,
} from './table-layout.ts'

/** In the order of their numbers. */
export function readTableNames(
  memory: Uint8Array,
  words: Int32Array,
  table: number,
): { apps: string[]; backends: string[]; linked: string[] } {
  const word = (offset: number) => words[(table + offset) >> 2]!
  const name = (record: number): string => {
    const start = table + word(record + NAME_TEXT)
    // Short ASCII: quicker than a TextDecoder.
    const bytes = word(record + NAME_TEXT_BYTES) & ~NAME_LINKS
    return String.fromCharCode(...memory.subarray(start, start + bytes))
  }
  const names = (start: number, count: number) =>
    Array.from({ length: count }, (_, n) => name(start + n * NAME_BYTES))
  const backends = names(word(TABLE_BACKENDS), word(TABLE_BACKEND_COUNT))
  const hasLinks = (n: number) =>
    (word(word(TABLE_BACKENDS) + n * NAME_BYTES + NAME_TEXT_BYTES) & NAME_LINKS) !== 0
  return {
    apps: names(word(TABLE_APPS), word(TABLE_APP_COUNT)),
    backends,
    linked: backends.filter((_, n) => hasLinks(n)),
  }
}

/**
 * A keyed collection that is a value: `put` and `drop` give a new one and share the rest, so that the
 * state after each record can be kept, compared and thrown away. 256 small maps behind one array: a change
 * copies one of them and the array (10,000 entries: about 2 µs; a copied Map would be 300 µs).
 */
const partCount = 256
const emptyPart: ReadonlyMap<string, never> = new Map<string, never>()

export interface Table<Value> {
  readonly size: number
  /** Each key lives in the part of its hash. Only this file reads it. */
  readonly parts: readonly ReadonlyMap<string, Value>[]
}

const empty: Table<never> = { size: 0, parts: Array.from({ length: partCount }, () => emptyPart) }
export const emptyTable = <Value>(): Table<Value> => empty

export const get = <Value>(table: Table<Value>, key: string): Value | undefined =>
  table.parts[partOf(key)]!.get(key)

export function put<Value>(table: Table<Value>, key: string, value: Value): Table<Value> {
  const index = partOf(key)
  const before = table.parts[index]!
  if (before.get(key) === value) return table
  return replaced(table, index, new Map(before).set(key, value))
}

export function drop<Value>(table: Table<Value>, key: string): Table<Value> {
  const index = partOf(key)
  const before = table.parts[index]!
  if (!before.has(key)) return table
  const part = new Map(before)
  part.delete(key)
  return replaced(table, index, part)
}

/** By part, then by age within it: the same for the same history, but not sorted. */
export function* valuesOf<Value>(table: Table<Value>): Generator<Value> {
  for (const part of table.parts) yield* part.values()
}

export function* entriesOf<Value>(table: Table<Value>): Generator<readonly [string, Value]> {
  for (const part of table.parts) yield* part.entries()
}

function replaced<Value>(
  table: Table<Value>,
  index: number,
  part: ReadonlyMap<string, Value>,
): Table<Value> {
  const size = table.size - table.parts[index]!.size + part.size
  return { size, parts: table.parts.with(index, part) }
}

/** FNV-1a over UTF-16 code units. */
function partOf(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return (hash ^ (hash >>> 16)) & (partCount - 1)
}

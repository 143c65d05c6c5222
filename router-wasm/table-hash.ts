/**
 * The table's hash in JavaScript; `assembly/hash.ts` says the same and says why it is as it is. Text is
 * ASCII. Results are unsigned.
 */
import { TABLE_CHECKSUM } from './table-layout.ts'

const first = 0x9e3779b1
const second = 0x85ebca77
const chain = 0xc2b2ae3d

const rotate = (value: number, by: number) => (value << by) | (value >>> (32 - by))

function word(text: string, at: number, end: number): number {
  let value = 0
  for (let i = Math.min(end, at + 4) - 1; i >= at; i--) value = (value << 8) | text.charCodeAt(i)
  return value
}

/** Hashes `text` from `start` to `end`, eight bytes a step. */
export function hashText(hash: number, text: string, start = 0, end = text.length): number {
  let mixed = hash
  for (let at = start; at < end; at += 8) {
    const pair = Math.imul(word(text, at, end), first) + Math.imul(word(text, at + 4, end), second)
    mixed = Math.imul(rotate(mixed, 5) ^ pair, chain)
  }
  return mixed >>> 0
}

/** Hashes a path segment by segment; `''` is the path of prefix `/`. */
export function hashPath(seed: number, path: string): number {
  let hash = seed
  for (let at = 0; at < path.length; ) {
    const slash = path.indexOf('/', at + 1)
    const next = slash < 0 ? path.length : slash
    hash = hashText(hash, path, at, next)
    at = next
  }
  return hash
}

export function finish(hash: number, owner: number): number {
  let mixed = hash ^ Math.imul(owner, first)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/** FNV-1a, as FIELD_NAME_HASH. */
export function nameHash(name: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

/** Of a table whose length is a multiple of 4, behind the word that holds it. */
export function checksum(table: DataView): number {
  const lanes = [1, 2, 3, 4]
  const start = TABLE_CHECKSUM + 4
  const step = (lane: number, at: number) => {
    lanes[lane] = Math.imul(rotate(lanes[lane]!, 5) ^ table.getInt32(at, true), chain)
  }
  let at = start
  for (; at + 16 <= table.byteLength; at += 16) {
    for (let lane = 0; lane < 4; lane++) step(lane, at + lane * 4)
  }
  for (; at < table.byteLength; at += 4) step(0, at)
  const [a, b, c, d] = lanes as [number, number, number, number]
  return finish(a + rotate(b, 7) + rotate(c, 13) + rotate(d, 19), 0)
}

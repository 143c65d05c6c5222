/**
 * The table's hash in JavaScript; `assembly/hash.ts` says the same and says why it is as it is. Text is
 * ASCII. Results are unsigned.
 */
import { TABLE_CHECKSUM } from './table-layout.ts'

const firstFactor = 0x9e3779b1
const secondFactor = 0x85ebca77
const chain = 0xc2b2ae3d

const rotate = (value: number, by: number) => (value << by) | (value >>> (32 - by))

/** Four characters, zeros behind the end. */
function word(text: string, at: number): number {
  const char = (n: number) => (at + n < text.length ? text.charCodeAt(at + n) : 0)
  return char(0) | (char(1) << 8) | (char(2) << 16) | (char(3) << 24)
}

/** Eight characters a step; the last step takes the 0 to 7 that are left. */
export function hashText(seed: number, text: string): number {
  const blocks = text.length >> 3
  let state = seed
  for (let n = 0; n <= blocks; n++) {
    const at = n * 8
    const first = Math.imul(word(text, at), firstFactor)
    const second = Math.imul(word(text, at + 4), secondFactor)
    state = Math.imul(rotate(state, 5) ^ (first + second), chain)
  }
  return state >>> 0
}

export function finish(hash: number, owner: number): number {
  let mixed = hash ^ Math.imul(owner, firstFactor)
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

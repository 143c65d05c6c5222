/** Two implementations behind one name; the digests of agents and control must be the same under both. */
import { expect, it } from 'vitest'
import * as chosen from '#wire/sha256.ts'
import { sameJson } from './same-json.ts'
import * as everywhere from './sha256.ts'
import * as node from './sha256-node.ts'

it('is the same in JavaScript and by Node, for every length around a block', () => {
  for (let length = 0; length <= 200; length++) {
    const bytes = Uint8Array.from({ length }, (_, n) => (n * 7 + length) % 256)
    expect(node.sha256(bytes)).toEqual(everywhere.sha256(bytes))
    expect(node.sha256Hex(bytes)).toBe(everywhere.sha256Hex(bytes))
  }
  const part = new Uint8Array(100).fill(3).subarray(10, 60)
  expect(node.sha256Hex(part)).toBe(everywhere.sha256Hex(part))
})

it('is that of Node under Node', () => {
  expect(chosen.sha256Hex).toBe(node.sha256Hex)
})

it('tells whether two values have the same canonical text', () => {
  const value = { a: [1, { b: null }], c: 'x' }
  expect(sameJson(value, { c: 'x', a: [1, { b: null }] })).toBe(true)
  for (const other of [
    { a: [1, { b: null }] },
    { ...value, d: 1 },
    { ...value, c: null },
    { ...value, a: { 0: 1, 1: { b: null } } },
    { a: value.a, d: 'x' },
    { ...value, a: [{ b: null }, 1] },
  ]) {
    expect(sameJson(value, other)).toBe(false)
    expect(sameJson(other, value)).toBe(false)
  }
})

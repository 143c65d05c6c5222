/**
 * Tables that are not what the compiler made: each is refused, or is harmless. The table lies at the very
 * end of a memory, so a read behind it traps.
 */
import { readFileSync } from 'node:fs'
import { instantiateSync } from '@assemblyscript/loader'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SnapshotObject } from '#wire/object.ts'
import { compileTable } from './compile.ts'
import * as at from './layout.ts'
import { backend, exact, live, prefix, route } from './objects.cases.ts'
import { createPolicies } from './policies.ts'
import type { Router } from './router.ts'
import { checksum, nameHash } from './table-hash.ts'
import * as table from './table-layout.ts'

interface Exports extends Record<string, unknown>, Pick<Router, 'response'> {
  verify(start: number, bytes: number): number
  request(start: number, end: number, out: number): number
}

const wasm = readFileSync(new URL('./build/router.wasm', import.meta.url))
const zone = at.REGIONS
const out = zone + 0x10000
const positions = out + 0x20000
const backends = positions + 0x1000
const pages = backends / 0x10000 + 3

function instance(bytes: Uint8Array) {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(pages), maximum: Math.ceil(pages) })
  const { exports } = instantiateSync<Exports>(wasm, { env: { memory } })
  const view = new Uint8Array(memory.buffer)
  const words = new Int32Array(memory.buffer)
  const policies = createPolicies(view, words)
  const start = view.length - bytes.length
  words[at.SERVED >> 2] = at.SIDES
  words[(at.SIDES + at.SIDE_TABLE) >> 2] = start
  words[(at.SIDES + at.SIDE_POSITIONS) >> 2] = positions
  words[(at.SIDES + at.SIDE_BACKENDS) >> 2] = backends
  const load = (table: Uint8Array) => {
    view.set(table, start)
    return exports.verify(start, table.length)
  }
  const ask = (head: string) => {
    view.set(Buffer.from(head, 'latin1'), zone)
    words[(at.VERDICT + at.VERDICT_POLICY) >> 2] = 0
    const status = exports.request(zone, zone + head.length, out)
    const offset = words[(at.VERDICT + at.VERDICT_POLICY) >> 2]!
    if (offset === 0) return status
    // Where the router puts it, and what the host does with it.
    expect(offset).toBeGreaterThanOrEqual(start)
    const policy = policies.at(offset)
    policies.forget()
    if (policy.response === null) return status
    const laid = policies.lay(policy.response)
    view.set(Buffer.from(answer, 'latin1'), zone)
    const used = exports.response(zone, zone + answer.length, out, 0, 1, laid)
    expect([answer.length, -502]).toContain(used)
    if (used > 0) {
      const bytes = words[(at.RESPONSE + at.RES_OUT_BYTES) >> 2]!
      const written = Buffer.from(view.slice(out, out + bytes)).toString('latin1')
      expect(written.indexOf('\r\n\r\n')).toBe(bytes - 4)
      expect(written).not.toMatch(/[^\r]\n|\r[^\n]|\0/)
    }
    return status
  }
  return { load, ask }
}

const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nServer: a\r\nX-P: b\r\n\r\n'

const objects: SnapshotObject[] = [
  ...live,
  backend('shop-r2'),
  route('a', [prefix('/'), exact('/a/b', { method: 'GET' })], {
    hosts: ['a.example', '*.example'],
  }),
  route('b', [prefix('/a', { headers: [{ name: 'x-a', value: 'one' }] })], {
    hosts: ['a.example'],
    requestHeaders: {
      set: [{ name: 'x-s', value: 'a b' }],
      add: [{ name: 'x-d', value: 'c' }],
      remove: ['x-r'],
    },
    responseHeaders: {
      set: [{ name: 'x-p', value: 'p q' }],
      add: [{ name: 'set-cookie', value: 'c=1' }],
      remove: ['server'],
    },
    timeouts: { requestMs: 1_000, idleMs: 500 },
    loadBalance: { type: 'header', header: 'x-user' },
  }),
  route('c', [prefix('/a/b/c/d')], {
    hosts: ['a.example'],
    release: 'shop-r2',
    rewrite: { path: { type: 'ReplacePrefixMatch', value: '/z' }, hostname: 'b.example' },
  }),
]
const compiled = compileTable(objects)
if (!compiled.ok) throw new Error(compiled.reason)
const valid = compiled.bytes
const heads = ['/', '/a', '/a/b', '/a/b/c/d/e', `/${'x/'.repeat(500)}`].flatMap((path) =>
  ['a.example', 'x.y.example'].map(
    (host) => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nX-A: one\r\nX-R: 1\r\nX-D: 2\r\n\r\n`,
  ),
)

const repaired = (bytes: Uint8Array): Uint8Array => {
  const view = new DataView(bytes.buffer)
  view.setUint32(table.TABLE_CHECKSUM, checksum(view), true)
  return bytes
}
const changed = (offset: number, value: number): Uint8Array => {
  const bytes = valid.slice()
  new DataView(bytes.buffer).setInt32(offset, value, true)
  return repaired(bytes)
}
const word = (offset: number) => new DataView(valid.buffer).getInt32(offset, true)

/** The one condition of these objects: found by the hash of its name. */
const conditionAt = () => {
  const hash = Buffer.alloc(4)
  hash.writeUInt32LE(nameHash('x-a'))
  return Buffer.from(valid).indexOf(hash)
}

test('a table that the compiler made is accepted', () => {
  expect(instance(valid).load(valid)).toBe(0)
})

test('each section that is wrong is refused by its number', () => {
  const { load } = instance(valid)
  const refused = (expected: number, offset: number, value: number) =>
    expect(load(changed(offset, value)), `${offset} = ${value}`).toBe(expected)
  refused(table.VERIFY_MAGIC, table.TABLE_MAGIC_AT, 0)
  refused(table.VERIFY_FORMAT, table.TABLE_FORMAT_AT, 2)
  refused(table.VERIFY_LENGTH, table.TABLE_BYTES, valid.length + 4)
  refused(table.VERIFY_DEPTH, table.TABLE_DEPTH_MAX, table.DEPTH_MAX + 1)
  refused(table.VERIFY_METHODS, table.TABLE_METHOD_COUNT, -1)
  refused(table.VERIFY_METHODS, table.TABLE_METHODS, valid.length)
  refused(table.VERIFY_APPS, table.TABLE_APP_COUNT, at.APP_COUNT_MAX + 1)
  refused(table.VERIFY_BACKENDS, word(table.TABLE_BACKENDS) + table.NAME_TEXT_BYTES, 64)
  refused(table.VERIFY_ROUTES, word(table.TABLE_ROUTES) + table.ROUTE_APP, 1)
  refused(table.VERIFY_ROUTES, word(table.TABLE_ROUTES) + table.ROUTE_BACKEND, 2)
  refused(table.VERIFY_HOSTS, table.TABLE_HOST_MASK, 6)
  refused(table.VERIFY_NODES, table.TABLE_PATH_SLOTS, valid.length - 16)
  refused(table.VERIFY_CONDITIONS, conditionAt() + table.CONDITION_NAME_BYTES, 129)
  expect(load(valid.slice(0, valid.length - 4))).toBe(table.VERIFY_LENGTH)
  const flipped = valid.slice()
  flipped[valid.length - 1]! ^= 1
  expect(load(flipped)).toBe(table.VERIFY_CHECKSUM)
  expect(load(valid)).toBe(0)
})

test('a text that could end a line is refused', () => {
  const { load } = instance(valid)
  const text = Buffer.from(valid).indexOf('a b')
  const bytes = valid.slice()
  bytes[text + 1] = 0x0a
  expect(load(repaired(bytes))).toBe(table.VERIFY_ROUTES)
})

test('a policy refers to nothing outside itself', () => {
  const { load } = instance(valid)
  const image = Buffer.from(valid)
  const isPolicy = (offset: number) =>
    word(offset + table.POLICY_REQUEST_MS) === 1_000 && word(offset + table.POLICY_IDLE_MS) === 500
  let policy = 0
  while (!isPolicy(policy)) policy += 4
  expect(image.toString('latin1', policy + word(policy + table.POLICY_KEY)).slice(0, 6)).toBe(
    'x-user',
  )
  const bytes = word(policy + table.POLICY_BYTES)
  const change = policy + table.POLICY_CHANGES
  for (const [offset, value] of [
    [policy + table.POLICY_BYTES, bytes + 2],
    [policy + table.POLICY_BYTES, table.POLICY_BYTES_MAX + 4],
    [policy + table.POLICY_REQUEST_MS, -1],
    [policy + table.POLICY_BALANCE, table.BALANCE_HEADER + 1],
    [policy + table.POLICY_KEY, bytes],
    [policy + table.POLICY_KEY, -4],
    [policy + table.POLICY_KEY_BYTES, 0],
    [policy + table.POLICY_CHANGE_COUNT, table.CHANGE_COUNT_MAX + 1],
    [change + table.CHANGE_NAME, table.TABLE_HEADER_BYTES - policy],
    [change + table.CHANGE_VALUE, bytes - 1],
    [change + table.CHANGE_VALUE_BYTES, bytes],
  ] as const) {
    expect(load(changed(offset, value)), `${offset - policy} = ${value}`).toBe(table.VERIFY_ROUTES)
  }
})

test('every bit that flips by accident is refused', () => {
  const { load } = instance(valid)
  for (let bit = 0; bit < valid.length * 8; bit++) {
    const bytes = valid.slice()
    bytes[bit >> 3]! ^= 1 << (bit & 7)
    expect(load(bytes), `bit ${bit}`).toBeLessThan(0)
  }
})

/** True when the table was accepted. Throws when it then leads out of bounds. */
function survives(router: ReturnType<typeof instance>, bytes: Uint8Array): boolean {
  if (router.load(repaired(bytes)) !== 0) return false
  for (const head of heads) router.ask(head)
  return true
}

test('every word with a hostile value is refused or harmless', () => {
  const router = instance(valid)
  let accepted = 0
  const values = [0, -1, 1, 2, 3, 0x7fffffff, -0x80000000, valid.length, 0xffff, 0x40]
  for (let offset = 0; offset < valid.length; offset += 4) {
    for (const value of values) if (survives(router, changed(offset, value))) accepted++
  }
  expect(accepted).toBeGreaterThan(0)
})

test('random bytes and words, with the checksum repaired, are refused or harmless', () => {
  const router = instance(valid)
  const change = fc.tuple(
    fc.nat({ max: valid.length - 4 }),
    fc.oneof(fc.nat({ max: 255 }), fc.nat({ max: valid.length }), fc.integer()),
    fc.boolean(),
  )
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = valid.slice()
      const view = new DataView(bytes.buffer)
      for (const [offset, value, whole] of changes) {
        if (whole) view.setInt32(offset & ~3, value, true)
        else view.setInt8(offset, value)
      }
      survives(router, bytes)
    }),
    { numRuns: 5000 },
  )
})

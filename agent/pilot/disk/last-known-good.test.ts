import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { supportedFormats } from '#wire/header.ts'
import { objectsOf, type Tree } from '#wire/tree.ts'
import { announce, createSigner, headerOf, position, type Signer, shop } from '../fleet.fixture.ts'
import { appliedOf } from '../positions.ts'
import type { Trust } from '../snapshots/admit.ts'
import { loadStoredSnapshot } from '../snapshots/stored.ts'
import { writeChecked } from './checked-file.ts'
import {
  loadLastKnownGood,
  promoteTable,
  writeEndpoints,
  writePositions,
  writeSnapshot,
  writeTable,
} from './last-known-good.ts'

let folder: string
let control: Signer
let trust: Trust

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'swy-lkg-'))
  control = await createSigner()
  trust = { cluster: 'eu-1', keys: () => control.pinned, formats: supportedFormats }
})
afterEach(() => rmSync(folder, { recursive: true }))

const names = { releases: ['shop-r1'], apps: ['shop'] }
const table = (text: string) => {
  const written = writeTable(folder, Buffer.from(text), names)
  promoteTable(folder, written)
  return written
}
const damage = (name: string) => {
  const bytes = readFileSync(join(folder, name))
  bytes[Math.floor(bytes.length / 2)]! ^= 1
  writeFileSync(join(folder, name), bytes)
}
const sealedHeader = async (tree: Tree, revision: number) =>
  (await announce(control, headerOf(tree, { revision }))).header

async function positions(generation: number, tree: Tree): Promise<void> {
  const object = position('shop', generation, `shop-r${generation}`)
  writePositions(folder, {
    header: await sealedHeader(tree, generation),
    objects: [object],
    positions: [appliedOf(object)],
  })
}

describe('the last-known-good', () => {
  it('is empty on an empty disk', () => {
    const stored = loadLastKnownGood(folder)
    const endpoints = { endpoints: {}, own: {}, shares: {} }
    expect(stored).toEqual({ table: null, positions: null, endpoints, damage: [] })
  })

  it('gives back what was written, in files of mode 0600', async () => {
    const written = table('one')
    await positions(1, shop(1, 'shop-r1'))
    const endpoint = { address: '127.0.0.1', port: 9001 }
    const record = {
      endpoints: { 'shop-r1': [endpoint], 'shop-r2': [endpoint] },
      own: { 'shop-r1': [endpoint] },
      shares: { 'shop-r2': ['shop-r1'] },
    }
    writeEndpoints(folder, record)
    const stored = loadLastKnownGood(folder)
    expect(stored.table).toEqual(written)
    expect(stored.positions?.positions).toMatchObject([{ app: 'shop', generation: 1 }])
    expect(stored.endpoints).toEqual(record)
    expect(readFileSync(join(folder, 'table'), 'utf8')).toBe('one')
    for (const name of readdirSync(folder)) {
      expect(statSync(join(folder, name)).mode & 0o777, name).toBe(0o600)
    }
  })

  it('reads the endpoints of a former version, which shared none', () => {
    const endpoints = { 'shop-r1': [{ address: '127.0.0.1', port: 9001 }] }
    writeChecked(join(folder, 'endpoints.json'), { endpoints })
    expect(loadLastKnownGood(folder).endpoints).toEqual({ endpoints, own: endpoints, shares: {} })
  })

  it('keeps two generations of tables and no more', () => {
    for (const text of ['one', 'two', 'three', 'four']) table(text)
    const kept = readdirSync(folder).filter((name) => /^table\.[0-9a-f]{64}$/.test(name))
    expect(kept).toHaveLength(2)
    expect(loadLastKnownGood(folder).table?.digest).toBe(table('four').digest)
  })

  it('falls back to the former table when the newest is corrupt, and gives it to the workers', () => {
    const former = table('the first table')
    const newest = table('the second one')
    damage(`table.${newest.digest}`)
    const stored = loadLastKnownGood(folder)
    expect(stored.table?.digest).toBe(former.digest)
    expect(stored.damage).not.toEqual([])
    expect(readFileSync(join(folder, 'table'), 'utf8')).toBe('the first table')
    expect(loadLastKnownGood(folder).table?.digest).toBe(former.digest)
  })

  it('does not start from a table that nobody accepted', () => {
    const accepted = table('accepted')
    writeTable(folder, Buffer.from('candidate'), names)
    expect(loadLastKnownGood(folder).table?.digest).toBe(accepted.digest)
  })

  it('falls back to the former positions when the newest are corrupt', async () => {
    await positions(1, shop(1, 'shop-r1'))
    await positions(2, shop(2, 'shop-r2'))
    expect(loadLastKnownGood(folder).positions?.positions[0]?.generation).toBe(2)
    damage('positions.json')
    const stored = loadLastKnownGood(folder)
    expect(stored.positions?.positions[0]?.generation).toBe(1)
    expect(stored.damage).toHaveLength(1)
    expect(readFileSync(join(folder, 'positions.json'), 'utf8')).toContain('"generation":1')
  })

  it('has nothing when both generations are corrupt', async () => {
    await positions(1, shop(1, 'shop-r1'))
    await positions(2, shop(2, 'shop-r2'))
    damage('positions.json')
    damage('positions.previous.json')
    expect(loadLastKnownGood(folder)).toMatchObject({ positions: null, damage: [{}, {}] })
  })
})

describe('the stored snapshot', () => {
  const first = shop(1, 'shop-r1')
  const second = shop(2, 'shop-r2')
  const snapshot = async (tree: Tree, revision: number) =>
    writeSnapshot(folder, {
      header: await sealedHeader(tree, revision),
      table: 'digest',
      objects: [...objectsOf(tree)],
    })
  const load = () => {
    const { positions: record } = loadLastKnownGood(folder)
    return loadStoredSnapshot(folder, record, trust, () => {})
  }

  it('is the objects with the newer positions laid over, proven by the newer header', async () => {
    await snapshot(first, 1)
    await positions(2, second)
    const { held, table: digest, floor } = await load()
    expect(held?.header.revision).toBe(2)
    expect(held?.tree.root).toBe(second.root)
    expect({ digest, floor }).toEqual({ digest: 'digest', floor: null })
  })

  it('is only a base, with the newer header as floor, when content is missing', async () => {
    await snapshot(first, 1)
    await positions(2, shop(2, 'shop-r1'))
    const { held, base, floor } = await load()
    expect({ held, base: base?.header.revision, floor: floor?.revision }).toEqual({
      held: null,
      base: 1,
      floor: 2,
    })
  })

  it('is not believed with another signature, of another cluster, or with other objects', async () => {
    await snapshot(first, 1)
    trust = { ...trust, cluster: 'us-1' }
    expect((await load()).held).toBe(null)
    const { pinned: foreign } = await createSigner()
    trust = { ...trust, cluster: 'eu-1', keys: () => foreign }
    expect((await load()).held).toBe(null)
    trust = { ...trust, keys: () => control.pinned }
    expect((await load()).held).not.toBe(null)
    writeSnapshot(folder, {
      header: await sealedHeader(first, 1),
      table: '',
      objects: [...objectsOf(second)],
    })
    expect((await load()).held).toBe(null)
  })
})

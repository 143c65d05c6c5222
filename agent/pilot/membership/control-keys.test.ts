import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { emptyTree, treeOf } from '#wire/tree.ts'
import { createSigner, headerOf, type Signer } from '../fleet.fixture.ts'
import { openControlKeys } from './control-keys.ts'

const [a, b, c] = [await createSigner(), await createSigner(), await createSigner()]
const ids = (...signers: Signer[]) => signers.map(({ key }) => key.keyId)
const answer = (begunBy: string, ...signers: Signer[]) => ({
  controlKeys: signers.map(({ publicKey }) => publicKey),
  begunBy,
})
const naming = (revision: number, ...signers: Signer[]) => {
  const publicKeys = signers.map(({ publicKey }) => publicKey)
  const tree = signers.length > 0 ? treeOf([{ kind: 'keys', key: 'keys', publicKeys }]) : emptyTree
  return { tree, header: headerOf(tree, { revision }) }
}

let folder: string
const file = () => join(folder, 'control-keys.json')
const open = (enrolment = answer('swy_agent_0123456789', a, b), onDamaged = () => {}) =>
  openControlKeys(folder, enrolment, onDamaged)
const pinned = async (keys = open()) => [...(await keys).pinned().keys()]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'swy-keys-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

it('are those of the enrolment until a snapshot names others', async () => {
  const keys = await open()
  expect(await keys.follow(naming(1))).toBe(false)
  expect(await keys.follow(naming(2, a, b))).toBe(false)
  expect([...keys.pinned().keys()]).toEqual(ids(a, b))
  expect(statSync(file()).mode & 0o777).toBe(0o600)
})

it('are on disk before they count, and one restart later', async () => {
  const keys = await open()
  const following = keys.follow(naming(3, b, c))
  expect([...keys.pinned().keys()]).toEqual(ids(a, b))
  expect(await following).toBe(true)
  expect(JSON.parse(readFileSync(file(), 'utf8')).publicKeys).toEqual([b.publicKey, c.publicKey])
  expect(await pinned()).toEqual(ids(b, c))
})

it('are not those of an older snapshot that is still on disk', async () => {
  await (await open()).follow(naming(3, b, c))
  const again = await open()
  expect(await again.follow(naming(2, a, b, c))).toBe(false)
  expect([...again.pinned().keys()]).toEqual(ids(b, c))
})

it('prove what is on disk for good, and nothing else once they are retired', async () => {
  await (await open()).follow(naming(3, b, c))
  const keys = await open()
  expect([...keys.forStored().keys()]).toEqual(ids(a, b, c))
  expect(keys.pinned().has(a.key.keyId)).toBe(false)
})

it('begin anew with another enrolment, and do not believe what was there before', async () => {
  await (await open()).follow(naming(3, b, c))
  const keys = await open(answer('swy_agent_another_one', a, b))
  expect([...keys.pinned().keys()]).toEqual(ids(a, b))
  expect([...keys.forStored().keys()]).toEqual(ids(a, b))
  expect(await keys.follow(naming(1, a, c)), 'of whatever revision').toBe(true)
})

it('are those of the enrolment when the file is damaged, and it is said', async () => {
  await (await open()).follow(naming(3, b, c))
  writeFileSync(file(), '{')
  let damaged = 0
  expect(await pinned(open(undefined, () => damaged++))).toEqual(ids(a, b))
  expect(damaged).toBe(1)
})

it('stay as they were when the disk fails', async () => {
  const keys = await open()
  rmSync(folder, { recursive: true })
  await expect(keys.follow(naming(3, b, c))).rejects.toThrow('ENOENT')
  expect([...keys.pinned().keys()]).toEqual(ids(a, b))
  folder = mkdtempSync(join(tmpdir(), 'swy-keys-'))
})

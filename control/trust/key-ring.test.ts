/** The key ring on a real folder, cut off at each step of each write. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { keyIdOf } from '#wire/signature.ts'
import { openStateFolder } from '../node/folder.ts'
import { openKeyRing } from './key-ring.ts'
import { makeKeys } from './keys.ts'

let path: string

beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), 'swy-keys-'))
  openStateFolder(path).writeKeys(await makeKeys())
})
afterEach(() => rmSync(path, { recursive: true }))

const open = (onStep?: (step: string) => void) => {
  const folder = openStateFolder(path, onStep)
  return openKeyRing(folder, folder.readKeys()!)
}
const crashAt = (step: string) => (at: string) => {
  if (at === step) throw new Error(`killed at ${step}`)
}

describe.each(['file-written', 'file-renamed', 'file-synced'])('killed at %s', (step) => {
  it('while a key is made, the former keys still sign', async () => {
    const before = (await open()).known()
    const ring = await open(crashAt(step))
    await expect(ring.make(null)).rejects.toThrow('killed')
    const after = await open()
    expect(after.known(), 'nobody is told of it').toEqual(before)
    after.settle(before)
    expect((await open()).known()).toEqual(before)
  })

  it('while the file follows the log, the next start makes it so', async () => {
    const ring = await open(crashAt(step))
    const { publicKeys } = ring.known()
    const wanted = { publicKeys, signing: keyIdOf(publicKeys[1]!) }
    expect(() => ring.settle(wanted)).toThrow('killed')
    const after = await open()
    after.settle(wanted)
    expect(after.signing(wanted.signing).keyId).toBe(wanted.signing)
    expect((await open()).known().signing).toBe(wanted.signing)
  })
})

describe('a key ring', () => {
  it('makes one key until the log names it', async () => {
    const ring = await open()
    const before = ring.known()
    const made = await ring.make(before)
    expect(await ring.make(before)).toBe(made)
    expect(ring.known()).toEqual(before)
    ring.settle({ ...before, publicKeys: [...before.publicKeys, made] })
    expect(await ring.make(ring.known())).not.toBe(made)
  })

  it('takes what a cut addition has left for the next one', async () => {
    const made = await (await open()).make(null)
    const after = await open()
    expect(after.known().publicKeys).not.toContain(made)
    expect(await after.make(null)).toBe(made)
  })

  it('says which key is not here', async () => {
    const ring = await open()
    expect(() => ring.signing('0'.repeat(16))).toThrow('keys.json lacks 0000000000000000')
  })
})

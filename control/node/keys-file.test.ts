/** The file of signing keys and the log are two writes: a crash between them is mended, or says what to do. */
import { statSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { generateKey } from '#wire/signature.ts'
import { type AgentUnderTest, enrolAgent } from '../agent-under-test.ts'
import { codeOf, keyCalls } from '../api/keys.fixture.ts'
import { type ControlUnderTest, startControl } from '../control-under-test.ts'
import { stateFiles } from './folder.ts'

describe('the file of signing keys, when control was killed', () => {
  let control: ControlUnderTest
  let agent: AgentUnderTest

  beforeEach(async () => {
    control = await startControl()
    agent = await enrolAgent(control, 'eu-1', 'eu-1-a')
  })
  afterEach(() => control.stop())

  const { ids, add, activate, retire, pinAll, kept, namedBySnapshot, signedBy } = keyCalls(() => ({
    control,
    agent,
  }))

  async function restartedWith(text: string): Promise<void> {
    control.folder.write(stateFiles.keys, text)
    await control.restart()
  }

  async function withLeftOver(): Promise<string> {
    const { key, pkcs8 } = await generateKey()
    const { version, keys } = control.folder.readKeys()!
    const left = { pkcs8, publicKey: key.publicKey }
    await restartedWith(JSON.stringify({ version, keys: [...keys, left] }))
    return key.keyId
  }

  it('between the file and the log of an add: the key is dropped, and the next add works', async () => {
    await add()
    const named = await ids()
    expect(await withLeftOver()).not.toBe(named[2])
    expect(await ids()).toEqual(named)
    expect(await kept()).toEqual(named)
    const next = await add()
    expect(await kept()).toEqual([...named, next])
  })

  it('in the first add of all: nobody is told of the key, and the next add takes it', async () => {
    const named = await ids()
    const left = await withLeftOver()
    expect(await ids()).toEqual(named)
    expect(codeOf(await activate(left))).toEqual([404, 'not-found'])
    expect(await add()).toBe(left)
    expect(await namedBySnapshot()).toEqual([...named, left])
    await pinAll()
    expect((await activate(left)).status).toBe(200)
    await expect.poll(signedBy).toBe(left)
  })

  it('between the log and the file of an activate: the file is mended', async () => {
    const third = await add()
    await pinAll()
    const before = control.folder.read(stateFiles.keys)!
    await activate(third)
    await restartedWith(before)
    expect((await kept())[0]).toBe(third)
    await expect.poll(signedBy).toBe(third)
  })

  it('between the log and the file of a retire: the key is dropped from the file', async () => {
    const [, second] = await ids()
    await add()
    await pinAll()
    const before = control.folder.read(stateFiles.keys)!
    expect((await retire(second!)).status).toBe(200)
    await restartedWith(before)
    expect(await kept()).not.toContain(second)
    expect(await kept()).toHaveLength(2)
  })

  it('and its file is older than the log: it says what to do', async () => {
    const before = control.folder.read(stateFiles.keys)!
    const third = await add()
    const newest = control.folder.read(stateFiles.keys)!
    await expect(restartedWith(before)).rejects.toThrow(
      `keys.json lacks ${third}, which the log names: restore keys.json from a backup`,
    )
    await control.served.stop().catch(() => {})
    await restartedWith(newest).catch(() => {})
  })

  it('is for nobody else, also after it was written anew', async () => {
    await add()
    expect(statSync(control.folder.file(stateFiles.keys)).mode & 0o777).toBe(0o600)
  })
})

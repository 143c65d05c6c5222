/** Rotation of signing keys: each step waits for every agent, and a crash between two writes is mended. */
import { statSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { limits } from '#wire/limits.ts'
import { readPreviewToken } from '#wire/preview-link.ts'
import { generateKey, keyIdOf } from '#wire/signature.ts'
import { type AgentUnderTest, enrolAgent } from '../agent-under-test.ts'
import { type Called, type ControlUnderTest, shop, startControl } from '../control-under-test.ts'
import { stateFiles } from '../node/folder.ts'

interface Listed {
  readonly keyId: string
  readonly state: string
  readonly missing: readonly { readonly agent: string }[]
}

describe('signing keys', () => {
  let control: ControlUnderTest
  let agent: AgentUnderTest

  beforeEach(async () => {
    control = await startControl()
    agent = await enrolAgent(control, 'eu-1', 'eu-1-a')
  })
  afterEach(() => control.stop())

  const codeOf = ({ status, body }: Called) => [status, body.code]
  const list = async () =>
    (await control.call('GET', '/v1/keys')).body.keys as unknown as readonly Listed[]
  const ids = async () => (await list()).map(({ keyId }) => keyId)
  const add = async () => {
    const added = await control.call('POST', '/v1/keys')
    expect(added.status).toBe(201)
    return String(added.body.keyId)
  }
  const activate = (keyId: string) => control.call('POST', `/v1/keys/${keyId}/activate`)
  const retire = (keyId: string) => control.call('POST', `/v1/keys/${keyId}/retire`)
  const pinAll = async () => agent.report({ pinnedKeys: [...(await ids())] })
  const inFile = () => control.folder.readKeys()!.keys.map(({ publicKey }) => keyIdOf(publicKey))
  async function namedBySnapshot(): Promise<readonly string[]> {
    const { body } = await control.call('GET', '/v1/clusters/eu-1/snapshot')
    const objects = body.objects as unknown as { kind: string; publicKeys: string[] }[]
    return objects.find(({ kind }) => kind === 'keys')?.publicKeys.map(keyIdOf) ?? []
  }
  async function signedBy(): Promise<string> {
    const path = '/v1/agents/eu-1/header'
    const { body } = await control.call('GET', path, { token: agent.token })
    return (body.header as unknown as { keyId: string }).keyId
  }

  it('are a signing one and a spare at first, which no snapshot names yet', async () => {
    const keys = await list()
    expect(keys.map(({ state }) => state)).toEqual(['signing', 'spare'])
    expect(keys[0]!.missing).toEqual([{ cluster: 'eu-1', agent: 'eu-1-a' }])
    expect(await namedBySnapshot()).toEqual([])
  })

  it('are added, activated and retired, and the next header is signed by the new one', async () => {
    const [first] = await ids()
    const third = await add()
    expect(await namedBySnapshot()).toEqual(await ids())
    expect(inFile()).toEqual(await ids())
    expect(statSync(control.folder.file(stateFiles.keys)).mode & 0o777).toBe(0o600)

    const early = await activate(third)
    expect(codeOf(early)).toEqual([409, 'key-not-pinned'])
    expect(early.body.detail).toContain('eu-1-a')
    await pinAll()
    expect((await activate(third)).status).toBe(200)
    await expect.poll(signedBy).toBe(third)
    expect(inFile()[0]).toBe(third)

    // Pinned, but nothing that the new key signed has been confirmed yet.
    expect(codeOf(await retire(first!))).toEqual([409, 'key-not-pinned'])
    await pinAll()
    expect((await retire(first!)).status).toBe(200)
    expect(await ids()).not.toContain(first)
    expect(inFile().sort()).toEqual((await ids()).toSorted())
    expect(await namedBySnapshot()).toEqual(await ids())
  })

  it('sign preview links as well, from the moment that they are active', async () => {
    await control.call('PUT', '/v1/apps/shop', { body: { ...shop, clusters: ['eu-1'] } })
    const preview = { links: true }
    const body = { app: 'shop', version: '1', autoPromote: false, preview }
    expect((await control.call('POST', '/v1/releases', { body })).status).toBe(201)
    const linkKey = async () => {
      const issued = await control.call('POST', '/v1/releases/shop-r1/preview-links', { body: {} })
      return readPreviewToken(String(issued.body.token))?.keyId
    }
    const [first] = await ids()
    expect(await linkKey()).toBe(first)
    const third = await add()
    expect(await linkKey()).toBe(first)
    await pinAll()
    await activate(third)
    expect(await linkKey()).toBe(third)
  })

  it('that sign, and the last spare, are not retired', async () => {
    const [first, second] = await ids()
    expect(codeOf(await retire(first!))).toEqual([409, 'last-key'])
    expect(codeOf(await retire(second!))).toEqual([409, 'last-key'])
    expect(codeOf(await retire('0'.repeat(16)))).toEqual([404, 'not-found'])
    expect(codeOf(await activate('nonsense'))).toEqual([400, 'invalid-request'])
  })

  it('are not taken for pinned because of what an agent said to a control before', async () => {
    const third = await add()
    await pinAll()
    await control.restart()
    expect(codeOf(await activate(third))).toEqual([409, 'key-not-pinned'])
    await pinAll()
    expect((await activate(third)).status).toBe(200)
    // Active already: nothing happens.
    const before = control.head()
    expect((await activate(third)).status).toBe(200)
    expect(control.head()).toBe(before + 1)
  })

  it('are handed to who enrols, and named in a snapshot of every cluster', async () => {
    await add()
    const body = { cluster: 'us-1', agent: 'us-1-a', publicKey: 'k'.repeat(43) }
    const token = control.enrolmentToken('us-1')
    const enrolled = await control.call('POST', '/v1/agents/enrol', { token, body })
    const pinned = enrolled.body.controlKeys as unknown as string[]
    expect(pinned.map(keyIdOf)).toEqual(await ids())
  })

  it('are sixteen at most, in the log and in the file', async () => {
    while ((await ids()).length < limits.signingKeys) await add()
    expect(codeOf(await control.call('POST', '/v1/keys'))).toEqual([422, 'limit-reached'])
    expect(inFile()).toHaveLength(limits.signingKeys)
    await control.restart()
    expect(await ids()).toHaveLength(limits.signingKeys)
  })

  it('are not changed by a dry run, nor by who is no admin', async () => {
    const before = [control.head(), inFile()]
    expect((await control.call('POST', '/v1/keys?dryRun=true')).status).toBe(200)
    expect([control.head(), inFile()]).toEqual(before)
    const body = { name: 'bob', scopes: ['release'] }
    const token = String((await control.call('POST', '/v1/tokens', { body })).body.token)
    expect(codeOf(await control.call('POST', '/v1/keys', { token }))).toEqual([403, 'forbidden'])
    expect(codeOf(await control.call('GET', '/v1/keys', { token }))).toEqual([403, 'forbidden'])
  })

  it('that are asked for again under one idempotency key are made once', async () => {
    const headers = { 'idempotency-key': 'one' }
    const made = await control.call('POST', '/v1/keys', { headers })
    const again = await control.call('POST', '/v1/keys', { headers })
    expect(again.body.keyId).toBe(made.body.keyId)
    expect(await ids()).toHaveLength(3)
    // What the repeated call had made is the next one.
    await add()
    expect(inFile()).toHaveLength(4)
  })

  describe('when control was killed', () => {
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
      expect(inFile()).toEqual(named)
      const next = await add()
      expect(inFile()).toEqual([...named, next])
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
      expect(inFile()[0]).toBe(third)
      await expect.poll(signedBy).toBe(third)
    })

    it('between the log and the file of a retire: the key is dropped from the file', async () => {
      const [, second] = await ids()
      await add()
      await pinAll()
      const before = control.folder.read(stateFiles.keys)!
      expect((await retire(second!)).status).toBe(200)
      await restartedWith(before)
      expect(inFile()).not.toContain(second)
      expect(inFile()).toHaveLength(2)
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
  })
})

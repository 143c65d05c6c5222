/** Rotation of signing keys: each step waits for every agent. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { limits } from '#wire/limits.ts'
import { readPreviewToken } from '#wire/preview-link.ts'
import { keyIdOf } from '#wire/signature.ts'
import { type AgentUnderTest, enrolAgent } from '../agent-under-test.ts'
import { type ControlUnderTest, shop, startControl } from '../control-under-test.ts'
import { codeOf, keyCalls } from './keys.fixture.ts'

describe('signing keys', () => {
  let control: ControlUnderTest
  let agent: AgentUnderTest

  beforeEach(async () => {
    control = await startControl()
    agent = await enrolAgent(control, 'eu-1', 'eu-1-a')
  })
  afterEach(() => control.stop())

  const { list, ids, add, activate, retire, pinAll, kept, namedBySnapshot, signedBy } = keyCalls(
    () => ({
      control,
      agent,
    }),
  )

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
    expect(await kept()).toEqual(await ids())

    const early = await activate(third)
    expect(codeOf(early)).toEqual([409, 'key-not-pinned'])
    expect(early.body.detail).toContain('eu-1/eu-1-a')
    await pinAll()
    expect((await activate(third)).status).toBe(200)
    await expect.poll(signedBy).toBe(third)
    expect((await kept())[0]).toBe(third)

    // Pinned, but nothing that the new key signed has been confirmed yet.
    expect(codeOf(await retire(first!))).toEqual([409, 'key-not-pinned'])
    await pinAll()
    expect((await retire(first!)).status).toBe(200)
    expect(await ids()).not.toContain(first)
    expect((await kept()).toSorted()).toEqual((await ids()).toSorted())
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

  it('are sixteen at most, in the log and beside it', async () => {
    while ((await ids()).length < limits.signingKeys) await add()
    expect(codeOf(await control.call('POST', '/v1/keys'))).toEqual([422, 'limit-reached'])
    expect(await kept()).toHaveLength(limits.signingKeys)
    await control.restart()
    expect(await ids()).toHaveLength(limits.signingKeys)
  })

  it('are not changed by a dry run, nor by who is no admin', async () => {
    const before = [control.head(), await kept()]
    expect((await control.call('POST', '/v1/keys?dryRun=true')).status).toBe(200)
    expect([control.head(), await kept()]).toEqual(before)
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
    expect(await kept()).toHaveLength(4)
  })
})

/** What an operator brings to a cluster with a leaf: complete, believed by agents, and told to nobody else. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { introduction } from '#wire/enrolment.ts'
import { makeKeys, type StoredKeys } from '../../control/trust/keys.ts'
import { completeCredentials } from './config.ts'

const script = resolve(import.meta.dirname, 'introduce.ts')
const credentials = completeCredentials(null, ['eu-1', 'us-1'], ['us-1'])

let folder: string
let keys: StoredKeys

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'swy-introduce-'))
  keys = await makeKeys()
  writeFileSync(join(folder, 'keys.json'), JSON.stringify(keys))
  writeFileSync(join(folder, 'users.json'), JSON.stringify(credentials))
})
afterEach(() => rmSync(folder, { recursive: true }))

const introduce = (...args: string[]) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((done) => {
    const all = [script, ...args, '--state', folder]
    const env = { ...process.env, SWITCHYARD_NATS_CREDENTIALS: join(folder, 'users.json') }
    execFile(process.execPath, all, { env }, (error, stdout, stderr) =>
      done({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })

test("the Secret holds the leaf's configuration and control's public keys, no private one", async () => {
  const { code, stdout, stderr } = await introduce('us-1', '--hub', 'nats.example:7422')
  expect([code, stderr]).toEqual([0, ''])
  const secret = JSON.parse(stdout)
  expect(secret).toMatchObject({ kind: 'Secret', metadata: { name: 'switchyard-nats' } })
  const introduced = introduction.parse(JSON.parse(secret.stringData['introduction.json']))
  expect(introduced.controlKeys).toEqual(keys.keys.map(({ publicKey }) => publicKey))
  const { password } = credentials.clusters['us-1']!
  expect(introduced.nats).toEqual({ user: 'cluster-us-1', password })
  expect(JSON.parse(secret.stringData['nats.conf'])).toMatchObject({
    jetstream: { domain: 'us-1' },
    leafnodes: { remotes: [{ url: `nats-leaf://cluster-us-1:${password}@nats.example:7422` }] },
  })
  for (const { pkcs8 } of keys.keys) expect(stdout).not.toContain(pkcs8)
  expect(stdout).not.toContain(credentials.control.password)
})

test.each([
  ['a cluster without a leaf', ['eu-1', '--hub', 'nats.example:7422'], 1, 'SWITCHYARD_LEAVES'],
  ['an address that is none', ['us-1', '--hub', 'nats.example'], 2, 'host:port'],
  ['no hub', ['us-1'], 2, '--hub'],
])('%s is refused', async (_, args, code, words) => {
  expect(await introduce(...args)).toMatchObject({
    code,
    stdout: '',
    stderr: expect.stringContaining(words),
  })
})

test('a damaged file is named, and not repeated', async () => {
  writeFileSync(join(folder, 'users.json'), '{"control":"secret-part"')
  const { code, stderr } = await introduce('us-1', '--hub', 'nats.example:7422')
  expect([code, stderr]).toEqual([1, expect.stringContaining('users.json is missing or damaged')])
  expect(stderr).not.toContain('secret-part')
})

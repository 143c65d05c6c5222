/** The Secrets of an installation: complete, kept, and never told. */
import { expect, test } from 'vitest'
import { natsCredentials } from '../../control/delivery/nats-credentials.ts'
import { loadKeys, storedKeys } from '../../control/trust/keys.ts'
import { looksLikeToken } from '../../control/trust/tokens.ts'
import { completeSecret, type SecretStore } from './init.ts'
import { initCommand } from './main.ts'
import { type SecretData, secretPlans } from './secrets.ts'

interface Kept {
  data: SecretData
  version: number
}

/** What an API server does with Secrets; `before` runs ahead of each write, as another writer would. */
function memoryStore(before: (store: Map<string, Kept>) => void = () => {}) {
  const secrets = new Map<string, Kept>()
  const writes: string[] = []
  const store: SecretStore = {
    async read(name) {
      const kept = secrets.get(name)
      return kept ? { data: kept.data, version: String(kept.version) } : null
    },
    async create(name, data) {
      before(secrets)
      if (secrets.has(name)) return false
      secrets.set(name, { data, version: 1 })
      writes.push(name)
      return true
    },
    async replace(name, data, version) {
      before(secrets)
      const kept = secrets.get(name)
      if (String(kept?.version) !== version) return false
      secrets.set(name, { data, version: Number(version) + 1 })
      writes.push(name)
      return true
    },
  }
  return { store, secrets, writes }
}

async function init(
  store: SecretStore,
  clusters: readonly string[],
  leaves: string[] = [],
  own?: string,
) {
  const outcomes: string[] = []
  for (const plan of secretPlans(clusters, leaves, own))
    outcomes.push(await completeSecret(store, plan))
  return outcomes
}

const dataOf = (secrets: ReadonlyMap<string, Kept>) =>
  Object.fromEntries([...secrets].map(([name, { data }]) => [name, data]))

test('a first run makes keys, tokens and users that are what they say', async () => {
  const { store, secrets } = memoryStore()
  expect(await init(store, ['eu-1', 'us-1'])).toEqual(['made', 'made', 'made', 'made'])
  const made = dataOf(secrets)
  await loadKeys(storedKeys.parse(JSON.parse(made['switchyard-keys']!['keys.json']!)))
  expect(made['switchyard-admin']!.token).toMatch(/^swy_admin_/)
  expect(Object.keys(made['switchyard-enrol']!)).toEqual(['eu-1', 'us-1'])
  expect(Object.values(made['switchyard-enrol']!).every(looksLikeToken)).toBe(true)
  const users = natsCredentials.parse(JSON.parse(made['switchyard-nats']!['users.json']!))
  const config = JSON.parse(made['switchyard-nats']!['nats.conf']!) as {
    authorization: { users: { user: string; password: string }[] }
  }
  expect(config.authorization.users.map(({ user }) => user)).toEqual([
    'control',
    'cluster-eu-1',
    'cluster-us-1',
  ])
  expect(config.authorization.users[1]!.password).toBe(users.clusters['eu-1']!.password)
})

test('a second run writes nothing; another cluster is added and what was there is kept', async () => {
  const { store, secrets, writes } = memoryStore()
  await init(store, ['eu-1'])
  const before = dataOf(secrets)
  writes.length = 0
  expect(await init(store, ['eu-1'])).toEqual(['kept', 'kept', 'kept', 'kept'])
  expect(writes).toEqual([])
  expect(await init(store, ['eu-1', 'us-1'])).toEqual(['kept', 'kept', 'completed', 'completed'])
  const after = dataOf(secrets)
  expect(after['switchyard-keys']).toEqual(before['switchyard-keys'])
  expect(after['switchyard-enrol']!['eu-1']).toBe(before['switchyard-enrol']!['eu-1'])
  expect(after['switchyard-enrol']!['us-1']).toMatch(/^swy_enrol_/)
})

test('a cluster that gets a leaf keeps its user, who is the leaf there from then on', async () => {
  const { store, secrets } = memoryStore()
  const nats = () => dataOf(secrets)['switchyard-nats']!
  await init(store, ['eu-1', 'us-1'])
  const before = natsCredentials.parse(JSON.parse(nats()['users.json']!))
  expect(JSON.parse(nats()['nats.conf']!)).not.toHaveProperty('leafnodes')
  expect(await init(store, ['eu-1', 'us-1'], ['us-1'])).toEqual([
    'kept',
    'kept',
    'kept',
    'completed',
  ])
  const after = natsCredentials.parse(JSON.parse(nats()['users.json']!))
  expect(after).toEqual({
    ...before,
    clusters: { ...before.clusters, 'us-1': { ...before.clusters['us-1'], leaf: true } },
  })
  expect(JSON.parse(nats()['nats.conf']!)).toMatchObject({
    leafnodes: { listen: '0.0.0.0:7422' },
    authorization: {
      users: [{}, {}, { user: 'cluster-us-1', allowed_connection_types: ['LEAFNODE'] }],
    },
  })
  await init(store, ['eu-1', 'us-1'])
  expect(natsCredentials.parse(JSON.parse(nats()['users.json']!))).toEqual(before)
})

test("the installation's own cluster keeps its name; nothing is changed for another one", async () => {
  const { store, secrets, writes } = memoryStore()
  await init(store, ['eu-1', 'us-1'], [], 'eu-1')
  expect(dataOf(secrets)['switchyard-keys']!.cluster).toBe('eu-1')
  writes.length = 0
  expect(await init(store, ['eu-1', 'us-1'], [], 'eu-1')).toEqual(['kept', 'kept', 'kept', 'kept'])
  for (const name of ['us-1', 'fra-1']) {
    await expect(init(store, [name, 'eu-1'], [], name)).rejects.toThrow(
      `is called "eu-1" and cannot become "${name}"`,
    )
  }
  expect(writes).toEqual([])
})

test('one that was installed before its name was kept has it from the next run on', async () => {
  const { store, secrets } = memoryStore()
  await init(store, ['eu-1'])
  const before = dataOf(secrets)['switchyard-keys']!
  expect(await init(store, ['eu-1'], [], 'eu-1')).toEqual(['completed', 'kept', 'kept', 'kept'])
  expect(dataOf(secrets)['switchyard-keys']).toEqual({ ...before, cluster: 'eu-1' })
})

test('a run that was cut is finished by the next one', async () => {
  const { store, secrets } = memoryStore()
  const [keys, admin] = secretPlans(['eu-1'])
  await completeSecret(store, keys!)
  await completeSecret(store, admin!)
  const before = dataOf(secrets)
  expect(await init(store, ['eu-1'])).toEqual(['kept', 'kept', 'made', 'made'])
  expect(dataOf(secrets)).toMatchObject(before)
})

test('of two that run at once, the second takes what the first has made', async () => {
  let once = true
  const { store, secrets } = memoryStore((all) => {
    if (!once) return
    once = false
    all.set('switchyard-enrol', { data: { 'eu-1': `swy_enrol_${'A'.repeat(43)}` }, version: 7 })
  })
  const plan = secretPlans(['eu-1', 'us-1'])[2]!
  expect(await completeSecret(store, plan)).toBe('completed')
  expect(secrets.get(plan.name)).toMatchObject({
    version: 8,
    data: { 'eu-1': `swy_enrol_${'A'.repeat(43)}`, 'us-1': expect.stringMatching(/^swy_enrol_/) },
  })
})

test('somebody who changes it all the time ends it, after a bounded number of attempts', async () => {
  const { store, secrets } = memoryStore((all) => {
    const kept = all.get('switchyard-enrol')
    if (kept) kept.version++
  })
  secrets.set('switchyard-enrol', { data: {}, version: 1 })
  await expect(completeSecret(store, secretPlans(['eu-1'])[2]!)).rejects.toThrow('all the time')
})

test.each([
  ['switchyard-keys', { 'keys.json': '{"secret-part' }],
  ['switchyard-admin', { token: 'secret-part' }],
  ['switchyard-enrol', { 'eu-1': 'secret-part' }],
  ['switchyard-nats', { 'users.json': '{"control":"secret-part"}' }],
])('a damaged %s is named, left as it is, and not repeated', async (name, data) => {
  const { store, secrets, writes } = memoryStore()
  secrets.set(name, { data, version: 1 })
  const plan = secretPlans(['eu-1']).find((one) => one.name === name)!
  const failure = await completeSecret(store, plan).catch((error: Error) => error.message)
  expect(failure).toContain(`the Secret ${name} is damaged`)
  expect(failure).not.toContain('secret-part')
  expect(writes).toEqual([])
})

test.each([
  ['no clusters', []],
  ['a name that is none', ['--clusters', 'eu-1,EU 2']],
  ['an own name that is none', ['--cluster', 'EU 2']],
  ['an empty name', ['--clusters', 'eu-1,']],
  ['too many', ['--clusters', Array.from({ length: 65 }, (_, n) => `c-${n}`).join()]],
  ['a leaf without a cluster', ['--clusters', 'eu-1', '--leaves', 'us-1']],
  ['a namespace that is none', ['--clusters', 'eu-1', '--namespace', 'Shop']],
])('a wrong command line is refused: %s', async (_, args) => {
  const command = initCommand(async () => {}).configureOutput({ writeErr: () => {} })
  await expect(command.parseAsync(args, { from: 'user' })).rejects.toThrow()
})

test.each([
  ['its own alone', ['--cluster', 'eu-1', '--clusters', ''], ['eu-1']],
  ['others, each once', ['--cluster', 'eu-1', '--clusters', 'us-1, eu-1,us-1'], ['eu-1', 'us-1']],
  ['none of its own', ['--clusters', 'eu-1, us-1,eu-1'], ['eu-1', 'us-1']],
])('the clusters of a fleet: %s', async (_, args, clusters) => {
  let heard: readonly string[] = []
  const command = initCommand(async (flags) => {
    heard = flags.clusters
  })
  await command.parseAsync(args, { from: 'user' })
  expect(heard).toEqual(clusters)
})

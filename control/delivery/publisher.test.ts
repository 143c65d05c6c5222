/** What the publisher promises to the turn, over transports that hang, fail or are ahead. */
import { afterEach, expect, test } from 'vitest'
import { generateKey } from '#wire/signature.ts'
import { emptyTree, treeOf } from '#wire/tree.ts'
import { announceStored } from './announcement.ts'
import { createHttpTransport } from './http.ts'
import { createPublisher, type Publisher } from './publisher.ts'
import type { FleetAhead, Publication } from './publisher-port.ts'
import type { Transport } from './transport.ts'

const { key } = await generateKey()
const publication = (revision: number): Publication => ({
  epoch: { number: 1, id: '00000000000000aa' },
  revision,
  format: 1,
  tree: treeOf([
    {
      kind: 'backend',
      key: 'backend/app-r1',
      app: 'app',
      release: 'app-r1',
      version: String(revision),
      platform: 'static',
    },
  ]),
})
const never = () => new Promise<never>(() => {})

let publisher: Publisher
let ahead: FleetAhead[]

afterEach(() => void publisher.stop())

function open(changes: Partial<Transport>, transport = createHttpTransport()): Transport {
  const changed = { ...transport, ...changes }
  ahead = []
  publisher = createPublisher({
    transport: changed,
    key: () => key,
    publicKeys: () => [key.publicKey],
    enrolled: () => [],
    onReport() {},
    onFleetAhead: (found) => ahead.push(found),
    onStale: (_, error) => {
      throw error
    },
    now: () => 1,
  })
  return changed
}
const start = (revision: number, ...clusters: string[]) =>
  publisher.start(new Map(clusters.map((cluster) => [cluster, publication(revision)])))
async function took(work: Promise<void>): Promise<number> {
  const startedMs = performance.now()
  await work
  return performance.now() - startedMs
}

test('publish resolves when the transport has the header', async () => {
  const transport = open({})
  await start(1, 'eu-1')
  await publisher.publish('eu-1', publication(2))
  expect(publisher.progress().get('eu-1')).toEqual({ wanted: 2, published: 2 })
  expect(await transport.readHeader('eu-1')).not.toBeNull()
})

test('a transport that hangs holds up a turn for a bound only', async () => {
  open({ publishHeader: never })
  await start(1, 'eu-1')
  const ms = await took(publisher.publish('eu-1', publication(2)))
  expect(ms).toBeGreaterThan(200)
  expect(ms).toBeLessThan(2_000)
  expect(publisher.progress().get('eu-1')).toEqual({ wanted: 2, published: null })
})

test('a transport that is away does not hold up a turn', async () => {
  open({ connected: () => false })
  void start(1, 'eu-1')
  await new Promise(setImmediate)
  expect(await took(publisher.publish('eu-1', publication(2)))).toBeLessThan(200)
})

test('a transport that fails is tried again until it works', async () => {
  let left = 3
  const inner = createHttpTransport()
  open(
    {
      async publishHeader(cluster, bytes) {
        if (left-- > 0) throw new Error('not now')
        await inner.publishHeader(cluster, bytes)
      },
    },
    inner,
  )
  await start(1, 'eu-1')
  await publisher.publish('eu-1', publication(2))
  await expect.poll(() => publisher.progress().get('eu-1')?.published, { timeout: 10_000 }).toBe(2)
})

test('nothing is written before the stored header was read', async () => {
  let written = 0
  open({
    readHeader: never,
    publishHeader: async () => void written++,
    storeBuckets: async () => void written++,
    storeIndex: async () => void written++,
  })
  await start(1, 'eu-1')
  await publisher.publish('eu-1', publication(2))
  expect(written).toBe(0)
})

test('one cluster that is ahead of the log stops all of them', async () => {
  const inner = createHttpTransport()
  const by = { cluster: 'us-1', key, nowMs: 1 }
  const newer = await announceStored({ ...publication(9), tree: emptyTree }, by)
  await inner.publishHeader('us-1', newer)
  open({}, inner)
  await start(1, 'eu-1', 'us-1')
  await publisher.publish('eu-1', publication(2))
  expect(ahead).toMatchObject([{ cluster: 'us-1', kind: 'newer', seenIn: 'header', revision: 9 }])
  expect(await inner.readHeader('eu-1')).toBeNull()
  expect(await inner.readHeader('us-1')).toBe(newer)
})

test('a cluster that joins later is published too', async () => {
  const transport = open({})
  await start(1, 'eu-1')
  await publisher.publish('us-1', publication(3))
  expect(await transport.readHeader('us-1')).not.toBeNull()
})

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { supportedFormats } from '#wire/header.ts'
import { emptyTree, type Tree } from '#wire/tree.ts'
import {
  announce,
  announceChange,
  bytesOf,
  createFakeSession,
  createSigner,
  type FakeSession,
  headerOf,
  type Signer,
  type Stored,
  shop,
  until,
} from '../fleet.fixture.ts'
import { createRefusals, type Refusals } from '../refusals.ts'
import { createSnapshots, type Held, type Snapshots } from './snapshots.ts'

const first = shop(1, 'shop-r1')
const second = shop(2, 'shop-r2')

let control: Signer
let stored: Stored
let session: FakeSession
let refusals: Refusals
let snapshots: Snapshots
let seen: Held[]

function open(held: Held | null = null, floor: Held['header'] | null = null): void {
  snapshots = createSnapshots({
    session,
    trust: { cluster: 'eu-1', keys: () => control.pinned, formats: supportedFormats },
    refusals,
    held,
    floor,
    onHeld: (one) => seen.push(one),
    log: () => {},
    timing: { lookEveryMs: 60_000, callMs: 1_000, retry: { firstMs: 5, mostMs: 20 } },
  })
}

beforeEach(async () => {
  control = await createSigner()
  stored = { header: null, tree: null }
  session = createFakeSession(stored)
  refusals = createRefusals(() => {})
  seen = []
})
afterEach(() => snapshots.stop())

const heldOf = async (tree: Tree, revision: number): Promise<Held> => {
  const header = headerOf(tree, { revision })
  const { header: sealed } = await announce(control, header)
  return { header, sealed, tree, receivedMs: null }
}
const refused = () => refusals.list().map(({ code, count }) => `${code} ${count}`)
const atRevision = (revision: number) =>
  until(`revision ${revision}`, () => snapshots.held()?.header.revision === revision)

describe('the held snapshot', () => {
  it('moves along announcements whose changes lead on from it, without asking for anything', async () => {
    open()
    const one = headerOf(first, { revision: 1 })
    snapshots.receive(bytesOf(await announceChange(control, one, emptyTree, first)))
    const two = headerOf(second, { revision: 2 })
    snapshots.receive(bytesOf(await announceChange(control, two, first, second)))
    await atRevision(2)
    expect(seen.map(({ header }) => header.revision)).toEqual([1, 2])
    expect(snapshots.held()?.tree.root).toBe(second.root)
    expect(session.asked).toEqual([])
  })

  it('closes a gap with the buckets that differ, and only those', async () => {
    open(await heldOf(first, 1))
    const header = headerOf(second, { revision: 3 })
    const message = await announceChange(control, header, shop(9, 'shop-r1'), second)
    stored.header = bytesOf(message)
    stored.tree = second
    snapshots.receive(bytesOf(message))
    await atRevision(3)
    const differing = first.buckets.flatMap(({ hash }, id) =>
      hash === second.buckets[id]!.hash ? [] : [id],
    )
    expect(session.asked).toEqual(differing)
  })

  it('lays the changes over buckets that control had no time to store', async () => {
    open()
    const header = headerOf(second, { revision: 2 })
    stored.header = bytesOf(await announceChange(control, header, first, second))
    stored.tree = first
    snapshots.repair()
    await atRevision(2)
  })

  it('fetches everything when the index lies', async () => {
    open(await heldOf(first, 1))
    stored.header = bytesOf(await announce(control, headerOf(second, { revision: 2 })))
    stored.tree = second
    stored.indexOf = first
    snapshots.repair()
    await atRevision(2)
    expect(session.asked).toHaveLength(256)
  })

  it('refuses changes that do not lead to the signed digest, and repairs', async () => {
    open(await heldOf(first, 1))
    const header = headerOf(second, { revision: 2 })
    const message = await announceChange(control, header, first, second)
    snapshots.receive(bytesOf({ ...message, put: [] }))
    await until('a refusal', () => refused()[0]?.startsWith('wrong-digest'))
    expect(snapshots.held()?.header.revision).toBe(1)
    stored.header = bytesOf(message)
    stored.tree = second
    await atRevision(2)
  })

  it('stays what it is while the stored buckets lead nowhere, and tries again', async () => {
    open(await heldOf(first, 1))
    stored.header = bytesOf(await announce(control, headerOf(second, { revision: 2 })))
    stored.tree = shop(7, 'shop-r1')
    snapshots.repair()
    await until('three attempts', () => (refusals.list()[0]?.count ?? 0) >= 3)
    expect(refused()[0]).toMatch(/^wrong-digest/)
    expect(snapshots.held()?.tree.root).toBe(first.root)
    stored.tree = second
    await atRevision(2)
  })

  it.each(['older', 'fork'])('does not move for a header that is %s', async (code) => {
    open(await heldOf(second, 2))
    const header = headerOf(first, { revision: code === 'older' ? 1 : 2 })
    stored.header = bytesOf(await announce(control, header))
    stored.tree = first
    snapshots.repair()
    await until('a refusal', () => refused().includes(`${code} 1`))
    expect(snapshots.held()?.tree.root).toBe(second.root)
    expect(snapshots.confirmed()).toBe(false)
  })

  it('is confirmed by the same header, and says so once', async () => {
    const held = await heldOf(first, 1)
    open(held)
    expect(snapshots.confirmed()).toBe(false)
    const message = bytesOf(await announce(control, held.header))
    snapshots.receive(message)
    snapshots.receive(message)
    await until('confirmation', () => snapshots.confirmed())
    expect(seen).toEqual([held])
    expect(refused()).toEqual([])
  })

  it('never goes behind the floor, even when the objects of the floor are lost', async () => {
    open(await heldOf(first, 1), headerOf(second, { revision: 5 }))
    stored.header = bytesOf(await announce(control, headerOf(first, { revision: 4 })))
    stored.tree = first
    snapshots.repair()
    await until('a refusal', () => refused().includes('older 1'))
    stored.header = bytesOf(await announce(control, headerOf(second, { revision: 5 })))
    stored.tree = second
    snapshots.repair()
    await atRevision(5)
  })

  it('refuses no stored header that an announcement has overtaken on the way', async () => {
    const [one, two] = [headerOf(first, { revision: 1 }), headerOf(second, { revision: 2 })]
    const older = await announceChange(control, one, emptyTree, first)
    const newer = await announceChange(control, two, first, second)
    const answer = Promise.withResolvers<Uint8Array>()
    const { header } = session
    session.header = () => answer.promise
    open(await heldOf(first, 1))
    snapshots.repair()
    snapshots.receive(bytesOf(newer))
    await atRevision(2)
    answer.resolve(bytesOf(older))
    session.header = header
    stored.header = bytesOf(newer)
    stored.tree = second
    snapshots.repair()
    await until('the next look', () => snapshots.confirmed())
    expect(refused()).toEqual([])
    stored.header = bytesOf(older)
    snapshots.repair()
    await until('a stored header that has gone back', () => refused().length > 0)
    expect(refused()).toEqual(['older 1'])
  })

  it('outlives an absent control and catches up when it is back', async () => {
    open(await heldOf(first, 1))
    stored.away = true
    snapshots.repair()
    await new Promise((resolve) => setTimeout(resolve, 50))
    stored.header = bytesOf(await announce(control, headerOf(second, { revision: 2 })))
    stored.tree = second
    stored.away = false
    await atRevision(2)
  })

  it('adopts only the newest of many announcements that it cannot prove', async () => {
    open()
    const last = headerOf(second, { revision: 100 })
    for (let revision = 2; revision < 100; revision++) {
      const header = headerOf(first, { revision })
      snapshots.receive(bytesOf(await announce(control, header, { since: 'b'.repeat(64) })))
    }
    stored.header = bytesOf(await announce(control, last))
    stored.tree = second
    snapshots.repair()
    await atRevision(100)
  })
})

/** What every transport does, the publisher in front of it and the pilot's reading side behind it. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { limits } from '#wire/limits.ts'
import { emptyTree } from '#wire/tree.ts'
import { until } from '../../deploy/local/until.ts'
import {
  type ControlSide,
  dyingBefore,
  type Keys,
  makeKeys,
  openControlSide,
} from './control-side.ts'
import { openReader, type Reader } from './reader.ts'
import type { Rig } from './rig.ts'
import { createHistory, manyObjects, withObjects, withoutObject } from './trees.ts'

const cluster = 'eu-1'
type History = ReturnType<typeof createHistory>

export function deliveryCases(name: string, open: () => Promise<Rig>): void {
  describe(`delivery over ${name}`, { timeout: 60_000 }, () => {
    let rig: Rig
    let keys: Keys
    let closing: (() => Promise<void>)[] = []

    beforeAll(async () => {
      keys = await makeKeys()
    })
    beforeEach(async () => {
      rig = await open()
    })
    const close = async () => {
      for (const one of closing.reverse()) await one()
      closing = []
      await rig.close()
    }
    afterEach(close)

    const control = async (
      history: History,
      wrap: (transport: ControlSide['transport']) => ControlSide['transport'] = (same) => same,
    ): Promise<ControlSide> => {
      const transport = wrap(await rig.transport())
      const publications = new Map([[cluster, history.newest()]])
      const side = await openControlSide({ transport, keys, publications })
      closing.push(() => side.stop())
      return side
    }
    const reader = async (agent = 'eu-1-a'): Promise<Reader> => {
      const opened = await openReader(rig.session(cluster, agent), cluster, keys.publicKeys)
      closing.push(() => opened.stop())
      return opened
    }

    /** Another control takes its place and dies after so many writes of a change. */
    async function dies(
      { transport }: ControlSide,
      writes: number,
      history: History,
      change: Parameters<History['next']>[0],
    ): Promise<void> {
      const dying = dyingBefore(transport, writes)
      const publications = new Map([[cluster, history.newest()]])
      const side = await openControlSide({ transport: dying, keys, publications })
      history.next(change)
      await side.publisher.publish(cluster, history.newest())
    }
    /** By the next control: for who reads already, and for who comes. */
    async function isCompleted(history: History, reading: Reader): Promise<void> {
      const { publisher } = await control(history)
      history.next((tree) => withObjects(tree, { 5: 3 }))
      await publisher.publish(cluster, history.newest())
      await reading.reaches(history.newest().tree.root)
      await (await reader('eu-1-b')).reaches(history.newest().tree.root)
    }

    test('a subscriber holds what was announced, change by change', async () => {
      const history = createHistory()
      const { publisher } = await control(history)
      const readers = [await reader('eu-1-a'), await reader('eu-1-b')]
      for (let value = 1; value <= 20; value++) {
        const { tree } = history.next((before) => withObjects(before, { 1: value, [value]: value }))
        await publisher.publish(cluster, history.newest())
        await Promise.all(readers.map((one) => one.reaches(tree.root)))
      }
      expect(readers[0]!.refusals()).toEqual([])
    })

    test('a reader that comes late finds the newest snapshot in the buckets', async () => {
      const history = createHistory(manyObjects(500, 1))
      const { publisher } = await control(history)
      history.next((tree) => withObjects(tree, { 1: 2 }))
      await publisher.publish(cluster, history.newest())
      history.next((tree) => withoutObject(tree, 1))
      await publisher.publish(cluster, history.newest())
      const { revision } = history.newest()
      const out = () => publisher.progress().get(cluster)?.published
      await until('all of it is stored', out, (published) => published === revision)
      const late = await reader()
      await late.reaches(history.newest().tree.root)
      expect(late.history).toHaveLength(1)
    })

    test('a bucket that has become empty is empty for a reader that held it', async () => {
      const history = createHistory(withObjects(emptyTree, { 1: 1, 2: 1 }))
      const { publisher } = await control(history)
      const one = await reader()
      await one.reaches(history.newest().tree.root)
      await one.stop()
      history.next((tree) => withoutObject(tree, 1))
      await publisher.publish(cluster, history.newest())
      await (await reader()).reaches(history.newest().tree.root)
      history.next(() => emptyTree)
      await publisher.publish(cluster, history.newest())
      await (await reader()).reaches(emptyTree.root)
    })

    test.each([
      ['at the limit the changes ride along', limits.announcementChanges, true],
      ['one past it they go as buckets first', limits.announcementChanges + 1, false],
    ])('%s', async (_, count, ridesAlong) => {
      const history = createHistory(manyObjects(count, 1))
      const { publisher, transport } = await control(history)
      const held = await reader()
      await held.reaches(history.newest().tree.root)
      history.next(() => manyObjects(count, 2))
      await publisher.publish(cluster, history.newest())
      await held.reaches(history.newest().tree.root)
      const stored = JSON.parse(new TextDecoder().decode((await transport.readHeader(cluster))!))
      expect(stored.since !== null).toBe(ridesAlong)
      await (await reader('eu-1-b')).reaches(history.newest().tree.root)
    })

    test('the newest tree wins when they come faster than they can go', async () => {
      const history = createHistory()
      const { publisher } = await control(history)
      const held = await reader()
      const published: Promise<void>[] = []
      for (let value = 1; value <= 300; value++) {
        history.next((tree) => withObjects(tree, { [value % 40]: value }))
        published.push(publisher.publish(cluster, history.newest()))
      }
      await Promise.all(published)
      await held.reaches(history.newest().tree.root)
      expect(publisher.progress().get(cluster)).toEqual({ wanted: 301, published: 301 })
    })

    test('control that dies before any write leaves the stored header provable', async () => {
      for (let writes = 0; writes <= 6; writes++) {
        const history = createHistory(withObjects(emptyTree, { 1: 1, 2: 1, 3: 1 }))
        const before = await control(history)
        await until(
          'the first one is out',
          () => before.publisher.progress().get(cluster),
          (it) => it?.published === 1,
        )
        await before.publisher.stop()

        await dies(before, writes, history, (tree) => withObjects(tree, { 1: 2, 2: 2, 4: 2 }))
        const expected = writes === 0 ? history.digestAt(1)! : history.digestAt(2)!
        const late = await reader()
        await late.reaches(expected)

        await isCompleted(history, late)
        await close()
        rig = await open()
      }
    }, 60_000)

    test('control that dies in a big change is completed by the next one', async () => {
      for (const writes of [0, 1, 100, 256, 257]) {
        const history = createHistory(manyObjects(600, 1))
        const first = await control(history)
        const held = await reader()
        await held.reaches(history.newest().tree.root)
        await first.publisher.stop()
        await dies(first, writes, history, () => manyObjects(600, 2))
        expect(held.held()?.digest).toBe(history.digestAt(1))

        await isCompleted(history, held)
        await close()
        rig = await open()
      }
    }, 60_000)
  })
}

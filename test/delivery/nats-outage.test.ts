/** NATS goes away in every way it can, while publisher and sessions live (P6). */

import { readFileSync } from 'node:fs'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'nats'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { streamName, subjects } from '#wire/subjects.ts'
import { emptyTree } from '#wire/tree.ts'
import { natsCredentials } from '../../control/delivery/nats-credentials.ts'
import { until } from '../../deploy/local/until.ts'
import { type ControlSide, type Keys, makeKeys, openControlSide } from './control-side.ts'
import { openReader, type Reader } from './reader.ts'
import { type NatsRig, openNatsRig } from './rig.ts'
import { createHistory, firstEpoch, manyObjects, withObjects } from './trees.ts'

const cluster = 'eu-1'
const convergeMs = 30_000

describe('NATS', () => {
  let rig: NatsRig
  let keys: Keys
  let history: ReturnType<typeof createHistory>
  let control: ControlSide
  let readers: Reader[]

  beforeEach(async () => {
    keys = await makeKeys()
    rig = await openNatsRig()
    history = createHistory(withObjects(emptyTree, { 1: 1, 2: 1, 3: 1 }))
    control = await openControl()
    readers = await Promise.all(['eu-1-a', 'eu-1-b'].map(openOne))
    await converged()
  })
  afterEach(async () => {
    await Promise.all(readers.map((reader) => reader.stop()))
    await control.stop()
    await rig.close()
  })
  const openControl = async (publication = history.newest()) =>
    openControlSide({
      transport: await rig.transport(),
      keys,
      publications: new Map([[cluster, publication]]),
    })
  const openOne = (agent: string) =>
    openReader(rig.session(cluster, agent), cluster, keys.publicKeys)

  /** Readers check themselves that nothing older is ever held. */
  async function converged(withinMs = convergeMs): Promise<void> {
    const { tree } = history.newest()
    await Promise.all(readers.map((reader) => reader.reaches(tree.root, withinMs)))
    const late = await openOne('eu-1-late')
    await late.reaches(tree.root, withinMs)
    await late.stop()
  }
  async function change(value: number): Promise<void> {
    history.next((tree) => withObjects(tree, { 1: value, [value]: value }))
    await control.publisher.publish(cluster, history.newest())
  }

  test.each(['stop', 'kill'] as const)(
    '%s and start: what was asked meanwhile arrives',
    async (how) => {
      await rig.outage(async () => {
        for (let value = 10; value < 15; value++) await change(value)
      }, how)
      await converged()
      await change(20)
      await converged(5_000)
    },
    90_000,
  )

  test('wiped: everything is written again, also when nothing changes', async () => {
    const wipe = () => rm(rig.server().storeFolder, { recursive: true })
    await rig.outage(wipe, 'kill')
    await converged()
    await change(20)
    await rig.outage(async () => {
      await wipe()
      await change(21)
    })
    await converged()
  }, 90_000)

  test('rolled back to an older data folder: no reader goes back, all converge', async () => {
    const older = join(rig.stateFolder, 'older')
    await rig.outage(() => cp(rig.server().storeFolder, older, { recursive: true }))
    for (let value = 10; value < 20; value++) await change(value)
    await converged()
    const rollBack = async () => {
      await rm(rig.server().storeFolder, { recursive: true })
      await cp(older, rig.server().storeFolder, { recursive: true })
    }
    await rig.outage(rollBack, 'kill')
    await converged()
    await rig.outage(async () => {
      await rollBack()
      await change(30)
    })
    await converged()
    await change(31)
    await converged(5_000)
    expect(control.ahead).toEqual([])
    expect(control.stale).toEqual([])
  }, 120_000)

  test('a stream that is deleted behind our back is written again within 10 s', async () => {
    const admin = await connect({
      servers: rig.server().servers,
      ...adminLogin(rig),
      inboxPrefix: '_INBOX_control',
    })
    await admin.request(`$JS.API.STREAM.DELETE.${streamName(cluster)}`)
    const seen = async () => (await control.transport.readHeader(cluster)) !== null
    await until('the header is stored again', seen, Boolean, 12_000, 100)
    await converged()
    await admin.close()
  }, 60_000)

  test('a zombie cannot put an old header back, and stops', async () => {
    const zombie = control
    control = await openControl()
    await change(10)
    await converged()
    const next = history.newest()
    await zombie.publisher.publish(cluster, {
      ...next,
      revision: next.revision - 1,
      tree: withObjects(next.tree, { 1: 666 }),
    })
    await until(
      'the zombie is told',
      () => zombie.stale,
      (stale) => stale.length > 0,
    )
    await change(11)
    await converged()
    expect(control.stale).toEqual([])
    expect(readers[0]!.refusals()).toEqual(expect.not.arrayContaining(['fork']))
    await zombie.stop()
  })

  test.each([
    ['a higher revision', { revision: 1 }, 'newer'],
    ['the same revision with another tree', { tree: withObjects(emptyTree, { 1: 9 }) }, 'fork'],
    ['another id of the epoch', { epoch: { ...firstEpoch, id: 'bbbbbbbbbbbbbbbb' } }, 'fork'],
  ] as const)('a log that is behind %s publishes nothing', async (_, older, kind) => {
    await change(10)
    await converged()
    await control.stop()
    const stored = history.newest()
    control = await openControl({ ...stored, ...older })
    expect(control.ahead).toMatchObject([
      { cluster, kind, seenIn: 'header', revision: stored.revision },
    ])
    await control.publisher.publish(cluster, {
      epoch: firstEpoch,
      revision: stored.revision + 10,
      format: 1,
      tree: manyObjects(3, 3),
    })
    await converged()
    expect(readers[0]!.held()?.revision).toBe(stored.revision)
  })

  test('a log that was behind publishes again in a raised epoch', async () => {
    await change(10)
    await converged()
    await control.stop()
    control = await openControl({ ...history.newest(), revision: 1 })
    expect(control.ahead).toHaveLength(1)
    history = createHistory(withObjects(emptyTree, { 1: 7 }), { number: 2, id: 'dddddddddddddddd' })
    await control.publisher.publish(cluster, history.newest())
    await converged()
  })

  test('frozen for a while: a header of unknown fate is looked up, not fought over', async () => {
    process.kill(rig.server().pid, 'SIGSTOP')
    await change(10)
    await change(11)
    await until(
      'a write has timed out',
      () => control.failures,
      (seen) => seen.length > 0,
      15_000,
    )
    process.kill(rig.server().pid, 'SIGCONT')
    await change(12)
    await converged()
    expect(control.stale).toEqual([])
  }, 60_000)

  test('a raised epoch takes the fleet over', async () => {
    for (let value = 10; value < 15; value++) await change(value)
    await converged()
    await control.stop()
    history = createHistory(withObjects(emptyTree, { 1: 5 }), { number: 2, id: 'cccccccccccccccc' })
    control = await openControl()
    expect(control.ahead).toEqual([])
    await converged()
  })

  test('damaged and foreign bytes in the stream are written over', async () => {
    await change(10)
    await converged()
    await control.stop()
    const admin = await connect({
      servers: rig.server().servers,
      ...adminLogin(rig),
      inboxPrefix: '_INBOX_control',
    })
    await admin.request(subjects(cluster).header, 'not a header')
    for (let bucket = 0; bucket < 256; bucket += 3) {
      await admin.request(subjects(cluster).bucket(bucket), '{"bucket":0,"objects":[]')
    }
    await admin.close()
    control = await openControl()
    await converged()
  })
})

const adminLogin = (rig: NatsRig) => {
  const file = readFileSync(rig.server().credentialsFile, 'utf8')
  const { user, password } = natsCredentials.parse(JSON.parse(file)).control
  return { user, pass: password }
}

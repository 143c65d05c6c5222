/** A publisher whose connection to NATS is let go between events, as on Workers (DESIGN D4). */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { emptyTree } from '#wire/tree.ts'
import { until } from '../../deploy/local/until.ts'
import { type ControlSide, type Keys, makeKeys, openControlSide } from './control-side.ts'
import { openReader, type Reader } from './reader.ts'
import { type NatsRig, openNatsRig } from './rig.ts'
import { createHistory, withObjects } from './trees.ts'

const cluster = 'eu-1'

describe('a connection that is let go', () => {
  let rig: NatsRig
  let keys: Keys
  let history: ReturnType<typeof createHistory>
  let control: ControlSide
  let reader: Reader

  beforeEach(async () => {
    keys = await makeKeys()
    rig = await openNatsRig()
    history = createHistory(withObjects(emptyTree, { 1: 1 }))
    control = await openControlSide({
      transport: await rig.transport(),
      keys,
      publications: new Map([[cluster, history.newest()]]),
    })
    reader = await openReader(rig.session(cluster, 'eu-1-a'), cluster, keys.publicKeys)
    await reader.reaches(history.newest().tree.root, 30_000)
    await idle()
    await rest()
  })
  afterEach(async () => {
    await reader.stop()
    await control.stop()
    await rig.close()
  })

  const presence = () => control.transport.presence!
  const idle = () => until('idle', control.publisher.isIdle, Boolean)
  async function rest(): Promise<void> {
    const gone = presence().letGo()
    control.publisher.rest()
    await gone
    expect(control.transport.connected()).toBe(false)
  }
  async function visit(): Promise<void> {
    await presence().hold()
    await control.publisher.heard()
    await idle()
  }
  const change = (value: number) => {
    history.next((tree) => withObjects(tree, { 1: value }))
    return control.publisher.publish(cluster, history.newest())
  }

  test('comes back for the next publication, many times', async () => {
    for (let value = 2; value < 12; value++) {
      const published = change(value)
      await visit()
      await published
      await reader.reaches(history.newest().tree.root, 30_000)
      await rest()
    }
    expect(control.failures).toEqual([])
  })

  test('publishes what was asked while it rested, also when it was wiped meanwhile', async () => {
    await change(2)
    await rig.outage(async () => {}, 'kill')
    expect(reader.held()?.digest).not.toBe(history.newest().tree.root)
    await visit()
    await reader.reaches(history.newest().tree.root, 30_000)
  })

  test('that cannot be reached answers at once, and is tried again', async () => {
    await rig.outage(async () => {
      await presence().hold()
      expect(control.transport.connected()).toBe(false)
      await presence().hold()
    })
    await control.publisher.heard()
    expect(control.transport.connected()).toBe(true)
  })

  test('hears what was stored meanwhile, and how old it is', async () => {
    const session = rig.session(cluster, 'eu-1-b')
    const signal = AbortSignal.timeout(30_000)
    await session.report(new TextEncoder().encode('{"said":"meanwhile"}'), signal)
    await session.close()
    const storedMs = performance.now()
    await visit()
    expect(control.refused, 'it was read').toContain('malformed')
    const [stored] = await control.transport.readReports(cluster)
    const sinceMs = performance.now() - storedMs
    expect(stored!.ageMs).toBeGreaterThanOrEqual(0)
    expect(stored!.ageMs, 'by the clock of NATS').toBeLessThan(sinceMs + 1_000)
  })
})

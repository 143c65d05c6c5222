/**
 * A cluster whose stream is kept by a NATS leaf inside it (ADR 17): the same suite as every transport, and
 * what the leaf is for: it answers while the hub is away.
 */
import { connect } from 'nats'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { inboxPrefix, streamName, subjects } from '#wire/subjects.ts'
import { emptyTree } from '#wire/tree.ts'
import { until } from '../../deploy/local/until.ts'
import { type ControlSide, type Keys, makeKeys, openControlSide } from './control-side.ts'
import { deliveryCases } from './delivery.cases.ts'
import { type LeafRig, leafCluster, openLeafRig } from './leaf-rig.ts'
import { openReader, type Reader } from './reader.ts'
import { reportCases } from './reports.cases.ts'
import { createHistory, withObjects } from './trees.ts'

deliveryCases('a NATS leaf', openLeafRig)
reportCases('a NATS leaf', openLeafRig)

const convergeMs = 30_000

describe('a NATS leaf', { timeout: 90_000 }, () => {
  let rig: LeafRig
  let keys: Keys
  let history: ReturnType<typeof createHistory>
  let control: ControlSide
  let reader: Reader

  beforeEach(async () => {
    keys = await makeKeys()
    rig = await openLeafRig()
    history = createHistory(withObjects(emptyTree, { 1: 1, 2: 1, 3: 1 }))
    control = await openControl()
    reader = await openOne('eu-1-a')
    await reader.reaches(history.newest().tree.root, convergeMs)
  })
  afterEach(async () => {
    await reader.stop()
    await control.stop()
    await rig.close()
  })
  const openControl = async (which = [leafCluster, 'us-1']) =>
    openControlSide({
      transport: await rig.transport(),
      keys,
      publications: new Map(which.map((cluster) => [cluster, history.newest()])),
    })
  const openOne = (agent: string, cluster = leafCluster) =>
    openReader(rig.session(cluster, agent), cluster, keys.publicKeys)
  async function lateReaches(cluster = leafCluster): Promise<void> {
    const late = await openOne('late', cluster)
    await late.reaches(history.newest().tree.root, convergeMs).finally(late.stop)
  }
  async function change(value: number, which = [leafCluster, 'us-1']): Promise<void> {
    history.next((tree) => withObjects(tree, { 1: value, [value]: value }))
    for (const cluster of which) await control.publisher.publish(cluster, history.newest())
  }
  const stored = () =>
    until(
      'all of it is stored',
      () => control.publisher.progress().get(leafCluster)?.published,
      (revision) => revision === history.newest().revision,
      convergeMs,
    )

  test('the hub away: who comes late finds all of it; its return brings what was asked meanwhile', async () => {
    await change(10)
    await stored()
    await rig.hub.kill()
    await lateReaches()
    await change(11)
    await rig.hub.start()
    await reader.reaches(history.newest().tree.root, convergeMs)
    await lateReaches()
    await lateReaches('us-1')
  })

  test('the hub away and the leaf restarted: it has on disk what it has acknowledged', async () => {
    await change(10)
    await stored()
    await rig.hub.kill()
    await rig.leaf.kill()
    await rig.leaf.start()
    await lateReaches()
  })

  test('the hub wiped: nothing is lost in the cluster with a leaf', async () => {
    await change(10)
    await rig.hub.kill()
    await rig.hub.wipe()
    await rig.hub.start()
    await change(11)
    await reader.reaches(history.newest().tree.root, convergeMs)
    await lateReaches()
  })

  test('the leaf wiped: control sees it within its look and writes everything again', async () => {
    await change(10)
    await rig.leaf.kill()
    await rig.leaf.wipe()
    await rig.leaf.start()
    await lateReaches()
    await change(11)
    await reader.reaches(history.newest().tree.root, convergeMs)
    expect(control.stale).toEqual([])
  })

  test('a leaf that is away holds no other cluster back', async () => {
    await rig.leaf.kill()
    await change(10)
    await lateReaches('us-1')
    await change(11)
    await rig.leaf.start()
    await reader.reaches(history.newest().tree.root, convergeMs)
  })

  test("its user is the leaf's alone at the hub, and at the leaf it may do what an agent does", async () => {
    const login = { user: rig.user(leafCluster).user, pass: rig.user(leafCluster).password }
    const atHub = connect({ servers: rig.hub.servers(), ...login, reconnect: false })
    await expect(atHub).rejects.toThrow(/authorization violation/i)
    const own = { ...login, inboxPrefix: inboxPrefix(leafCluster), reconnect: false }
    const agent = await connect({ servers: rig.leaf.servers(), ...own })
    for (const subject of [
      subjects(leafCluster).header,
      subjects('us-1').header,
      `$JS.API.STREAM.PURGE.${streamName(leafCluster)}`,
    ]) {
      await expect(agent.request(subject, '{}', { timeout: 2_000 })).rejects.toThrow(
        /permissions violation/i,
      )
    }
    await agent.close()
  })

  test('what a leaf forges for another cluster ends at the hub', async () => {
    const forger = await rig.forgingLeaf()
    const seen = () => {
      forger.publish(subjects('us-1').header, 'forged')
      forger.publish(subjects('us-1').report('us-1-a'), 'forged')
      forger.publish(subjects(leafCluster).report('eu-1-a'), 'its own')
      return control.refusedIn
    }
    const refused = await until('its own report', seen, (clusters) => clusters.length > 3)
    await forger.close()
    expect(new Set(refused)).toEqual(new Set([leafCluster]))
    await lateReaches('us-1')
  })
})

/**
 * The switch, case by case, over HTTP with real agents: one row of the design's table each, on one fleet,
 * every row with an app of its own. The pure machine runs the same rows beside the domain.
 */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type OpenTunnel, openTunnel } from '../../deploy/local/exchanges.ts'
import { until, untilPhase } from '../../deploy/local/until.ts'
import { openStage, type Stage } from '../stage.ts'
import { active, agentNamed, lateAgents, paused, problemOf, versionsEverywhere } from './rows.ts'

describe('the switch over HTTP', { timeout: 60_000 }, () => {
  let stage: Stage
  beforeAll(async () => {
    stage = await openStage({ agentsPerCluster: 3, later: lateAgents })
  }, 120_000)
  afterAll(() => stage?.close())

  /** An app with version 1 live and version 2 ready to be promoted. */
  async function ready(app: string, options: { deadlineMs?: number; copies?: number } = {}) {
    const { copies, ...release } = options
    await stage.putApp(app, copies === undefined ? {} : { copies })
    const first = await stage.release({ app, version: '1', autoPromote: true })
    const second = await stage.release({ app, version: '2', ...release })
    return { first: first.id, second: second.id }
  }

  test('a second release while one is active: 409 naming it; after live the next may start', async () => {
    const { client } = stage.fleet
    const { second } = await ready('second')
    const problem = await problemOf(client.createRelease({ app: 'second', version: '3' }))
    expect(problem).toMatchObject({ status: 409, code: 'release-in-progress' })
    expect(JSON.stringify(problem)).toContain(second)
    await client.step(second, 'promote', active)
    const third = await stage.release({ app: 'second', version: '3' })
    expect(third.phase).toBe('ready')
    expect((await client.getRelease(second)).rollback.ready).toBe(true)
  })

  test("an app's routes change during a release: allowed; its copies or clusters: 409; DELETE: 409", async () => {
    const { client } = stage.fleet
    const { second } = await ready('routes')
    await stage.putApp('routes', {
      routes: [{ name: 'cart', matches: [{ path: { type: 'PathPrefix', value: '/cart' } }] }],
    })
    expect(await stage.get('us-1-a', 'routes', '/cart')).toMatchObject({ version: '1' })
    expect(await stage.get('us-1-a', 'routes', '/')).toMatchObject({ status: 404 })
    const changes = [
      stage.putApp('routes', { copies: 2 }),
      stage.putApp('routes', { clusters: ['eu-1'] }),
      client.deleteApp('routes'),
    ]
    for (const change of changes) {
      expect(await problemOf(change)).toMatchObject({ status: 409, code: 'app-in-release' })
    }
    await client.step(second, 'promote', active)
    expect(await stage.get('eu-1-b', 'routes', '/cart')).toMatchObject({ version: '2' })
  })

  test('an agent joins during a release: it adopts the committed position and is not required', async () => {
    const { fleet } = stage
    const { second } = await ready('joins', { deadlineMs: 20_000 })
    const go = paused(fleet, 'us-1-a')
    await fleet.client.step(second, 'promote')
    await fleet.startOne('eu-1-c')
    expect(await stage.get('eu-1-c', 'joins')).toMatchObject({ status: 200, version: '1' })
    const { switch: current } = await fleet.client.getRelease(second)
    expect(current?.state).toBe('preparing')
    expect(current?.required.map(({ agent }) => agent)).not.toContain('eu-1-c')
    go()
    await untilPhase(fleet.client, second, 'live')
    await until(
      'it has followed',
      () => stage.get('eu-1-c', 'joins'),
      (seen) => seen.version === '2',
    )
  })

  test('an agent that is not prepared until the deadline: aborted everywhere, with the reason', async () => {
    const { fleet } = stage
    const { second } = await ready('refuses', { deadlineMs: 800 })
    const go = paused(fleet, 'us-1-b')
    await fleet.client.step(second, 'promote')
    const view = await until(
      'it is aborted',
      () => fleet.client.getRelease(second),
      (seen) => seen.switch?.state === 'aborted',
    )
    go()
    expect(view.switch?.reason).toContain('us-1-b')
    expect(await versionsEverywhere(stage, 'refuses')).toEqual(new Set(['1']))
  })

  test('whenSilent proceed needs an ack from each cluster', async () => {
    const { fleet } = stage
    await stage.putApp('silent')
    await stage.release({ app: 'silent', version: '1', autoPromote: true })
    const candidate = await stage.release({
      app: 'silent',
      version: '2',
      whenSilent: 'proceed',
      deadlineMs: 800,
    })
    const go = [paused(fleet, 'us-1-a'), paused(fleet, 'us-1-b')]
    await fleet.client.step(candidate.id, 'promote')
    const view = await until(
      'it is aborted',
      () => fleet.client.getRelease(candidate.id),
      (seen) => seen.switch?.state === 'aborted',
    )
    for (const one of go) one()
    expect(view.switch?.reason).toContain('us-1')
    expect(await versionsEverywhere(stage, 'silent')).toEqual(new Set(['1']))
  })

  test('after the decision only forward: incomplete is said by name, and completes by itself', async () => {
    const { fleet } = stage
    const { second } = await ready('forward', { deadlineMs: 20_000 })
    const go = await decidedWithout(second, 'us-1-b', 'us-1-a')
    const view = await fleet.client.getRelease(second)
    expect(view.phase).toBe('committing')
    expect(view.status).toContain('incomplete')
    expect(view.waiting?.code).toBe('active')
    const problem = await problemOf(fleet.client.step(second, 'abort'))
    expect(problem).toMatchObject({ status: 409, code: 'phase-conflict' })
    go()
    await untilPhase(fleet.client, second, 'live')
    expect(await versionsEverywhere(stage, 'forward')).toEqual(new Set(['2']))
  })

  test('rollback during an incomplete commit: a new generation wins everywhere', async () => {
    const { fleet } = stage
    const { first, second } = await ready('during', { deadlineMs: 20_000 })
    const go = await decidedWithout(second, 'us-1-b', 'us-1-a')
    const before = (await fleet.client.getRelease(second)).switch!.generation
    await fleet.client.step(second, 'rollback')
    go()
    const view = await untilPhase(fleet.client, first, 'live')
    expect(view.switch!.generation).toBeGreaterThan(before)
    await until(
      'every agent has the newer generation',
      () => versionsEverywhere(stage, 'during'),
      (seen) => seen.size === 1 && seen.has('1'),
    )
  })

  test('rolling back a rollback is a switch like any other', async () => {
    const { client } = stage.fleet
    const { first, second } = await ready('again')
    await client.step(second, 'promote', active)
    await client.step(second, 'rollback', active)
    expect(await versionsEverywhere(stage, 'again')).toEqual(new Set(['1']))
    await client.step(second, 'promote', active)
    expect(await versionsEverywhere(stage, 'again')).toEqual(new Set(['2']))
    expect((await client.getRelease(first)).phase).toBe('retired')
  })

  test('promote pressed twice: 412 for a stale If-Match, the recorded answer for the same key', async () => {
    const { client } = stage.fleet
    const { second } = await ready('twice')
    const seen = await client.getRelease(second)
    const press = { ...active, ifMatch: seen.etag, idempotencyKey: randomUUID() }
    const answer = await client.step(second, 'promote', press)
    const { generation } = (await client.getRelease(second)).switch!
    expect(answer.id).toBe(second)
    await client.step(second, 'promote', press)
    expect((await client.getRelease(second)).switch!.generation).toBe(generation)
    const stale = await problemOf(client.step(second, 'promote', { ifMatch: seen.etag }))
    expect(stale).toMatchObject({ status: 412, code: 'state-changed' })
    const reused = await problemOf(
      client.createRelease(
        { app: 'twice', version: '3' },
        { idempotencyKey: press.idempotencyKey },
      ),
    )
    expect(reused).toMatchObject({ status: 422, code: 'idempotency-key-reused' })
  })

  test('decommission while in use: 409 with the ledger', async () => {
    const { client } = stage.fleet
    const { first, second } = await ready('in-use')
    const tunnel = await tunnelTo('in-use')
    await client.step(second, 'promote', active)
    await until(
      'the ledger shows it',
      () => client.getRelease(first),
      (view) => view.ledger.inUse > 0,
    )
    const problem = await problemOf(client.step(first, 'decommission'))
    expect(problem).toMatchObject({ status: 409, code: 'in-use' })
    expect(await problemOf(client.step(second, 'decommission'))).toMatchObject({ code: 'is-live' })
    await tunnel.close()
  })

  test('at the drain deadline agents close what is open with 1001, and it may be decommissioned', async () => {
    const { client } = stage.fleet
    await stage.putApp('drains', { drainDeadlineMs: 500 })
    const first = (await stage.release({ app: 'drains', version: '1', autoPromote: true })).id
    const second = (await stage.release({ app: 'drains', version: '2' })).id
    const tunnel = await tunnelTo('drains')
    await client.step(second, 'promote', active)
    expect(await tunnel.say('open')).toBe('1: open')
    expect(await tunnel.closed).toBe(1001)
    await until(
      'it is free',
      () => client.getRelease(first),
      (view) => view.ledger.mayDecommission,
    )
    await client.step(first, 'decommission')
    await untilPhase(client, first, 'decommissioned')
  })

  test('an ordinary change is acked without the barrier, and ?wait=active waits for the acks', async () => {
    const { fleet } = stage
    await ready('ordinary')
    const go = paused(fleet, 'us-1-b')
    const change = { routes: [{ name: 'other', hosts: ['other.example'] }] }
    const slow = problemOf(stage.putApp('ordinary', change, { wait: 'active', timeoutMs: 600 }))
    await until(
      'eu-1 serves it already',
      () => stage.get('eu-1-a', 'other'),
      (seen) => seen.status === 200,
    )
    expect(await slow).toMatchObject({ status: 504, code: 'wait-timeout' })
    go()
    await until(
      'us-1-b serves it too',
      () => stage.get('us-1-b', 'other'),
      (seen) => seen.status === 200,
    )
  })

  test('nothing is removed while an enrolled agent is silent; forgetting it is an intent', async () => {
    const { fleet } = stage
    const { client } = fleet
    await fleet.startOne('us-1-c')
    const { first, second } = await ready('absent')
    await client.step(second, 'promote', active)
    await fleet.killAll('us-1-c')
    await until(
      'us-1-c is silent',
      () => client.getRelease(first),
      (view) => agentNamed(view, 'us-1-c')?.state === 'silent',
    )
    await client.step(first, 'decommission').catch(() => {})
    expect((await client.getRelease(first)).phase).not.toBe('decommissioned')
    await client.call('DELETE', '/v1/clusters/us-1/agents/us-1-c')
    await client.step(first, 'decommission').catch(() => {})
    await untilPhase(client, first, 'decommissioned')
  })

  const tunnelTo = (app: string): Promise<OpenTunnel> =>
    openTunnel(stage.fleet.targets(['eu-1-a'])[0]!, `${app}.example`)

  /** The commit is decided while `held` cannot hear of it. Returns what lets it go on. */
  async function decidedWithout(release: string, held: string, gate: string): Promise<() => void> {
    const { fleet } = stage
    const open = paused(fleet, gate)
    await fleet.client.step(release, 'promote')
    await until(
      `${held} is prepared`,
      () => fleet.client.getRelease(release),
      (view) => agentNamed(view, held)?.state === 'prepared',
    )
    const go = paused(fleet, held)
    open()
    await until(
      'the others are active',
      () => fleet.client.getRelease(release),
      (view) => view.switch?.decidedAtMs != null && agentNamed(view, gate)?.state === 'active',
    )
    return go
  }
})

/** The loop: durable first, then true, then announced, then answered; never held up by reports. */
import { describe, expect, it } from 'vitest'
import type { Intent } from './domain/input.ts'
import { appOf, releaseOf } from './domain/state.ts'
import { openSqliteLog } from './node/sqlite-log.ts'
import { clusters, codeOf, createRelease, enrol, putApp, start } from './turn.fixture.ts'
import { intentsWaitingMax, TurnsStopped } from './turn.ts'

describe('an intent', () => {
  it('is durable and announced to the clusters that it changes before it is answered', async () => {
    const { ask, published, log, turns } = await start()
    published.length = 0
    const answer = await ask(putApp({ clusters: ['us-1'] }))
    expect(answer).toMatchObject({ ok: true, status: 201, revision: turns.state().position })
    expect(await log.head()).toBe(turns.state().position)
    expect(published.map(([cluster, { revision }]) => [cluster, revision])).toEqual([
      ['us-1', turns.state().position],
    ])
  })

  it('that repeats its key gets the recorded answer, after a restart too', async () => {
    const { ask, log, turns } = await start()
    const first = await ask(putApp(), 'once')
    const head = await log.head()
    expect(await ask(putApp(), 'once')).toEqual({ ...first, repeated: true })
    await turns.stop()
    const second = await start({ log, isNew: false })
    expect(await second.ask(putApp(), 'once')).toEqual({ ...first, repeated: true })
    expect(await log.head()).toBe(head)
  })

  it(`waits with at most ${intentsWaitingMax} others; one more is told to come back`, async () => {
    const { ask, turns } = await start()
    await turns.submit({ kind: 'alarm' })
    const answers = Array.from({ length: intentsWaitingMax + 1 }, () => ask(putApp()))
    const codes = (await Promise.all(answers)).map(codeOf)
    expect(codes.slice(0, -1)).not.toContain('overloaded')
    expect(codes.at(-1)).toBe('overloaded')
    expect(codeOf(await ask(putApp()))).toBe(200)
  })

  it('does not wait for a transport that is away', { timeout: 5_000 }, async () => {
    const never = () => new Promise<void>(() => {})
    const { ask } = await start({ publish: never })
    expect(codeOf(await ask(putApp()))).toBe(201)
  })

  it('is refused with the log unchanged', async () => {
    const { ask, log } = await start()
    const head = await log.head()
    expect(codeOf(await ask(createRelease))).toBe('unknown-app')
    expect(await log.head()).toBe(head)
  })
})

describe('reports', () => {
  it('that change nothing leave no record', async () => {
    const { report, log } = await start()
    const head = await log.head()
    for (let n = 0; n < 20; n++) expect(codeOf(await report('eu-1'))).toBe(202)
    expect(await log.head()).toBe(head)
  })

  it('are taken together, so that a storm of them is one turn and does not delay an intent', async () => {
    const { ask, report, taken, turns } = await start()
    taken.length = 0
    const storm = Array.from({ length: 5_000 }, () => report('eu-1'))
    const answer = ask(putApp())
    expect(codeOf(await answer)).toBe(201)
    await Promise.all(storm)
    expect(taken.filter((kind) => kind === 'report').length).toBeLessThanOrEqual(2)
    expect(turns.fleet().clusters.get('eu-1')?.get('eu-1-a')?.report.sequence).toBe(5_000)
  })

  it('of an agent that enrols anew, or is forgotten, prove nothing any more', async () => {
    const { ask, report, turns } = await start()
    const heard = () => turns.fleet().clusters.get('eu-1')?.has('eu-1-a')
    await report('eu-1')
    expect(heard()).toBe(true)
    await ask(enrol('eu-1'))
    expect(heard()).toBe(false)
    await report('eu-1')
    await ask({ type: 'forget-agent', cluster: 'eu-1', agent: 'eu-1-a' })
    expect(heard()).toBe(false)
  })

  it('of agents that are not enrolled are refused', async () => {
    const { report } = await start()
    expect(codeOf(await report('eu-1', { agent: 'stranger' }))).toBe('unknown-agent')
  })

  it('bring a release live, with the skew of its switch', async () => {
    const { ask, report, turns } = await start()
    await ask(putApp())
    await ask(createRelease)
    const readyEndpoints = { 'shop-r1': 1 }
    const positions = () => {
      const held = appOf(turns.state(), 'shop')!.positions['eu-1']!
      const { generation: active, next } = held
      const prepared = next?.generation ?? 0
      return { shop: { prepared, active, appliedMs: 0, activeForMs: 0 } }
    }
    const live = turns.waitFor(
      (state) => releaseOf(state, 'shop-r1')?.phase === 'live',
      5_000,
      new AbortController().signal,
    )
    for (let n = 0; n < 4; n++) {
      for (const cluster of clusters)
        await report(cluster, { readyEndpoints, positions: positions() })
    }
    expect(await live).toBe(true)
    const release = releaseOf(turns.state(), 'shop-r1')
    expect(release?.switch?.skewMs).toBeGreaterThanOrEqual(0)
    expect(release?.switch?.skewMs).toBeLessThan(1_000)
  })
})

describe('a start', () => {
  it('replays the log and publishes every cluster once, which mends what a crash left out', async () => {
    const { ask, log, turns } = await start()
    await ask(putApp())
    const before = turns.state()
    await turns.stop()
    const { turns: again, first } = await start({ log, isNew: false })
    expect(again.state()).toEqual(before)
    expect([...first.keys()]).toEqual(clusters)
    expect(first.get('eu-1')).toMatchObject({
      epoch: { number: 1 },
      revision: before.clusters.get('eu-1')?.revision,
    })
  })

  it('fails on a log that it cannot read', async () => {
    const log = openSqliteLog(':memory:')
    await log.append(0, '{"v":9}')
    await expect(start({ log, isNew: false })).rejects.toThrow()
  })

  it('does not lose an alarm that falls due while a turn is taken', async () => {
    const { ask, alarm, clock, turns } = await start()
    await ask(putApp())
    await ask(createRelease)
    const due = alarm()!
    clock.ms = due - 1
    clock.step = 1
    // Judged a moment before it is due, and finished a moment behind that.
    await turns.submit({ kind: 'alarm' })
    await ask(createRelease)
    expect(clock.ms).toBeGreaterThan(due)
    expect(alarm()).toBe(due)
  })

  it('sets the alarm for what time alone will decide', async () => {
    const { ask, report, alarm, clock, turns } = await start()
    await ask(putApp())
    await ask(createRelease)
    expect(alarm()).toBeGreaterThan(clock.ms)
    await report('eu-1', { readyEndpoints: { 'shop-r1': 1 } })
    clock.ms = alarm()!
    await turns.submit({ kind: 'alarm' })
    await report('eu-1', { readyEndpoints: { 'shop-r1': 1 } })
    expect(turns.state().open.has('shop')).toBe(true)
  })
})

describe('a fleet that is ahead of the log', () => {
  const later = { revision: 1_000_000 }
  const fork = { epoch: { number: 1, id: 'f'.repeat(16) } }
  const recover: Intent = { type: 'recover', epochId: 'e'.repeat(16), epochNumber: 2 }

  it.each([
    ['a later revision', later, 'newer'],
    ['a higher epoch', { epoch: { number: 2, id: '1'.repeat(16) } }, 'newer'],
    ['another history', fork, 'fork'],
  ])('by a report of %s stops everything until recover', async (_, more, kind) => {
    const { ask, report, turns, published, log, alarm } = await start()
    await ask(putApp())
    published.length = 0
    const head = await log.head()
    await report('eu-1', more)
    expect(turns.fleetAhead()).toMatchObject({ cluster: 'eu-1', kind, seenIn: 'report' })
    expect(codeOf(await ask(putApp({ copies: 2 })))).toBe('log-behind-fleet')
    expect([published.length, await log.head(), alarm()]).toEqual([0, head, null])
    expect(codeOf(await ask({ ...recover, epochNumber: 3 }))).toBe(200)
    expect(turns.fleetAhead()).toBeNull()
    expect(published.map(([cluster]) => cluster)).toEqual(clusters)
    expect(codeOf(await ask(putApp({ copies: 2 })))).toBe(200)
  })

  it('by a stored header does so too, and only a higher epoch than that one helps', async () => {
    const { ask, turns } = await start()
    const epoch = { number: 5, id: 'd'.repeat(16) }
    turns.reportFleetAhead({ cluster: 'eu-1', kind: 'newer', seenIn: 'header', epoch, revision: 9 })
    expect(codeOf(await ask(putApp()))).toBe('log-behind-fleet')
    await ask(recover)
    expect(codeOf(await ask(putApp()))).toBe('log-behind-fleet')
    await ask({ ...recover, epochNumber: 6 })
    expect(codeOf(await ask(putApp()))).toBe(201)
  })

  it('still answers repeated intents from the record', async () => {
    const { ask, report } = await start()
    await ask(putApp(), 'once')
    await report('eu-1', later)
    expect(await ask(putApp(), 'once')).toMatchObject({ ok: true, repeated: true })
  })
})

describe('the end', () => {
  it('comes when another writer has appended', async () => {
    const { ask, log, fatal, turns } = await start()
    await log.append(await log.head(), '{}')
    await expect(ask(putApp())).rejects.toThrow('another control')
    expect(fatal).toHaveLength(1)
    await expect(ask(putApp())).rejects.toThrow(TurnsStopped)
    await expect(turns.submit({ kind: 'alarm' })).rejects.toThrow(TurnsStopped)
  })

  it('comes when the log fails, and what was not written is not true', async () => {
    const memory = openSqliteLog(':memory:')
    const { ask, fatal, turns, published } = await start({
      log: {
        ...memory,
        append: (expected, text) =>
          text.includes('app-created')
            ? Promise.reject(new Error('disk full'))
            : memory.append(expected, text),
      },
    })
    await expect(ask(putApp())).rejects.toThrow('disk full')
    expect(fatal).toHaveLength(1)
    expect(turns.state().apps.size).toBe(0)
    expect(published.filter(([, { tree }]) => tree.objectCount > 0)).toHaveLength(0)
  })

  it('finishes the turn under way and refuses what waits', async () => {
    const { ask, turns, log } = await start()
    const asked = [ask(putApp()), ask(createRelease)]
    const ended = Promise.allSettled(asked)
    await turns.stop()
    const head = await log.head()
    for (const result of await ended) {
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(TurnsStopped)
    }
    expect(await log.head()).toBe(head)
  })
})

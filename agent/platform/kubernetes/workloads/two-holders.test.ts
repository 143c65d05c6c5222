import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ApiServer, Written } from './api-server.fixture.ts'
import { isOlder, placeOf } from './labels.ts'
import { type ClusterLease, createClusterLease } from './lease.ts'
import { observe } from './observe.ts'
import { plan } from './plan.ts'
import { reconcile } from './reconcile.ts'
import {
  essence,
  historyOf,
  type Move,
  moves,
  type Snapshot,
  serverWithTemplate,
} from './story.fixture.ts'

const signal = new AbortController().signal
const durationMs = 5_000

/** An agent with the lease: it applies what it has, as long as it may. */
interface Holder {
  apply(snapshot: Snapshot): Promise<string>
  readonly lease: ClusterLease
  readonly clock: { ms: number }
}

/** Time is what each holder believes it to be: one that slept does not know. */
function holderOf(
  server: ApiServer,
  name: string,
  clock: { ms: number },
  pause?: () => Promise<void>,
): Holder {
  const cluster = server.client(name, pause)
  const lease = createClusterLease(cluster, {
    namespace: 'switchyard',
    name: 'switchyard-eu-1',
    durationMs,
    renewEveryMs: 0,
    orphanMs: 0,
    nowMs: () => clock.ms,
    wallMs: () => 0,
  })
  let stamped: number | null = null
  return {
    lease,
    clock,
    async apply({ place, wanted }) {
      if (!(await lease.acquire(name, signal))) return 'not-holder'
      const hold = lease.hold()
      const task = { name: 'eu-1', place, wanted, stampAll: stamped !== hold }
      const { state, settled } = await reconcile(cluster, lease, task, () => {}, signal)
      if (settled) stamped = hold
      return settled ? 'settled' : state
    },
  }
}

async function settle(holder: Holder, snapshot: Snapshot): Promise<void> {
  for (let tries = 0; tries < 5; tries++) {
    const outcome = await holder.apply(snapshot)
    if (outcome === 'settled') return
    if (outcome === 'not-holder') holder.clock.ms += durationMs
  }
  throw new Error(`it does not settle: ${JSON.stringify(snapshot)}`)
}

/** What a first agent has left behind that went in good order. */
async function prepared(snapshots: readonly Snapshot[]): Promise<ApiServer> {
  const server = serverWithTemplate()
  const first = holderOf(server, 'first', { ms: 0 })
  for (const snapshot of snapshots) await settle(first, snapshot)
  await first.lease.release(signal)
  return server
}

const history = fc
  .array(fc.constantFrom(...moves), { minLength: 2, maxLength: 12 })
  .map((asked) => historyOf(asked))
  .filter((snapshots) => snapshots.length >= 2)

/** Each takes 20 ms to itself; every test run has other histories, whose seed a failure prints. */
const runs = { numRuns: 100 }
const patient = { timeout: 120_000 }

test('what is asked again is there already', patient, async () => {
  await fc.assert(
    fc.asyncProperty(history, async (snapshots) => {
      const server = await prepared(snapshots)
      const { place, wanted } = snapshots.at(-1)!
      const views = await observe(server.client(), wanted, signal)
      const how = { cluster: 'eu-1', place, stampAll: false, keepOrphans: false }
      const again = plan(views, wanted, how)
      expect(again.groups).toEqual([])
      expect([...again.troubles]).toEqual([])
      const left = essence(server)
      await settle(holderOf(server, 'other', { ms: 0 }), snapshots.at(-1)!)
      await settle(holderOf(server, 'other', { ms: 0 }), snapshots.at(-1)!)
      const { length } = server.writes
      await settle(holderOf(server, 'third', { ms: 0 }), snapshots.at(-1)!)
      const more = server.writes.slice(length).filter(({ kind }) => kind !== 'Lease')
      expect(more, 'a new hold of the same snapshot finds its place everywhere').toEqual([])
      expect(essence(server)).toEqual(left)
    }),
    runs,
  )
})

test('two that act at once leave the same objects as one', patient, async () => {
  await fc.assert(
    fc.asyncProperty(history, fc.scheduler(), async (snapshots, scheduler) => {
      const expected = essence(await prepared(snapshots))
      const server = await prepared(snapshots.slice(0, -1))
      const last = snapshots.at(-1)!
      const pause = () => scheduler.schedule(Promise.resolve())
      // Both believe that the other has let the lease run out.
      const clocks = [{ ms: 0 }, { ms: 0 }]
      const both = clocks.map((clock, n) => holderOf(server, `holder-${n}`, clock, pause))
      await scheduler.waitFor(
        Promise.all(
          both.map(async (holder, n) => {
            for (let tries = 0; tries < 3; tries++) {
              await holder.apply(last)
              clocks[n]!.ms += durationMs
            }
          }),
        ),
      )
      const survivor = holderOf(server, 'holder-0', { ms: 0 })
      await settle(survivor, last)
      expect(essence(server)).toEqual(expected)
    }),
    runs,
  )
})

test('one that is killed at any step is followed by one that finishes', patient, async () => {
  await fc.assert(
    fc.asyncProperty(history, fc.nat({ max: 60 }), async (snapshots, steps) => {
      const expected = essence(await prepared(snapshots))
      const server = await prepared(snapshots.slice(0, -1))
      let left = steps
      const dies = async () => {
        if (left-- <= 0) throw new Error('killed')
      }
      const doomed = holderOf(server, 'doomed', { ms: 0 }, dies)
      await doomed.apply(snapshots.at(-1)!).catch(() => {})
      await settle(holderOf(server, 'next', { ms: 0 }), snapshots.at(-1)!)
      expect(essence(server)).toEqual(expected)
    }),
    runs,
  )
})

test(
  'one that is killed after each of its writes is followed by one that finishes',
  patient,
  async () => {
    const snapshots = historyOf([
      ...([
        'release',
        'lead',
        'adopt-blue',
        'lead',
        'roll',
        'pause',
        'roll-back',
        'finish',
      ] as const),
      ...(['release', 'lead', 'copies', 'roll', 'finish', 'decommission', 'decommission'] as const),
    ])
    const killedAfter: string[] = []
    for (const [index, last] of snapshots.entries()) {
      const expected = essence(await prepared(snapshots.slice(0, index + 1)))
      for (let count = 1; ; count++) {
        const server = await prepared(snapshots.slice(0, index))
        const { length } = server.writes
        const made = () => server.writes.slice(length).filter(({ kind }) => kind !== 'Lease')
        // The write has been accepted, and nobody hears of it.
        const dies = async () => {
          if (made().length >= count) throw new Error('killed')
        }
        const doomed = holderOf(server, 'doomed', { ms: 0 }, dies)
        const isKilled = await doomed.apply(last).then(
          () => false,
          () => true,
        )
        if (!isKilled) break
        const { verb, kind, name } = made().at(-1)!
        killedAfter.push(`${verb} ${kind} ${name}`)
        await settle(holderOf(server, 'next', { ms: 0 }), last)
        expect(essence(server), `revision ${last.place.revision}, ${killedAfter.at(-1)}`).toEqual(
          expected,
        )
      }
    }
    const verbs = new Set(killedAfter.map((one) => one.replace(/ [^ ]+$/, '')))
    for (const verb of ['create', 'apply', 'delete']) {
      for (const kind of ['Deployment', 'Service']) expect(verbs).toContain(`${verb} ${kind}`)
    }
    expect(verbs).toContain('merge Deployment')
  },
)

test('an older snapshot never undoes a newer one', patient, async () => {
  await fc.assert(
    fc.asyncProperty(history, fc.scheduler(), async (snapshots, scheduler) => {
      const former = snapshots.slice(0, -2)
      const server = await prepared(former)
      const [older, newer] = snapshots.slice(-2) as [Snapshot, Snapshot]
      const pause = () => scheduler.schedule(Promise.resolve())
      const clocks = [{ ms: 0 }, { ms: 0 }]
      const late = holderOf(server, 'late', clocks[0]!, pause)
      const prompt = holderOf(server, 'prompt', clocks[1]!, pause)
      let promptSettledAt = Number.POSITIVE_INFINITY
      await scheduler.waitFor(
        Promise.all([
          (async () => {
            for (let tries = 0; tries < 3; tries++) {
              await late.apply(older)
              clocks[0]!.ms += durationMs
            }
          })(),
          (async () => {
            for (let tries = 0; tries < 3; tries++) {
              const outcome = await prompt.apply(newer)
              if (outcome === 'settled') {
                promptSettledAt = Math.min(promptSettledAt, server.writes.length)
              }
              clocks[1]!.ms += durationMs
            }
          })(),
        ]),
      )
      for (const [index, { by, verb, kind, name, before }] of server.writes.entries()) {
        if (by !== 'late' || kind === 'Lease' || !before) continue
        const written = placeOf(before)
        const words = `${verb} ${kind} ${name}, write ${index}`
        expect(written && isOlder(older.place, written), words).not.toBe(true)
        expect(index, `${words}, after the newer one had been applied`).toBeLessThan(
          promptSettledAt,
        )
      }
      await settle(holderOf(server, 'prompt', { ms: 0 }), newer)
      const either = [
        essence(await prepared([...former, newer])),
        essence(await prepared([...former, older, newer])),
      ].map((one) => JSON.stringify(one))
      expect(either).toContain(JSON.stringify(essence(server)))
    }),
    runs,
  )
})

interface Slept {
  /** What it wrote when it woke; only what it creates anew can get through, and goes again. */
  readonly late: readonly Written[]
  readonly before: readonly unknown[]
  /** And once the other has looked again. */
  readonly after: readonly unknown[]
  /** It was done before that step. */
  readonly isOver: boolean
}

/** It sleeps at a step of its own, and wakes when another has taken over and has applied `last`. */
async function sleepingAt(
  step: number,
  former: readonly Snapshot[],
  own: Snapshot,
  last: Snapshot,
): Promise<Slept> {
  const server = await prepared(former)
  const [asleep, awake] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let left = step
  const sleeper = holderOf(server, 'sleeper', { ms: 0 }, async () => {
    if (left-- !== 0) return
    asleep.resolve()
    await awake.promise
  })
  const done = sleeper.apply(own).finally(asleep.resolve)
  await asleep.promise
  await settle(holderOf(server, 'next', { ms: 0 }), last)
  const before = essence(server)
  const { length } = server.writes
  awake.resolve()
  await done
  const late = server.writes.slice(length).filter(({ kind }) => kind !== 'Lease')
  await settle(holderOf(server, 'next', { ms: 0 }), last)
  const changes = late.filter(({ verb }) => verb !== 'create')
  return { late: changes, before, after: essence(server), isOver: left >= 0 }
}

const anyStep = fc.nat({ max: 60 })

test(
  'one that sleeps at any step of what another finishes changes nothing any more',
  patient,
  async () => {
    await fc.assert(
      fc.asyncProperty(history, anyStep, async (snapshots, step) => {
        const last = snapshots.at(-1)!
        const { late, before, after } = await sleepingAt(step, snapshots.slice(0, -1), last, last)
        expect(late).toEqual([])
        expect(after).toEqual(before)
      }),
      runs,
    )
  },
)

test(
  'one that sleeps at any step of an older snapshot undoes nothing of a newer one',
  patient,
  async () => {
    await fc.assert(
      fc.asyncProperty(history, anyStep, async (snapshots, step) => {
        const [older, newer] = snapshots.slice(-2) as [Snapshot, Snapshot]
        const { late } = await sleepingAt(step, snapshots.slice(0, -2), older, newer)
        // What the newer one does not speak of may still be adopted by the older one, once.
        const undoes = late.filter(({ before }) => {
          const written = before && placeOf(before)
          return written && isOlder(older.place, written)
        })
        expect(undoes).toEqual([])
      }),
      runs,
    )
  },
)

// What the one asks for, the other takes back: then nothing else has to be written.
test.each<{ moves: readonly Move[] }>([
  { moves: ['release', 'copies', 'copies'] },
  { moves: ['release', 'roll', 'roll-back'] },
  { moves: ['release', 'roll', 'pause', 'pause'] },
])('nor at each step of $moves', patient, async ({ moves }) => {
  const snapshots = historyOf(moves)
  const [older, newer] = snapshots.slice(-2) as [Snapshot, Snapshot]
  for (let step = 0; ; step++) {
    const slept = await sleepingAt(step, snapshots.slice(0, -2), older, newer)
    expect(slept.late).toEqual([])
    expect(slept.after).toEqual(slept.before)
    if (slept.isOver) break
    expect(step).toBeLessThan(200)
  }
})

test('a holder whose snapshot is older than what was applied does nothing', async () => {
  const snapshots = historyOf(['release', 'roll', 'finish'])
  const server = await prepared(snapshots)
  const { length } = server.writes
  const late = holderOf(server, 'late', { ms: 0 })
  expect(await late.apply(snapshots[0]!)).toBe('older')
  expect(server.writes.slice(length).filter(({ kind }) => kind !== 'Lease')).toEqual([])
  // Every object says it, too.
  server.remove('Lease', 'switchyard-eu-1')
  expect(await holderOf(server, 'late', { ms: 0 }).apply(snapshots[0]!)).toBe('older')
  expect(server.writes.slice(length).filter(({ kind }) => kind !== 'Lease')).toEqual([])
})

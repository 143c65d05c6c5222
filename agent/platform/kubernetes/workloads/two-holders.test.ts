import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ApiServer } from './api-server.fixture.ts'
import { isOlder, placeOf } from './labels.ts'
import { type ClusterLease, createClusterLease } from './lease.ts'
import { observe } from './observe.ts'
import { plan } from './plan.ts'
import { reconcile } from './reconcile.ts'
import { essence, historyOf, moves, type Snapshot, serverWithTemplate } from './story.fixture.ts'

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

const runs = { numRuns: 300 }
/** 5 s of one core each. */
const bound = { timeout: 120_000 }

test('what is asked again is there already', bound, async () => {
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

test('two that act at once leave the same objects as one', bound, async () => {
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

test('one that is killed at any step is followed by one that finishes', bound, async () => {
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

test('an older snapshot never undoes a newer one', bound, async () => {
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

test('a holder whose snapshot is older than what was applied does nothing', async () => {
  const snapshots = historyOf(['release', 'roll', 'finish'])
  const server = await prepared(snapshots)
  const { length } = server.writes
  const late = holderOf(server, 'late', { ms: 0 })
  expect(await late.apply(snapshots[0]!)).toBe('older')
  expect(server.writes.slice(length).filter(({ kind }) => kind !== 'Lease')).toEqual([])
})

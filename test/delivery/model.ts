/**
 * A model of delivery: the real publisher and the pilot's real repair over a store whose every write and
 * read is one step, taken in a seeded order, while control is killed between any two of them. What is
 * checked is D4's claim: as long as a header stands, its digest can be found. The seed steers the choices;
 * signatures are made in threads, so two runs of one seed are alike but not the same.
 */

import { supportedFormats } from '#wire/header.ts'
import { pinKeys } from '#wire/signature.ts'
import { emptyTree } from '#wire/tree.ts'
import type { Session } from '../../agent/pilot/session/session.ts'
import { admit } from '../../agent/pilot/snapshots/admit.ts'
import { fetchTree } from '../../agent/pilot/snapshots/resync.ts'
import { createPublisher, type Publisher } from '../../control/delivery/publisher.ts'
import type { Transport } from '../../control/delivery/transport.ts'
import type { Keys } from './control-side.ts'
import { createHistory, manyObjects, seeded, withObjects, withoutObject } from './trees.ts'

const cluster = 'eu-1'

export interface Outcome {
  /** Reads that proved a snapshot. */
  readonly proven: number
  /** Reads that found nothing provable, though the header stood still and only small changes went out. */
  readonly lost: number
  /** Reads overtaken by a newer header or by a big change: they come again. */
  readonly overtaken: number
  /** Proven, but not what the log says of that revision. */
  readonly wrong: number
  readonly kills: number
  readonly headers: number
}

export interface ModelOptions {
  readonly seed: number
  readonly keys: Keys
  /** Goes on until so many reads have proven a snapshot, or twenty times as many were made. */
  readonly proofs: number
  /** Of 100 changes, how many are too big to ride along. */
  readonly bigPercent: number
}

/** Actors wait for a step here; the driver lets one of them go on. */
function createSteps(random: () => number) {
  const waiting: (() => void)[] = []
  return {
    /** Never returns for an actor that was killed. */
    async step(alive: () => boolean = () => true): Promise<void> {
      await new Promise<void>((resolve) => waiting.push(resolve))
      if (!alive()) await new Promise(() => {})
    },
    take(): boolean {
      const [next] = waiting.splice(Math.floor(random() * waiting.length), 1)
      next?.()
      return next !== undefined
    },
  }
}

export async function runModel({ seed, keys, proofs, bigPercent }: ModelOptions): Promise<Outcome> {
  const random = seeded(seed)
  const pick = (count: number) => Math.floor(random() * count)
  const steps = createSteps(random)
  const pinned = await pinKeys(keys.publicKeys)
  const signal = new AbortController().signal
  const history = createHistory(manyObjects(40, 0))
  const store = {
    header: null as Uint8Array | null,
    headerWrites: 0,
    index: null as Uint8Array | null,
    buckets: new Map<number, Uint8Array>(),
  }
  const outcome = { proven: 0, lost: 0, overtaken: 0, wrong: 0, kills: 0, headers: 0 }
  let bigChanges = 0
  let control: { publisher: Publisher; kill: () => void } | null = null
  let value = 0
  let readers = 0
  let done = 0

  function openControl() {
    let living = true
    const alive = () => living
    const write = async (work: () => void) => {
      await steps.step(alive)
      work()
    }
    const look = async <T>(work: () => T): Promise<T> => {
      await steps.step(alive)
      return work()
    }
    const transport: Transport = {
      publishHeader: (_, bytes) =>
        write(() => {
          store.header = bytes
          store.headerWrites++
        }),
      async storeBuckets(_, buckets) {
        for (const [bucket, bytes] of buckets) await write(() => store.buckets.set(bucket, bytes))
      },
      storeIndex: (_, bytes) =>
        write(() => {
          store.index = bytes
        }),
      readHeader: () => look(() => store.header),
      readIndex: () => look(() => store.index),
      readBuckets: () => look(() => new Map(store.buckets)),
      readReports: async () => [],
      onReport() {},
      onReconnect() {},
      connected: () => living,
      close: async () => {},
    }
    const publisher = createPublisher({
      transport,
      key: () => keys.signing,
      publicKeys: () => keys.publicKeys,
      enrolled: () => [],
      onReport() {},
      onFleetAhead: (found) => {
        throw new Error(`seed ${seed}: the log is behind: ${JSON.stringify(found)}`)
      },
      onStale: (_, error) => {
        throw error
      },
      now: () => 0,
    })
    const started = publisher.start(new Map([[cluster, history.newest()]]))
    started.catch(() => {})
    return {
      publisher,
      kill() {
        living = false
        outcome.kills++
      },
    }
  }

  async function read(): Promise<void> {
    readers++
    const session: Pick<Session, 'index' | 'buckets'> = {
      async index() {
        await steps.step()
        return store.index
      },
      async buckets(ids) {
        const found = new Map<number, Uint8Array>()
        for (const id of ids) {
          if (random() < 0.05) await steps.step()
          const bytes = store.buckets.get(id)
          if (bytes) found.set(id, bytes)
        }
        return found
      },
    }
    await steps.step()
    const at = store.headerWrites
    const bigAt = bigChanges
    const base = random() < 0.5 ? emptyTree : history.newest().tree
    if (store.header) {
      const trust = { cluster, keys: () => pinned, formats: supportedFormats }
      const admitted = await admit(store.header, null, trust)
      if (!admitted.ok) throw new Error(`seed ${seed}: ${admitted.code}`)
      const { header, announcement } = admitted
      const tree = await fetchTree(session as Session, base, header, announcement, signal)
      if (tree && tree.root === history.digestAt(header.revision)) outcome.proven++
      else if (tree) outcome.wrong++
      else if (store.headerWrites !== at || bigChanges > 0 || bigAt > 0) outcome.overtaken++
      else outcome.lost++
    }
    readers--
    done++
  }

  function change(): void {
    value++
    const big = random() * 100 < bigPercent
    if (big) bigChanges++
    history.next((tree) => {
      if (big) return manyObjects(600 + value, value)
      const put = Object.fromEntries(Array.from({ length: 1 + pick(8) }, () => [pick(60), value]))
      const changed = withObjects(tree, put)
      return random() < 0.3 ? withoutObject(changed, pick(60)) : changed
    })
    void control?.publisher.publish(cluster, history.newest())
  }

  while (outcome.proven < proofs && done < 20 * proofs) {
    const what = random()
    if (control === null) {
      if (what < 0.1) control = openControl()
    } else if (what < 0.006) {
      control.kill()
      control = null
    } else if (what < 0.08) {
      change()
    }
    if (readers < 6 && random() < 0.4) void read()
    await new Promise(setImmediate)
    for (let n = pick(8); n > 0; n--) steps.take()
  }
  control?.kill()
  outcome.headers = store.headerWrites
  return outcome
}

/**
 * One cluster's loop: from what the transport holds to what control wants, in the order that keeps the
 * stored header provable at every moment (DESIGN D4):
 *
 *   small change   header with its changes ▸ touched buckets ▸ index ▸ (the next header may go)
 *   big change     touched buckets ▸ index ▸ header alone
 *
 * A reader lays the header's changes over the buckets it finds, old or new, and gets the digest. After
 * any failure the loop reads what is there, completes what was left half done, and goes on from it.
 */
import { type Header, type Precedence, precedence } from '#wire/header.ts'
import type { PinnedKeys, SigningKey } from '#wire/signature.ts'
import { type Tree, update } from '#wire/tree.ts'
import {
  announceChanges,
  announceStored,
  bucketBytes,
  indexBytes,
  touchedBuckets,
} from './announcement.ts'
import { createPause } from './pause.ts'
import type { Publication } from './publisher-port.ts'
import { believeHeader, readObjects, type StoredHeader } from './stored.ts'
import { StaleWriter, type Transport } from './transport.ts'

export interface ClusterLoopOptions {
  readonly cluster: string
  readonly transport: Transport
  /** The one that signs now. */
  readonly key: () => SigningKey
  readonly ours: PinnedKeys
  /** What the log says when the loop starts: a stored header beyond it is not of this log. */
  readonly first: Publication
  /** Nothing is written before it resolves. */
  readonly gate: Promise<void>
  readonly now: () => number
  /** Takes the reports that are stored; called before `checked` and whenever the connection came back. */
  readonly readReports: () => Promise<void>
  readonly onAhead: (kind: 'newer' | 'fork', found: Header) => void
  readonly onStale: (error: StaleWriter) => void
  readonly onPublished: (seconds: number) => void
  readonly onFailed: (error: unknown) => void
}

export interface ClusterLoop {
  /** Resolves once what is stored was read and is not ahead. */
  readonly checked: Promise<void>
  publish(publication: Publication): Promise<void>
  /** The connection came back: look at once; `afterRest`: what was written whole is believed still. */
  look(afterRest: boolean): void
  /** The connection is let go: no timer runs until `look`. */
  rest(): void
  /** What is wanted is stored, and nothing is under way. */
  isIdle(): boolean
  progress(): { readonly wanted: number; readonly published: number | null }
  stop(): Promise<void>
}

/** A turn waits this long for the transport; then the retry goes on without it. */
const handOverMs = 250
/** What is stored is compared this often when nothing happens (P4: within 10 s, jitter included). */
const auditMs = 8_000
const retryMinMs = 50
const retryMaxMs = 2_000

const notConnected = new Error('the transport is not connected')

/** What the transport holds, as it was last read or written. */
interface Held {
  readonly stored: StoredHeader | null
  readonly headerBytes: Uint8Array | null
  readonly indexBytes: Uint8Array | null
  /** The objects in the buckets. */
  readonly tree: Tree
  readonly damaged: readonly number[]
}

export function createClusterLoop(options: ClusterLoopOptions): ClusterLoop {
  const { cluster, transport, key, ours } = options
  const pause = createPause()
  const checked = Promise.withResolvers<void>()
  let wanted = { publication: options.first, order: 1, askedMs: performance.now() }
  let waiters: { readonly order: number; readonly resolve: () => void }[] = []
  /** Newest version that is ours to write over. */
  let known: Pick<Header, 'epoch' | 'revision' | 'digest'> = versionOf(options.first)
  let tried = false
  let held: Held | null = null
  /** Held after a whole round of writes: trusted again when header and index are still the same bytes. */
  let settled: Held | null = null
  let published: number | null = null
  let stopped = false
  let reportsDue = true
  let idle = false
  /** Counts returned connections: what was written before one may be gone after it. */
  let looks = 0

  async function read(): Promise<Held | null> {
    const headerBytes = await transport.readHeader(cluster)
    const stored = headerBytes && (await believeHeader(headerBytes, cluster, ours))
    if (stored) {
      const order = precedence(stored.header, known)
      if (order === 'newer' || order === 'fork') return giveWay(stored.header, order)
    }
    if (reportsDue) await options.readReports()
    reportsDue = false
    checked.resolve()
    const index = await transport.readIndex(cluster)
    if (
      settled &&
      sameBytes(headerBytes, settled.headerBytes) &&
      sameBytes(index, settled.indexBytes)
    ) {
      return settled
    }
    const { tree, damaged } = await readObjects(transport, cluster)
    return { stored, headerBytes, indexBytes: index, tree, damaged }
  }
  /** Before the first write it is the log that is behind; after it, somebody else writes too. */
  function giveWay(found: Header, order: Precedence & ('newer' | 'fork')): null {
    stopped = true
    release(wanted.order)
    if (!tried) options.onAhead(order, found)
    else options.onStale(new StaleWriter(`"${cluster}": another control has published`))
    return null
  }

  /** One round; false when there was nothing to do. */
  async function round(): Promise<boolean> {
    const look = looks
    const from = held ?? (await begin())
    if (!from) return false
    const target = wanted
    if (isThere(from, target.publication)) {
      held = look === looks ? from : null
      settled = held
      published = target.publication.revision
      release(target.order)
      return wanted !== target
    }
    held = null
    settled = null
    const { publication } = target
    const by = { cluster, key: key(), nowMs: options.now() }
    const provable = from.stored?.header.digest === from.tree.root && from.damaged.length === 0
    const small = provable ? await announceChanges(publication, from.tree, by) : null
    if (small) await writeHeader(small, target)
    const stored = await writeObjects(from, publication.tree)
    const headerBytes = small ?? (await announceStored(publication, by))
    if (!small) await writeHeader(headerBytes, target)
    const header = await believeHeader(headerBytes, cluster, ours)
    if (look === looks) held = { ...stored, headerBytes, stored: header }
    return true
  }
  async function begin(): Promise<Held | null> {
    const found = await read()
    await options.gate
    return found && !stopped ? completed(found) : null
  }
  async function writeHeader(bytes: Uint8Array, target: typeof wanted): Promise<void> {
    known = versionOf(target.publication)
    tried = true
    await transport.publishHeader(cluster, bytes)
    published = target.publication.revision
    options.onPublished((performance.now() - target.askedMs) / 1_000)
    release(target.order)
  }
  async function writeObjects(from: Held, tree: Tree): Promise<Held> {
    const numbers = new Set([...touchedBuckets(from.tree, tree), ...from.damaged])
    const buckets = new Map([...numbers].map((number) => [number, bucketBytes(tree, number)]))
    if (buckets.size > 0) await transport.storeBuckets(cluster, buckets)
    const index = indexBytes(tree)
    if (!sameBytes(index, from.indexBytes)) await transport.storeIndex(cluster, index)
    return { ...from, indexBytes: index, tree, damaged: [] }
  }
  /** Brings the buckets to the stored header when its own changes lead there. */
  async function completed(found: Held): Promise<Held> {
    if (!found.stored) return found
    const { header, announcement } = found.stored
    const tree = found.tree.root === header.digest ? found.tree : update(found.tree, announcement)
    if (tree.root !== header.digest) return found
    return writeObjects(found, tree)
  }
  function release(order: number): void {
    for (const waiter of waiters) if (waiter.order <= order) waiter.resolve()
    waiters = waiters.filter((waiter) => waiter.order > order)
  }

  async function run(): Promise<void> {
    let failures = 0
    while (!stopped) {
      idle = false
      if (transport.presence?.isHeld() === false) {
        held = null
        await pause.forLook(Number.POSITIVE_INFINITY)
        continue
      }
      if (!transport.connected()) {
        held = null
        if (published !== wanted.publication.revision) options.onFailed(notConnected)
        await pause.forLook(retryMaxMs)
        continue
      }
      try {
        const busy = await round()
        failures = 0
        if (busy || stopped) continue
        idle = true
        await pause.forWork(auditMs * (1 + Math.random() / 4))
        if (!pause.hasWork()) held = null
      } catch (error) {
        held = null
        failures = Math.min(failures + 1, 10)
        options.onFailed(error)
        const ceilingMs = Math.min(retryMaxMs, retryMinMs * 2 ** failures)
        await pause.forLook(retryMinMs + Math.random() * ceilingMs)
      }
    }
    release(wanted.order)
  }
  const running = run()

  return {
    checked: checked.promise,
    publish(publication) {
      idle = false
      const order = wanted.order + 1
      wanted = { publication, order, askedMs: performance.now() }
      pause.work()
      if (stopped || !transport.connected()) return Promise.resolve()
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, handOverMs)
        const done = () => {
          clearTimeout(timer)
          resolve()
        }
        waiters.push({ order, resolve: done })
      })
    },
    look(afterRest) {
      idle = false
      looks++
      held = null
      if (!afterRest) settled = null
      reportsDue = true
      pause.look()
    },
    rest: () => pause.look(),
    isIdle: () => idle || stopped,
    progress: () => ({ wanted: wanted.publication.revision, published }),
    async stop() {
      stopped = true
      pause.look()
      release(wanted.order)
      await running
    },
  }
}

const versionOf = ({ epoch, revision, tree }: Publication) => ({
  epoch,
  revision,
  digest: tree.root,
})

function isThere({ stored, tree, damaged }: Held, wanted: Publication): boolean {
  if (!stored || damaged.length > 0 || tree.root !== wanted.tree.root) return false
  return precedence(stored.header, versionOf(wanted)) === 'same'
}

export const sameBytes = (a: Uint8Array | null, b: Uint8Array | null): boolean =>
  a === b ||
  (a !== null && b !== null && a.length === b.length && a.every((byte, n) => byte === b[n]))

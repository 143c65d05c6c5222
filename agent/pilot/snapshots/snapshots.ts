/**
 * The newest snapshot that is proven. Announcements come in as they are seen; one repair at a time mends
 * gaps, mismatches, reconnects and silence. One of four things happens to a message:
 *
 *   refused     by code; nothing changes
 *   known       it says what is held already: the snapshot is confirmed
 *   held        its objects are proven: the snapshot is the new one
 *   unproven    believed, but its objects are not here: it is the goal of a repair
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type Header, precedence } from '#wire/header.ts'
import type { Say } from '#wire/log-line.ts'
import type { Sealed } from '#wire/signature.ts'
import { emptyTree, type Tree } from '#wire/tree.ts'
import { backoffMs } from '../../backoff.ts'
import { reasonOf } from '../../reason.ts'
import type { Refusals } from '../refusals.ts'
import type { Session } from '../session/session.ts'
import { type Admitted, admit, type HeldVersion, type Trust } from './admit.ts'
import { fetchTree, layChanges } from './resync.ts'

export interface Held {
  readonly sealed: Sealed
  readonly header: Header
  readonly tree: Tree
  /** Monotonic receipt of the header; null when it came from the disk. */
  readonly receivedMs: number | null
}

export interface SnapshotsOptions {
  readonly session: Session
  readonly trust: Trust
  readonly refusals: Refusals
  /** From the disk. */
  readonly held: Held | null
  /** Nothing older is taken, even when its objects are lost. */
  readonly floor: HeldVersion | null
  /** A newer snapshot is proven, or the held one is confirmed by control for the first time. */
  readonly onHeld: (held: Held) => void
  readonly log: Say
  readonly timing?: SnapshotsTiming
}

export interface SnapshotsTiming {
  /** Looks at the stored header this often, give or take a fifth. */
  readonly lookEveryMs: number
  readonly callMs: number
  readonly retry: { readonly firstMs: number; readonly mostMs: number }
}

export const snapshotsTiming: SnapshotsTiming = {
  lookEveryMs: 5_000,
  callMs: 10_000,
  retry: { firstMs: 50, mostMs: 5_000 },
}

/** Announcements that wait for their signature to be verified; beyond it the repair finds them. */
const waitingMax = 64

export interface Snapshots {
  receive(bytes: Uint8Array): void
  /** Fetches the stored header and what it needs, soon; many requests make one repair. */
  repair(): void
  held(): Held | null
  /** Control has confirmed, in this life, that the held snapshot is the newest. */
  confirmed(): boolean
  stop(): Promise<void>
}

export function createSnapshots(options: SnapshotsOptions): Snapshots {
  const { session, trust, refusals, onHeld, log, timing = snapshotsTiming } = options
  const stopping = new AbortController()
  let held = options.held
  let floor = options.floor
  let goal: Admitted | null = null
  let confirmed = false
  let waiting = 0
  let queue: Promise<unknown> = Promise.resolve()

  function newest(): HeldVersion | null {
    const versions = [goal?.header, held?.header, floor].filter((one) => one != null)
    return versions.reduce<HeldVersion | null>(
      (best, one) => (best && precedence(one, best) !== 'newer' ? best : one),
      null,
    )
  }

  /** `asked`: the newest version when it was asked for; what came meanwhile has overtaken it. */
  async function take(
    bytes: Uint8Array,
    receivedMs: number,
    asked = newest(),
  ): Promise<'refused' | 'known' | 'held' | 'unproven'> {
    const overtaken = newest() !== asked
    const admission = await admit(bytes, newest(), trust)
    if (!admission.ok) {
      if (overtaken && admission.code === 'older') return 'known'
      refusals.add(admission.code, admission.revision, admission.reason)
      return 'refused'
    }
    if (held && precedence(admission.header, held.header) === 'same') {
      confirm(held)
      return 'known'
    }
    goal = admission
    const tree = held?.tree ?? emptyTree
    const laid = layChanges(tree, admission.header, admission.announcement)
    if (laid) {
      hold(admission, laid, receivedMs)
      return 'held'
    }
    if (admission.announcement.since === tree.root) refuseDigest(admission.header)
    return 'unproven'
  }

  function confirm(one: Held): void {
    if (confirmed) return
    confirmed = true
    onHeld(one)
  }

  function hold(admitted: Admitted, tree: Tree, receivedMs: number): void {
    const { header, sealed } = admitted
    held = { header, sealed, tree, receivedMs }
    floor = null
    if (goal && precedence(goal.header, header) !== 'newer') goal = null
    confirmed = true
    onHeld(held)
  }

  function refuseDigest(header: Header): void {
    refusals.add('wrong-digest', header.revision, 'the objects do not lead to the signed digest')
  }

  /** In the order of receipt: verifying is asynchronous. */
  function enqueue(...received: Parameters<typeof take>): ReturnType<typeof take> {
    const result = queue.then(() => take(...received))
    queue = result.catch(() => {})
    return result
  }

  /** True when there is nothing left to do. */
  async function repairOnce(): Promise<boolean> {
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(timing.callMs)])
    const asked = newest()
    const bytes = await session.header(signal)
    if (bytes) await enqueue(bytes, performance.now(), asked)
    const target = goal
    if (!target) return true
    const base = held?.tree ?? emptyTree
    const tree = await fetchTree(session, base, target.header, target.announcement, signal)
    if (held && precedence(target.header, held.header) !== 'newer') return true
    if (!tree) {
      refuseDigest(target.header)
      return false
    }
    hold(target, tree, performance.now())
    return goal === null
  }

  let wanted = new AbortController()
  async function repairLoop(): Promise<void> {
    let failures = 0
    let away = false
    while (!stopping.signal.aborted) {
      const everyMs = timing.lookEveryMs * (0.8 + Math.random() * 0.4)
      const pauseMs = failures > 0 ? backoffMs(failures, timing.retry, Math.random()) : everyMs
      // After a failure only time helps, not another request.
      const signals = failures > 0 ? [stopping.signal] : [stopping.signal, wanted.signal]
      await delay(pauseMs, undefined, { signal: AbortSignal.any(signals) }).catch(() => {})
      if (stopping.signal.aborted) return
      wanted = new AbortController()
      try {
        failures = (await repairOnce()) ? 0 : failures + 1
        if (away) log('control-back', 'control is looked at again')
        away = false
      } catch (error) {
        failures++
        if (!away && !stopping.signal.aborted)
          log('control-away', `cannot look at control: ${reasonOf(error)}`)
        away = true
      }
    }
  }
  const running = repairLoop()

  return {
    receive(bytes) {
      if (waiting >= waitingMax) return wanted.abort()
      waiting++
      enqueue(bytes, performance.now())
        .then((outcome) => outcome === 'unproven' && wanted.abort())
        .catch((error) =>
          log('message-refused', `an announcement could not be read: ${reasonOf(error)}`),
        )
        .finally(() => waiting--)
    },
    repair: () => wanted.abort(),
    held: () => held,
    confirmed: () => confirmed,
    async stop() {
      stopping.abort()
      await running
    },
  }
}

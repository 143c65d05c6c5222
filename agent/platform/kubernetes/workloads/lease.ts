/**
 * The Lease of a cluster's agents: who of them applies its workloads. No Lease can promise a single one, because
 * a holder may sleep through its end; so it also keeps the place of the newest snapshot that was applied, and
 * whoever writes proves first, with one read, that both are still as it believes.
 *
 * Time is measured here, never compared with that of another machine: a lease has expired once it has not
 * changed for its length before our own eyes.
 */
import type { Answer, Cluster, Ref } from './cluster.ts'
import { kinds } from './cluster.ts'
import { type Lease, lease as leaseSchema } from './kube-object.ts'
import { annotation, isNewer, type Place, placeOf, placeText } from './labels.ts'
import type { Fence } from './reconcile.ts'

export interface LeaseSettings {
  /** The agents' own namespace. */
  readonly namespace: string
  readonly name: string
  readonly durationMs: number
  readonly renewEveryMs: number
  /** How long objects of a former epoch stay. */
  readonly orphanMs: number
  /** Monotonic. */
  nowMs(): number
  /** Wall clock: for people who read the Lease, and for orphans. */
  wallMs(): number
}

export interface ClusterLease extends Fence {
  /** Takes or renews it; true while `holder` has it. */
  acquire(holder: string, signal: AbortSignal): Promise<boolean>
  /** Which hold of ours it is; null: none. Another number is another hold. */
  hold(): number | null
  /** Lets it go, so that the next need not wait. */
  release(signal: AbortSignal): Promise<void>
}

const triesMax = 3

export function createClusterLease(cluster: Cluster, settings: LeaseSettings): ClusterLease {
  const { namespace, name, durationMs, renewEveryMs, orphanMs, nowMs, wallMs } = settings
  const ref: Ref = { kind: 'Lease', namespace, name }
  let mine: { readonly holder: string; readonly transitions: number; renewedMs: number } | null =
    null
  let seen: { readonly what: string; readonly atMs: number } | null = null
  let orphansUntilMs = 0

  const micro = () => new Date(wallMs()).toISOString().replace('Z', '000Z')
  const isMine = ({ spec }: Lease) =>
    mine !== null &&
    spec?.holderIdentity === mine.holder &&
    (spec?.leaseTransitions ?? 0) === mine.transitions

  async function read(signal: AbortSignal): Promise<Lease | null> {
    const answer = await cluster.get(ref, signal)
    if (answer.ok) return leaseSchema.parse(answer.value)
    if (answer.code === 'not-found') return null
    throw new Error(refusedWords(answer))
  }

  const patch = (found: Lease, body: Readonly<Record<string, unknown>>, signal: AbortSignal) =>
    cluster.patch(ref, 'merge', found.metadata.resourceVersion, body, signal)

  async function make(holder: string, signal: AbortSignal): Promise<boolean> {
    const startedMs = nowMs()
    const spec = { ...heldBy(holder, 1), acquireTime: micro(), renewTime: micro() }
    const metadata = { name, namespace }
    const { apiVersion } = kinds.Lease
    const answer = await cluster.create({ apiVersion, kind: 'Lease', metadata, spec }, signal)
    if (answer.ok) mine = { holder, transitions: 1, renewedMs: startedMs }
    else if (answer.code !== 'exists') throw new Error(refusedWords(answer))
    return answer.ok
  }

  const heldBy = (holder: string, leaseTransitions: number) => ({
    holderIdentity: holder,
    leaseTransitions,
    leaseDurationSeconds: Math.ceil(durationMs / 1_000),
  })

  async function take(found: Lease, holder: string, signal: AbortSignal): Promise<boolean> {
    const startedMs = nowMs()
    const transitions = (found.spec?.leaseTransitions ?? 0) + 1
    const spec = { ...heldBy(holder, transitions), acquireTime: micro(), renewTime: micro() }
    const answer = await patch(found, { spec }, signal)
    if (answer.ok) mine = { holder, transitions, renewedMs: startedMs }
    else if (answer.code !== 'conflict') throw new Error(refusedWords(answer))
    return answer.ok
  }

  async function renew(found: Lease, signal: AbortSignal): Promise<void> {
    const startedMs = nowMs()
    const answer = await patch(found, { spec: { renewTime: micro() } }, signal)
    // A conflict is our own mark, or the next holder: the next read tells.
    if (answer.ok && mine) mine.renewedMs = startedMs
    else if (!answer.ok && answer.code !== 'conflict') throw new Error(refusedWords(answer))
  }

  return {
    async acquire(holder, signal) {
      if (mine && nowMs() - mine.renewedMs >= durationMs) mine = null
      if (mine && nowMs() - mine.renewedMs < renewEveryMs) return true
      const found = await read(signal)
      if (!found) {
        mine = null
        return make(holder, signal)
      }
      if (isMine(found)) {
        await renew(found, signal)
        return mine !== null
      }
      mine = null
      const { holderIdentity, leaseTransitions, renewTime } = found.spec ?? {}
      const what = JSON.stringify([holderIdentity, leaseTransitions, renewTime])
      if (seen?.what !== what) seen = { what, atMs: nowMs() }
      // One of our own name is our former life.
      const isFree = !holderIdentity || holderIdentity === holder
      return isFree || nowMs() - seen.atMs >= durationMs ? take(found, holder, signal) : false
    },

    hold: () => (mine && nowMs() - mine.renewedMs < durationMs ? mine.transitions : null),
    keepsOrphans: () => wallMs() < orphansUntilMs,

    async prove(place, signal) {
      for (let tries = 0; tries < triesMax; tries++) {
        const found = await read(signal)
        if (!found || !isMine(found)) {
          mine = null
          return 'not-holder'
        }
        orphansUntilMs = Date.parse(found.metadata.annotations[annotation.orphansUntil] ?? '') || 0
        if (isNewer(found, place)) return 'older'
        const former = placeOf(found)
        if (former && placeText(former) === placeText(place)) return 'held'
        const annotations = markOf(former, place)
        const answer = await patch(found, { metadata: { annotations } }, signal)
        if (!answer.ok && answer.code !== 'conflict') throw new Error(refusedWords(answer))
      }
      throw new Error(`the Lease ${name} changed ${triesMax} times while it was written`)
    },

    async release(signal) {
      const found = mine ? await read(signal) : null
      if (found && isMine(found)) await patch(found, { spec: { holderIdentity: null } }, signal)
      mine = null
    },
  }

  function markOf(former: Place | null, place: Place): Readonly<Record<string, string>> {
    const isNewEpoch = former !== null && former.epoch < place.epoch
    return {
      [annotation.applied]: placeText(place),
      ...(isNewEpoch && {
        [annotation.orphansUntil]: new Date(wallMs() + orphanMs).toISOString(),
      }),
    }
  }
}

const refusedWords = (answer: Answer<unknown> & { ok: false }): string =>
  answer.code === 'forbidden'
    ? `the agents may not use their Lease (deploy/agent/rbac.yaml): ${answer.message}`
    : `the Kubernetes API: ${answer.message}`

/**
 * The workloads half of the platform `kubernetes`: while this agent holds the Lease it makes what is there what
 * the snapshot wants, and keeps it so: at once when a Deployment changes, every second while something
 * is in motion, and now and then anyway. It tells how far replacements are, and what is in the way.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Say } from '#wire/log-line.ts'
import type { RollingReport, TroubleReport } from '#wire/report.ts'
import { reasonOf } from '../../../reason.ts'
import type { DesiredWorkloads, Workloads } from '../../platform.ts'
import type { Cluster } from './cluster.ts'
import { type Deployment, type Pod, pod as podSchema } from './kube-object.ts'
import { label, type Place } from './labels.ts'
import { createClusterLease, type LeaseSettings } from './lease.ts'
import { createNotes } from './notes.ts'
import { currentReplicaSet, hashOf } from './observed.ts'
import {
  deploymentOf,
  isComplete,
  podsPerRelease,
  rollingReports,
  troubleReports,
} from './progress.ts'
import { type Outcome, reconcile } from './reconcile.ts'
import { type Wanted, wantedOf } from './wanted.ts'

export interface WorkloadsTiming {
  readonly leaseMs: number
  readonly renewEveryMs: number
  /** How long objects of a former epoch stay. */
  readonly orphanMs: number
  /** Between two looks while something is in motion, and while nothing is. */
  readonly movingMs: number
  readonly restingMs: number
  /** At most so often when Deployments change. */
  readonly gapMs: number
  /** Kubernetes' conditions are of a moment ago: a stall counts once it has lasted. */
  readonly stalledForMs: number
}

export const workloadsTiming: WorkloadsTiming = {
  leaseMs: 6_000,
  renewEveryMs: 1_500,
  orphanMs: 30_000,
  movingMs: 1_000,
  restingMs: 10_000,
  gapMs: 200,
  stalledForMs: 1_500,
}

export interface WorkloadsSettings {
  readonly cluster: Cluster
  /** Switchyard's name of the cluster. */
  readonly name: string
  /** The agents' own namespace. */
  readonly namespace: string
  /** Calls `onChange` when a Deployment of these namespaces changes, until the signal. */
  watch(namespaces: readonly string[], onChange: () => void, signal: AbortSignal): void
  onReplacements(reports: readonly RollingReport[]): void
  onTroubles(reports: readonly TroubleReport[]): void
  /** What went wrong between two calls of `apply`. */
  onTrouble(text: string): void
  readonly log: Say
  readonly timing?: WorkloadsTiming
}

export interface ClusterWorkloads extends Workloads {
  /** Lets the Lease go. */
  close(): Promise<void>
}

interface Task {
  readonly place: Place
  readonly wanted: readonly Wanted[]
}

const releaseLeaseMs = 2_000

export function createWorkloads(settings: WorkloadsSettings): ClusterWorkloads {
  const { cluster, name, namespace, timing = workloadsTiming } = settings
  const closing = new AbortController()
  const clock: Pick<LeaseSettings, 'nowMs' | 'wallMs'> = {
    nowMs: () => performance.now(),
    wallMs: () => Date.now(),
  }
  const lease = createClusterLease(cluster, {
    ...clock,
    namespace,
    name: `switchyard-${name}`,
    durationMs: timing.leaseMs,
    renewEveryMs: timing.renewEveryMs,
    orphanMs: timing.orphanMs,
  })
  let holder = ''
  const lost = (count: number) =>
    settings.log('events-lost', `${count} Kubernetes Events were too many at once`)
  const notes = createNotes(cluster, () => holder, clock.wallMs, lost, closing.signal)
  const steady = createSteady(timing.stalledForMs, clock.nowMs)
  let task: Task | null = null
  /** The hold of the lease in which our place is on every object. */
  let stamped: number | null = null
  let moving = true
  let wake = new AbortController()
  let watching: { readonly of: string; readonly stop: AbortController } | null = null
  let last: Promise<unknown> = Promise.resolve()

  /** One after another: two plans of one holder would only get in each other's way. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = last.then(work, work)
    last = next.catch(() => {})
    return next
  }

  async function look(signal: AbortSignal): Promise<Outcome['state']> {
    if (!task) return 'applied'
    const { place, wanted } = task
    const hold = lease.hold()
    const order = { name, place, wanted, stampAll: stamped !== hold }
    const outcome = await reconcile(cluster, lease, order, notes.say, signal)
    if (outcome.state !== 'applied') return outcome.state
    if (outcome.settled) stamped = hold
    await tell(wanted, outcome, signal)
    return outcome.state
  }

  async function tell(wanted: readonly Wanted[], outcome: Outcome, signal: AbortSignal) {
    const { views, troubles, settled } = outcome
    if (!views) return
    const pods = new Map<string, readonly Pod[]>()
    for (const one of wanted) {
      const deployment = deploymentOf(views, name, one)
      if (!deployment || isComplete(deployment)) continue
      const set = currentReplicaSet(views.get(one.namespace)!, deployment)
      pods.set(one.release, await podsOf(one, deployment, set && hashOf(set), signal))
    }
    moving = !settled || pods.size > 0 || wanted.some(({ rolling }) => rolling)
    settings.onReplacements(steady(rollingReports(views, name, wanted, pods)))
    settings.onTroubles(troubleReports(views, name, wanted, pods, troubles))
    for (const { release, namespace, deployment, template } of wanted) {
      const isOpen = views.get(namespace)?.closed === null
      for (const message of isOpen ? (troubles.get(release) ?? []) : []) {
        notes.refuse(release, { namespace, name: deployment ?? template }, message)
      }
    }
    const open = wanted.filter(({ namespace }) => views.get(namespace)?.closed === null)
    watchAll([...new Set(open.map(({ namespace }) => namespace))])
  }

  /** Those that the Deployment makes now: not the old ones that are being replaced. */
  async function podsOf(
    { namespace, release, image }: Wanted,
    { spec }: Deployment,
    hash: string | null,
    signal: AbortSignal,
  ): Promise<readonly Pod[]> {
    const pairs = Object.entries({
      ...(image === undefined ? spec.selector.matchLabels : { [label.release]: release }),
      ...(hash !== null && { [label.templateHash]: hash }),
    })
    const labels = pairs.map(([key, value]) => `${key}=${value}`).join(',')
    const options = { labels, countMax: podsPerRelease }
    const answer = await cluster.list('Pod', namespace, options, signal)
    return answer.ok ? answer.value.map((one) => podSchema.parse(one)) : []
  }

  function watchAll(namespaces: readonly string[]): void {
    const of = [...namespaces].sort().join()
    if (watching?.of === of) return
    stopWatching()
    const stop = new AbortController()
    watching = { of, stop }
    settings.watch(namespaces, () => wake.abort(), AbortSignal.any([stop.signal, closing.signal]))
  }

  function stopWatching(): void {
    watching?.stop.abort()
    watching = null
  }

  function letGo(): void {
    task = null
    stopWatching()
  }

  /** Between two calls of `apply`. */
  async function keep(): Promise<void> {
    let trouble = ''
    while (!closing.signal.aborted) {
      const { signal } = wake
      const pause = AbortSignal.any([signal, closing.signal])
      const pauseMs = moving ? timing.movingMs : timing.restingMs
      await delay(pauseMs, undefined, { signal: pause }).catch(() => {})
      if (signal.aborted) {
        await delay(timing.gapMs, undefined, { signal: closing.signal }).catch(() => {})
        wake = new AbortController()
      }
      if (closing.signal.aborted || !task || lease.hold() === null) continue
      try {
        const state = await inTurn(() => look(closing.signal))
        if (state === 'not-holder') letGo()
        trouble = ''
      } catch (error) {
        if (closing.signal.aborted) return
        if (trouble !== reasonOf(error)) settings.onTrouble(reasonOf(error))
        trouble = reasonOf(error)
      }
    }
  }
  const keeping = keep()

  return {
    async acquire(asked, signal) {
      holder = asked
      const held = await lease.acquire(asked, signal)
      if (!held) letGo()
      return held
    },
    async apply(_holder, desired: DesiredWorkloads, signal) {
      const { epoch, revision, workloads } = desired
      return inTurn(async () => {
        task = { place: { epoch, revision }, wanted: wantedOf(workloads) }
        moving = true
        // A release that comes back replaces others than the first time: what was said of that is over.
        settings.onReplacements([])
        const state = await look(signal)
        if (state !== 'applied') letGo()
        return state
      })
    },
    async close() {
      closing.abort()
      await keeping
      await last
      await lease.release(AbortSignal.timeout(releaseLeaseMs)).catch(() => {})
    },
  }
}

/** Takes a stall away until it has been said for a while. */
function createSteady(forMs: number, nowMs: () => number) {
  let since = new Map<string, number>()
  return (reports: readonly RollingReport[]): readonly RollingReport[] => {
    const now = nowMs()
    since = new Map(
      reports.flatMap(({ release, stalled }) =>
        stalled === null ? [] : [[release, since.get(release) ?? now] as const],
      ),
    )
    return reports.map((report) => {
      const sinceMs = since.get(report.release)
      const isNew = sinceMs === undefined || now - sinceMs < forMs
      return isNew ? { ...report, stalled: null } : report
    })
  }
}

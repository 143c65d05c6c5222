/**
 * Why the pods of a release are not ready, in Kubernetes' words: pure. The words stay the same while nothing
 * changes, so they name no pod, no count of restarts and no pause that grows.
 */
import type { Deployment, Pod } from './kube-object.ts'

export interface PodWords {
  /** What will not mend itself soon: told at once. */
  readonly grave: readonly string[]
  /** What may be a normal start: told when time is up. */
  readonly waiting: readonly string[]
  /** In Kubernetes' word. */
  readonly readyCount: number
}

const detailCharsMax = 240
const starting: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing'])

export function podWords(pods: readonly Pod[]): PodWords {
  const grave = new Map<string, number>()
  const waiting = new Map<string, number>()
  for (const pod of pods) {
    const { reason, isGrave } = reasonOf(pod)
    if (reason === null) continue
    const said = isGrave ? grave : waiting
    said.set(reason, (said.get(reason) ?? 0) + 1)
  }
  const byCount = (said: ReadonlyMap<string, number>) =>
    [...said].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([reason]) => reason)
  return {
    grave: byCount(grave),
    waiting: byCount(waiting),
    readyCount: pods.filter(isReady).length,
  }
}

const isReady = ({ metadata, status }: Pod): boolean =>
  !metadata.deletionTimestamp &&
  status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True'

function reasonOf({ metadata, status }: Pod): { reason: string | null; isGrave: boolean } {
  const said = (reason: string | null, isGrave = true) => ({ reason, isGrave })
  if (metadata.deletionTimestamp) return said(null)
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled')
  if (scheduled?.status === 'False') {
    return said(`${scheduled.reason ?? 'Unschedulable'}: ${cut(scheduled.message ?? '')}`)
  }
  const containers = [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
  ]
  for (const { name, state, lastState } of containers) {
    const { reason = '', message = '' } = state?.waiting ?? {}
    if (reason === '' || starting.has(reason)) continue
    if (reason === 'ErrImagePull' || reason === 'ImagePullBackOff') {
      return said(`ImagePullBackOff: container "${name}": ${cut(pullWords(message))}`)
    }
    if (reason === 'CrashLoopBackOff') {
      const { reason: ended = 'Error', exitCode } = lastState?.terminated ?? {}
      const code = exitCode === undefined ? '' : `, exit code ${exitCode}`
      return said(`CrashLoopBackOff: container "${name}" ends again and again (${ended}${code})`)
    }
    return said(`${reason}: container "${name}": ${cut(message)}`)
  }
  // While an init container runs the others are not ready, unless it is a sidecar: that one goes on.
  const unready = [
    ...(status?.containerStatuses ?? []),
    ...(status?.initContainerStatuses ?? []),
  ].find(({ ready }) => ready !== true)
  if (!unready) return said(null)
  const { exitCode } = unready.lastState?.terminated ?? {}
  if (exitCode !== undefined && exitCode !== 0) {
    return said(`Error: container "${unready.name}" ended with exit code ${exitCode}`)
  }
  const words = unready.state?.running
    ? `container "${unready.name}" is not ready (readiness probe failed, or has not succeeded yet)`
    : `container "${unready.name}" has not started yet`
  return said(words, false)
}

/** The kubelet says first what failed, and then that and what it waits for. */
function pullWords(message: string): string {
  const at = message.indexOf('ErrImagePull: ')
  return at < 0 ? message : message.slice(at + 'ErrImagePull: '.length)
}

const cut = (text: string): string => text.replace(/\s+/g, ' ').slice(0, detailCharsMax)

/** A quota, an admission: the pods are not even made. */
export function replicaFailure({ status }: Deployment): string | null {
  const condition = status?.conditions?.find(({ type }) => type === 'ReplicaFailure')
  if (condition?.status !== 'True') return null
  // "pods "shop-r2-5d4f-x7k2p" is forbidden", "Pod "…" is invalid": the name is another one each time.
  const message = (condition.message ?? '').replace(/pods? "[^"]*" is/i, 'a pod is')
  return `ReplicaFailure: ${cut(message)}`
}

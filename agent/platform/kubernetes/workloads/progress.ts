/**
 * How the releases of this cluster are doing, for the report: how far copies have been replaced, and why
 * copies do not become ready. Pure: from what was read to what is told.
 */
import { limits } from '#wire/limits.ts'
import type { RollingReport, TroubleReport } from '#wire/report.ts'
import type { Deployment, Pod } from './kube-object.ts'
import { label } from './labels.ts'
import {
  currentReplicaSet,
  formerReplicaSet,
  type NamespaceView,
  replicaSetsOf,
} from './observed.ts'
import { podWords, replicaFailure } from './pod-words.ts'
import type { Wanted } from './wanted.ts'

type Views = ReadonlyMap<string, NamespaceView>

/** Of one release more are not read. */
export const podsPerRelease = 50

/** The Deployment that has a release's pods now; null while there is none. */
export const deploymentOf = (views: Views, cluster: string, { namespace, release }: Wanted) =>
  views
    .get(namespace)
    ?.deployments.find(
      ({ metadata: { labels } }) =>
        labels[label.cluster] === cluster && labels[label.release] === release,
    ) ?? null

/** All pods that it asks for are there, and only those. */
export function isComplete({ metadata, spec, status }: Deployment): boolean {
  const { replicas } = spec
  return (
    (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0) &&
    (status?.replicas ?? 0) === replicas &&
    (status?.updatedReplicas ?? 0) === replicas &&
    (status?.availableReplicas ?? 0) === replicas
  )
}

/** `pods` by release: of those that are not complete. */
export function rollingReports(
  views: Views,
  cluster: string,
  wanted: readonly Wanted[],
  pods: ReadonlyMap<string, readonly Pod[]>,
): RollingReport[] {
  return wanted.flatMap((one) => {
    const { release, rolling, namespace } = one
    const view = views.get(namespace)
    if (!rolling || !view) return []
    const deployment = deploymentOf(views, cluster, one)
    if (!deployment) {
      const former = rolling.replaces.flatMap(
        (id) => deploymentOf(views, cluster, { ...one, release: id }) ?? [],
      )
      const old = former.reduce((sum, { status }) => sum + (status?.replicas ?? 0), 0)
      return { release, updated: 0, ready: 0, old, stalled: null }
    }
    const observed = currentReplicaSet(view, deployment)
    // By its label it is known before Kubernetes has looked at our last write.
    const current = formerReplicaSet(view, deployment, one) ?? observed
    const others = replicaSetsOf(view, deployment).filter((set) => set !== current)
    const old = others.reduce((sum, { status }) => sum + (status?.replicas ?? 0), 0)
    // Before that it may still make copies of a template that is over: that none is left is not known.
    if (!observed && old === 0) return []
    return {
      release,
      updated: current?.status?.replicas ?? 0,
      ready: current?.status?.availableReplicas ?? 0,
      old,
      stalled:
        observed || unmade(deployment) ? stalledWords(deployment, pods.get(release) ?? []) : null,
    }
  })
}

/**
 * Null while Kubernetes believes that it goes on. `pods`: those of the new template; the sentence is of them
 * alone, because the counts of their ReplicaSet may be older.
 */
export function stalledWords(deployment: Deployment, pods: readonly Pod[]): string | null {
  const { spec } = deployment
  const words = unmade(deployment)
  if (words !== null) return cut(words)
  const progressing = progressingOf(deployment)
  if (progressing?.reason !== 'ProgressDeadlineExceeded') return null
  const { grave, waiting, readyCount } = podWords(pods)
  const failure = replicaFailure(deployment)
  const reasons = [...(failure === null ? [] : [failure]), ...grave]
  const of = spec.replicas <= podsPerRelease ? spec.replicas : `the first ${pods.length}`
  const said =
    reasons.length > 0 ? reasons : [[`${readyCount} of ${of} ready`, ...waiting].join(': ')]
  return cut(`ProgressDeadlineExceeded: ${said.join('; ')}`)
}

const progressingOf = ({ status }: Deployment) =>
  status?.conditions?.find(({ type }) => type === 'Progressing')

/** Not even a ReplicaSet is made, by a quota or an admission: Kubernetes says it, and counts no time. */
function unmade(deployment: Deployment): string | null {
  const { reason, message = '' } = progressingOf(deployment) ?? {}
  return reason === 'ReplicaSetCreateError' ? `${reason}: ${message}` : null
}

/** `planned`: what the plan could not do, by release. */
export function troubleReports(
  views: Views,
  cluster: string,
  wanted: readonly Wanted[],
  pods: ReadonlyMap<string, readonly Pod[]>,
  planned: ReadonlyMap<string, readonly string[]>,
): TroubleReport[] {
  return wanted
    .flatMap((one) => {
      const deployment = deploymentOf(views, cluster, one)
      const view = views.get(one.namespace)
      const words = [
        ...(planned.get(one.release) ?? []),
        ...(view && deployment
          ? podTroubles(view, one, deployment, pods.get(one.release) ?? [])
          : []),
      ]
      return words.length === 0 ? [] : { release: one.release, message: cut(words.join('; ')) }
    })
    .slice(0, limits.troublesPerReport)
}

function podTroubles(
  view: NamespaceView,
  wanted: Wanted,
  deployment: Deployment,
  pods: readonly Pod[],
): string[] {
  const { name, namespace } = deployment.metadata
  if (deployment.spec.replicas === 0 && wanted.deployment !== undefined) {
    return [
      `Deployment "${name}" has no replicas: kubectl -n ${namespace} scale deployment ${name} --replicas=1`,
    ]
  }
  if (isComplete(deployment)) return []
  const isObserved = currentReplicaSet(view, deployment) !== null
  const stalled = isObserved || unmade(deployment) ? stalledWords(deployment, pods) : null
  if (stalled !== null) return [stalled]
  const failure = replicaFailure(deployment)
  return [...(failure === null ? [] : [failure]), ...podWords(pods).grave]
}

const cut = (text: string): string => text.slice(0, limits.reasonChars)

/** What was read of one namespace at one time, and the questions that are asked about it. */
import { askedBefore } from './asked.ts'
import type { Autoscaler, Deployment, ReplicaSet, Service } from './kube-object.ts'
import { annotation, label } from './labels.ts'
import type { Wanted } from './wanted.ts'

export interface NamespaceView {
  readonly name: string
  /** Why nothing is done there, and what to do about it; null: it has opted in. */
  readonly closed: string | null
  readonly deployments: readonly Deployment[]
  readonly services: readonly Service[]
  readonly replicaSets: readonly ReplicaSet[]
  readonly autoscalers: readonly Autoscaler[]
}

export const isGoing = ({ metadata }: Pick<Deployment | Service, 'metadata'>): boolean =>
  metadata.deletionTimestamp !== undefined && metadata.deletionTimestamp !== null

/** We have made it, whatever has become of its labels: a selector cannot be changed. */
export const isMade = ({ metadata, spec }: Deployment): boolean =>
  spec.selector.matchLabels[label.deployment] === metadata.name

/** Made by others of one of ours, with what we have written on it: its labels do not make it ours. */
export function isCopy({ metadata, spec }: Deployment): boolean {
  const adopted = metadata.annotations[annotation.adopted]
  if (adopted !== undefined) return adopted !== metadata.uid
  const made = spec.selector.matchLabels[label.deployment]
  return made !== undefined && made !== metadata.name
}

/** As it is to us: without our labels. */
export function unmarked<T extends Deployment | Service>(copy: T): T {
  const { metadata } = copy
  const others = (texts: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(texts).filter(([key]) => !ourKeys.has(key)))
  return {
    ...copy,
    metadata: {
      ...metadata,
      labels: others(metadata.labels),
      annotations: others(metadata.annotations),
    },
  }
}

const ourKeys: ReadonlySet<string> = new Set([
  ...Object.values(label),
  ...Object.values(annotation),
])

export const isAutoscaled = (view: NamespaceView, { metadata }: Deployment): boolean =>
  view.autoscalers.some(
    ({ spec }) =>
      spec.scaleTargetRef.kind === 'Deployment' && spec.scaleTargetRef.name === metadata.name,
  )

/** The newest first. */
export const replicaSetsOf = (
  view: NamespaceView,
  { metadata }: Deployment,
): readonly ReplicaSet[] =>
  view.replicaSets
    .filter((one) => one.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid))
    .sort((a, b) => revisionOf(b) - revisionOf(a))

const revisionOf = ({ metadata }: Pick<ReplicaSet, 'metadata'>): number =>
  Number(metadata.annotations[annotation.revision] ?? 0)

/** Of the pods that the Deployment asks for now; null while its controller has not seen it yet. */
export function currentReplicaSet(view: NamespaceView, deployment: Deployment): ReplicaSet | null {
  const { metadata, status } = deployment
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) return null
  const revision = revisionOf(deployment)
  return replicaSetsOf(view, deployment).find((one) => revisionOf(one) === revision) ?? null
}

export const hashOf = ({ metadata }: ReplicaSet): string | null =>
  metadata.labels[label.templateHash] ?? null

/** By release: the hash of the pods that an adopted one had before another got its Deployment. */
export function formerHashes({ metadata }: Deployment): Readonly<Record<string, string>> {
  try {
    const parsed: unknown = JSON.parse(metadata.annotations[annotation.former] ?? '{}')
    if (typeof parsed !== 'object' || parsed === null) return {}
    const entries = Object.entries(parsed)
    return Object.fromEntries(entries.filter(([, hash]) => typeof hash === 'string'))
  } catch {
    return {}
  }
}

type Identity = Pick<Wanted, 'release' | 'image'>

/** Where the pods of a release come from when its Deployment is another's now: what to go back to. */
export function formerReplicaSet(
  view: NamespaceView,
  deployment: Deployment,
  wanted: Identity,
): ReplicaSet | null {
  const { release, image } = wanted
  // What was adopted has no image of ours.
  const hash = image === undefined ? formerHashes(deployment)[release] : undefined
  const isIts = (one: ReplicaSet) =>
    hash === undefined ? isMadeFor(one, wanted) : hashOf(one) === hash
  return replicaSetsOf(view, deployment).find(isIts) ?? null
}

/** By our label; not of a release with its number in a history that is lost, which had another image. */
export function isMadeFor(set: ReplicaSet, { release, image }: Identity): boolean {
  const asked = askedBefore(set).image
  return (
    set.spec.template.metadata.labels[label.release] === release &&
    (asked === undefined || image === undefined || asked === image)
  )
}

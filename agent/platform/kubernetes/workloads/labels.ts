/**
 * The labels and annotations by which Switchyard knows its own objects in Kubernetes, and the place in history
 * that every one of them carries: an object that a newer snapshot wrote is never touched by an older one.
 */

export const fieldManager = 'switchyard'

export const label = {
  app: 'switchyard.dev/app',
  release: 'switchyard.dev/release',
  /** Whose objects these are: clusters, as Switchyard names them, may share a Kubernetes. */
  cluster: 'switchyard.dev/cluster',
  /** Selector of Deployments that we make: its presence there tells made from adopted, for ever. */
  deployment: 'switchyard.dev/deployment',
  /** `true` on a namespace that opted in. */
  managed: 'switchyard.dev/managed',
  /**
   * On Deployments: percent of the app's users that the release answers, for `kubectl get deploy -L`. A label,
   * because Kubernetes copies annotations of a Deployment into its ReplicaSets.
   */
  share: 'switchyard.dev/share',
  /** Kubernetes' own: which ReplicaSet a pod belongs to. */
  templateHash: 'pod-template-hash',
} as const

/** Kubernetes' recommended one. */
export const versionLabel = 'app.kubernetes.io/version'

export const annotation = {
  /** `<epoch>.<revision>` of the snapshot that wrote it last. */
  applied: 'switchyard.dev/applied',
  /** JSON of the fields that the snapshot asked for: what differs from it was changed by others. */
  asked: 'switchyard.dev/asked',
  /** On an app's own Service, JSON `{ cluster, app, selector }`: who has it, and what it was told to select. */
  selector: 'switchyard.dev/selector',
  /** JSON `{ "<release>": "<pod-template-hash>" }` of adopted releases whose Deployment another has got. */
  former: 'switchyard.dev/former',
  /** On an adopted Deployment, its uid: what was made of its YAML has that too, and is another one. */
  adopted: 'switchyard.dev/adopted',
  /** On the Lease: until when objects of a former epoch stay. */
  orphansUntil: 'switchyard.dev/orphans-until',
  /** Kubernetes' own: the number of a ReplicaSet in its Deployment's history. */
  revision: 'deployment.kubernetes.io/revision',
} as const

/** Of a snapshot: which history, and how far in it. */
export interface Place {
  readonly epoch: number
  readonly revision: number
}

export type Texts = Readonly<Record<string, string>>

interface Annotated {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>> }
}

export const placeText = ({ epoch, revision }: Place): string => `${epoch}.${revision}`

/** Null when nobody has written one, or somebody something else. */
export function placeOf({ metadata }: Annotated): Place | null {
  const match = /^([0-9]{1,15})\.([0-9]{1,15})$/.exec(
    metadata.annotations[annotation.applied] ?? '',
  )
  return match ? { epoch: Number(match[1]), revision: Number(match[2]) } : null
}

export const isOlder = (one: Place, other: Place): boolean =>
  one.epoch < other.epoch || (one.epoch === other.epoch && one.revision < other.revision)

/** A newer snapshot than that of `place` wrote it. */
export function isNewer(object: Annotated, place: Place): boolean {
  const written = placeOf(object)
  return written !== null && isOlder(place, written)
}

/** All of `some` are in `texts`, as they are. */
export const hasTexts = (texts: Texts, some: Texts): boolean =>
  Object.entries(some).every(([key, value]) => texts[key] === value)

/**
 * What is ours and nobody wants any more goes: a Deployment that we made is deleted, an adopted one is scaled
 * to nothing and is its owner's again, a Service is deleted. Control says when (D6, the ledger); here only
 * a new epoch makes a difference, which may not know yet what its former one started.
 */
import { askedBefore } from './asked.ts'
import type { Mark } from './desired-objects.ts'
import type { Deployment, Service } from './kube-object.ts'
import { annotation, isNewer, label, placeOf } from './labels.ts'
import { isGoing, isMade, type NamespaceView } from './observed.ts'
import { noteOn, refOf } from './plan-deployment.ts'
import { isOurs } from './plan-services.ts'
import type { Write, WriteGroup } from './write.ts'

export interface RemovalPlan {
  readonly groups: readonly WriteGroup[]
  readonly newer: boolean
}

export interface Claims {
  /** Releases whose objects stay. */
  readonly kept: ReadonlySet<string>
  /** Of these, those whose Deployment is not needed any more. */
  readonly leftover: ReadonlySet<string>
  /** Apps whose objects stay for now. */
  readonly following: ReadonlySet<string>
  /** By name, Deployments that the same plan has given to a release. */
  readonly taken: ReadonlyMap<string, string>
}

export function planRemoval(
  view: NamespaceView,
  { kept, leftover, following, taken }: Claims,
  how: Mark & { readonly keepOrphans: boolean },
): RemovalPlan {
  const groups = new Map<string, Write[]>()
  let newer = false
  const look = <T extends Deployment | Service>(
    object: T,
    write: (object: T) => Write,
    unneeded?: ReadonlySet<string>,
  ) => {
    const release = object.metadata.labels[label.release]
    const isKept = release !== undefined && kept.has(release) && !unneeded?.has(release)
    if (release === undefined || isKept) return
    if (following.has(object.metadata.labels[label.app] ?? '')) return
    if (!isOurs(object, how.cluster) || isGoing(object)) return
    if (isNewer(object, how.place)) newer = true
    else if (!how.keepOrphans || !isOrphan(object, how)) {
      groups.set(release, [...(groups.get(release) ?? []), write(object)])
    }
  }
  for (const one of view.deployments) {
    if (taken.has(one.metadata.name)) continue
    look(one, isMade(one) ? deleteDeployment : letGo, leftover)
  }
  for (const one of view.services) look(one, deleteService)
  return { groups: [...groups].map(([release, writes]) => ({ release, writes })), newer }
}

/** A former epoch has written it, and this one has not had the time to learn of it. */
function isOrphan(object: Deployment | Service, { place }: Mark): boolean {
  const written = placeOf(object)
  return written !== null && written.epoch < place.epoch
}

function deleteDeployment(deployment: Deployment): Write {
  const { name, namespace = '', uid, resourceVersion, labels } = deployment.metadata
  const message = `${labels[label.release]} is decommissioned`
  return {
    verb: 'delete',
    ref: refOf(deployment),
    precondition: { uid, resourceVersion },
    notes: [noteOn({ namespace, name, uid }, 'Deleted', 'Delete', message)],
  }
}

function letGo(deployment: Deployment): Write {
  const { name, namespace = '', uid, resourceVersion, labels } = deployment.metadata
  const ours = [label.app, label.release, label.cluster, label.share]
  const message = `${labels[label.release]} is decommissioned: scaled from ${deployment.spec.replicas} to 0, and not ours any more`
  return {
    verb: 'merge',
    ref: refOf(deployment),
    resourceVersion,
    body: {
      metadata: {
        labels: Object.fromEntries(ours.map((key) => [key, null])),
        annotations: {
          [annotation.applied]: null,
          [annotation.asked]: null,
          [annotation.former]: null,
          [annotation.adopted]: null,
        },
      },
      spec: { replicas: 0, ...(askedBefore(deployment).paused && { paused: false }) },
    },
    notes: [noteOn({ namespace, name, uid }, 'ScaledDown', 'Patch', message)],
  }
}

function deleteService({ metadata }: Service): Write {
  const { name, namespace = '', uid, resourceVersion } = metadata
  return {
    verb: 'delete',
    ref: { kind: 'Service', namespace, name },
    precondition: { uid, resourceVersion },
    notes: [],
  }
}

/**
 * The writes that make a release's Deployment what is asked: make it, adopt it, give it the pods of the release
 * (a switch of its template, or back to a former one as it was), or only the few fields that have changed.
 */
import {
  type Asked,
  askedBefore,
  askedOf,
  askedText,
  containerOf,
  isSame,
  liveOf,
  type Merged,
  merge,
} from './asked.ts'
import { kinds, type Ref } from './cluster.ts'
import {
  deploymentBody,
  fullLabels,
  type Mark,
  ownLabels,
  shareLabel,
  specOf,
  without,
} from './desired-objects.ts'
import type { Deployment, ReplicaSet } from './kube-object.ts'
import { annotation, hasTexts, label, type Place, placeOf, placeText } from './labels.ts'
import { mergePatch } from './merge-patch.ts'
import {
  formerReplicaSet,
  isAutoscaled,
  isMade,
  type NamespaceView,
  replicaSetsOf,
} from './observed.ts'
import { othersWords } from './others-fields.ts'
import { containerFault, type Found } from './ownership.ts'
import { takenFromPods } from './taken-away.ts'
import type { Wanted } from './wanted.ts'
import type { Note, Write } from './write.ts'

export interface DeploymentPlan {
  readonly writes: readonly Write[]
  readonly troubles: readonly string[]
}

export interface HowToPlan extends Mark {
  /** A new holder of the lease writes its place on everything, so that writes of former ones miss. */
  readonly stampAll: boolean
}

/** `former`: hashes of adopted releases, those that this plan finds out included. */
export function planDeployment(
  view: NamespaceView,
  wanted: Wanted,
  found: Exclude<Found, { state: 'none' }>,
  former: Readonly<Record<string, string>>,
  how: HowToPlan,
): DeploymentPlan {
  if (found.state === 'to-make') return make(view, wanted, found.template, how)
  const { deployment } = found
  if (found.state === 'replaced') {
    const set = formerReplicaSet(view, deployment, wanted)
    if (set) return restore(view, wanted, deployment, set, former, how)
  }
  const fault = wanted.image === undefined ? null : containerFault(deployment, wanted.container)
  if (fault !== null) return { writes: [], troubles: [fault] }
  if (found.state === 'replaced') return switchTemplate(view, wanted, deployment, former, how)
  return keep(view, wanted, deployment, former, how, found.state === 'adoptable')
}

function make(
  view: NamespaceView,
  wanted: Wanted,
  template: Deployment,
  how: HowToPlan,
): DeploymentPlan {
  const { namespace, release, copies } = wanted
  const body = deploymentBody(
    wanted,
    template,
    { ...askedOf(wanted), copies: Math.max(copies, scaledCopies(view, wanted.app)) },
    view.services,
    how,
  )
  const ref: Ref = { kind: 'Deployment', namespace, name: release }
  const message = `made for ${release} (version ${wanted.version}) of the template ${template.metadata.name}, with the image ${wanted.image}`
  const note = noteOn({ namespace, name: release }, 'Created', 'Create', message)
  const notes = [note, ...shareNotes(wanted, undefined, { namespace, name: release })]
  return { writes: [{ verb: 'create', ref, body, notes }], troubles: [] }
}

/** A candidate starts with as many copies as an autoscaler has given to what is there. */
const scaledCopies = (view: NamespaceView, app: string): number =>
  Math.max(
    0,
    ...view.deployments
      .filter((one) => one.metadata.labels[label.app] === app && isAutoscaled(view, one))
      .map(({ spec }) => spec.replicas),
  )

/** It has the release's pods: only what has been asked for anew is written. */
function keep(
  view: NamespaceView,
  wanted: Wanted,
  deployment: Deployment,
  former: Readonly<Record<string, string>>,
  how: HowToPlan,
  isNew: boolean,
): DeploymentPlan {
  // Others have gone back to the pods of another release: what was written with these was not asked of this one.
  const isUndone = !isNew && isOfAnother(wanted, deployment, how.place)
  const before = isNew ? {} : isUndone ? askedOf(wanted) : askedBefore(deployment)
  const { paused, ...asked } = askedOf(wanted)
  const adopted = wanted.deployment !== undefined && !wanted.rolling && before.paused === undefined
  const live = liveOf(deployment, wanted.container)
  const scaled = isAutoscaled(view, deployment)
  const merged = merge(before, adopted ? asked : { ...asked, paused }, live, scaled)
  const metadata = metadataOf(wanted, deployment, merged.asked, former, how)
  // And no Service of this one selects those pods.
  const isByImage = wanted.image !== undefined && !wanted.rolling
  const podLabels = isByImage ? ownLabels(wanted, how.cluster) : {}
  const foundLabels = deployment.spec.template.metadata.labels
  const isUnchanged =
    isSame(merged.target, live) &&
    hasTexts(foundLabels, podLabels) &&
    hasTexts(deployment.metadata.labels, metadata.labels) &&
    hasTexts(
      deployment.metadata.annotations,
      without(metadata.annotations, [annotation.applied]),
    ) &&
    !(how.stampAll && !hasTexts(deployment.metadata.annotations, metadata.annotations))
  const troubles = merged.drift.map(driftWords(deployment))
  const taken = takenFromPods(view, deployment, wanted)
  const others = isMade(deployment) ? othersWords(deployment, taken) : null
  if (others !== null) {
    const { name } = deployment.metadata
    troubles.push(`others changed Deployment "${name}": ${others}, and that stays so`)
  }
  if (scaled && wanted.image !== undefined && deployment.spec.replicas < wanted.copies) {
    troubles.push(
      `an autoscaler holds Deployment "${deployment.metadata.name}" at ${deployment.spec.replicas} replicas, and the app asks for ${wanted.copies}`,
    )
  }
  if (isUnchanged) return { writes: [], troubles }
  const message = isNew
    ? `adopted as it is by ${wanted.release} (version ${wanted.version})`
    : (changeWords(live, merged.target) ??
      labelWords('its', deployment.metadata.labels, metadata.labels) ??
      labelWords("its pods'", foundLabels, podLabels))
  const notes =
    message === null ? [] : [noteAbout(deployment, isNew ? 'Adopted' : 'Changed', message)]
  return { writes: [applyOf(wanted, deployment, merged.target, metadata, notes)], troubles }
}

/** As kubectl undoes it: with the pods of a former ReplicaSet, and its annotations. A release has one image in an epoch. */
function isOfAnother(
  { image, rolling }: Wanted,
  deployment: Deployment,
  { epoch }: Place,
): boolean {
  const asked = askedBefore(deployment).image
  if (rolling || image === undefined || asked === undefined) return false
  return asked !== image && placeOf(deployment)?.epoch === epoch
}

/** Another release's pods are in it; Kubernetes replaces them by ours. */
function switchTemplate(
  view: NamespaceView,
  wanted: Wanted,
  deployment: Deployment,
  former: Readonly<Record<string, string>>,
  how: HowToPlan,
): DeploymentPlan {
  if (wanted.image === undefined) {
    const { name } = deployment.metadata
    const count = replicaSetsOf(view, deployment).length
    const trouble = `Deployment "${name}" keeps no ReplicaSet of ${wanted.release} to go back to (${count} others; revisionHistoryLimit)`
    return { writes: [], troubles: [trouble] }
  }
  const { merged, metadata } = newOwner(view, wanted, deployment, former, how)
  const message = `its pods are replaced by those of ${wanted.release} (version ${wanted.version}), with the image ${wanted.image}`
  const notes = [noteAbout(deployment, 'Switched', message)]
  return { writes: [applyOf(wanted, deployment, merged.target, metadata, notes)], troubles: [] }
}

/** The pods of a release that had it before, exactly as they were: Kubernetes knows their ReplicaSet again. */
function restore(
  view: NamespaceView,
  wanted: Wanted,
  deployment: Deployment,
  set: ReplicaSet,
  former: Readonly<Record<string, string>>,
  how: HowToPlan,
): DeploymentPlan {
  const { merged, metadata } = newOwner(view, wanted, deployment, former, how)
  const { template } = set.spec
  const target = {
    ...template,
    metadata: {
      ...template.metadata,
      labels: without(template.metadata.labels, [label.templateHash]),
    },
  }
  const pods = mergePatch(deployment.spec.template, target)
  const write: Write = {
    verb: 'merge',
    ref: refOf(deployment),
    resourceVersion: deployment.metadata.resourceVersion,
    body: {
      // What is said of the release before it holds no more, also while nothing is known of this one.
      metadata: { ...metadata, labels: { [label.share]: null, ...metadata.labels } },
      spec: { ...specOf(merged.target), ...(Object.keys(pods).length > 0 && { template: pods }) },
    },
    notes: [
      noteAbout(
        deployment,
        'Restored',
        `the pods of ${wanted.release} (version ${wanted.version}) are back, from ReplicaSet ${set.metadata.name}`,
      ),
      ...shareNotesOn(wanted, deployment),
    ],
  }
  return { writes: [write], troubles: [] }
}

/** Of what was asked before only the number of copies still holds for a release that gets the Deployment. */
function newOwner(
  view: NamespaceView,
  wanted: Wanted,
  deployment: Deployment,
  former: Readonly<Record<string, string>>,
  how: HowToPlan,
): { merged: Merged; metadata: Metadata } {
  const { copies } = askedBefore(deployment)
  const before = copies === undefined ? {} : { copies }
  const live = liveOf(deployment, wanted.container)
  const merged = merge(before, askedOf(wanted), live, isAutoscaled(view, deployment))
  return { merged, metadata: metadataOf(wanted, deployment, merged.asked, former, how) }
}

interface Metadata {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

function metadataOf(
  wanted: Wanted,
  deployment: Deployment,
  asked: Asked,
  former: Readonly<Record<string, string>>,
  { cluster, place }: HowToPlan,
): Metadata {
  const hasFormer =
    Object.keys(former).length > 0 ||
    deployment.metadata.annotations[annotation.former] !== undefined
  return {
    labels: {
      ...(isMade(deployment) ? fullLabels(wanted, cluster) : ownLabels(wanted, cluster)),
      ...shareLabel(wanted),
    },
    annotations: {
      [annotation.applied]: placeText(place),
      [annotation.asked]: askedText(asked),
      ...(!isMade(deployment) && { [annotation.adopted]: deployment.metadata.uid }),
      ...(hasFormer && { [annotation.former]: JSON.stringify(former) }),
    },
  }
}

function applyOf(
  wanted: Wanted,
  deployment: Deployment,
  target: Asked,
  metadata: Metadata,
  notes: readonly Note[],
): Write {
  const { app, release, container } = wanted
  const spec = {
    ...specOf(target),
    ...(target.image !== undefined && {
      template: {
        metadata: { labels: ownLabels({ app, release }, metadata.labels[label.cluster]!) },
        spec: {
          containers: [{ name: containerOf(deployment, container)!.name, image: target.image }],
        },
      },
    }),
  }
  const { name, namespace } = deployment.metadata
  return {
    verb: 'apply',
    ref: refOf(deployment),
    resourceVersion: deployment.metadata.resourceVersion,
    body: {
      apiVersion: kinds.Deployment.apiVersion,
      kind: 'Deployment',
      metadata: { name, namespace, ...metadata },
      ...(Object.keys(spec).length > 0 && { spec }),
    },
    notes: [...notes, ...shareNotesOn(wanted, deployment)],
  }
}

export const refOf = ({ metadata }: Deployment): Ref => ({
  kind: 'Deployment',
  namespace: metadata.namespace ?? '',
  name: metadata.name,
})

const driftWords =
  ({ metadata }: Deployment) =>
  ({ field, asked, found }: Merged['drift'][number]) =>
    `others changed Deployment "${metadata.name}": ${field} is ${found ?? 'nothing'} (asked: ${asked}), and stays so`

/** Our labels are how we know it again: what others do to them does not stay. */
function labelWords(
  whose: string,
  found: Readonly<Record<string, string>>,
  ours: Readonly<Record<string, string>>,
): string | null {
  const changed = Object.keys(ours).filter((key) => key !== label.share && found[key] !== ours[key])
  return changed.length > 0 ? `${whose} labels are ours again: ${changed.join(', ')}` : null
}

/** Null: nothing that anybody would see. */
function changeWords(live: Asked, target: Asked): string | null {
  const changed = Object.entries(target).flatMap(([field, value]) => {
    const found = live[field as keyof Asked]
    return value === found ? [] : [`${field} ${found} → ${value}`]
  })
  return changed.length > 0 ? changed.join(', ') : null
}

/** What is said when it begins, or ceases, to answer users: its label said something else before. */
function shareNotes(
  { app, release, version, share }: Wanted,
  before: string | undefined,
  about: Note['about'],
): readonly Note[] {
  if (share === undefined || `${share}` === (before ?? '0')) return []
  const words = `${release} (version ${version}) answers ${share} % of the users of ${app}`
  const message = before === undefined ? words : `${words}, ${before} % before`
  return [noteOn(about, share === 0 ? 'NotServing' : 'Serving', 'Patch', message)]
}

function shareNotesOn(wanted: Wanted, { metadata }: Deployment): readonly Note[] {
  const { name, namespace = '', uid, labels } = metadata
  const before = labels[label.release] === wanted.release ? labels[label.share] : undefined
  return shareNotes(wanted, before, { namespace, name, uid })
}

const noteAbout = ({ metadata }: Deployment, reason: string, message: string): Note =>
  noteOn(
    { namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid },
    reason,
    'Patch',
    message,
  )

export const noteOn = (
  about: Note['about'],
  reason: string,
  action: string,
  message: string,
): Note => ({ type: 'Normal', reason, action, message, about })

/**
 * Which Deployment is a release's: its own, that of a release whose place it takes, one that it adopts, or one
 * that has yet to be made. Two that name one Deployment are settled here: who has it keeps it.
 */
import { containerOf } from './asked.ts'
import type { Deployment } from './kube-object.ts'
import { hasTexts, label } from './labels.ts'
import { formerReplicaSet, isGoing, isMade, type NamespaceView } from './observed.ts'
import type { Wanted } from './wanted.ts'

export type Found =
  | { readonly state: 'own' | 'adoptable'; readonly deployment: Deployment }
  | { readonly state: 'replaced'; readonly deployment: Deployment; readonly former: string }
  | { readonly state: 'to-make'; readonly template: Deployment }
  | {
      readonly state: 'none'
      readonly trouble: string
      /** Who has the Deployment instead. */
      readonly keptBy?: string
    }

/**
 * `kept`: releases whose claims still hold; `taken`: by name, Deployments that others have got in this same
 * plan.
 */
export function findDeployment(
  view: NamespaceView,
  cluster: string,
  wanted: Wanted,
  kept: ReadonlySet<string>,
  taken: ReadonlyMap<string, string>,
): Found {
  const ours = view.deployments.filter(({ metadata }) => metadata.labels[label.cluster] === cluster)
  const of = (release: string) =>
    ours.find((one) => one.metadata.labels[label.release] === release && !isGoing(one))
  const { release, rolling, deployment } = wanted
  const own = of(release) ?? unlabelled(view, release)
  if (own) return { state: 'own', deployment: own }
  for (const former of rolling?.replaces ?? []) {
    const replaced = of(former)
    if (replaced) return { state: 'replaced', deployment: replaced, former }
  }
  const shared = leftBehind(view, ours, wanted, kept)
  if (shared) return shared
  return deployment === undefined
    ? toMake(view, wanted)
    : toAdopt(view, cluster, { ...wanted, deployment }, kept, taken)
}

/**
 * The Deployment that has the release's pods in it, by the owner of its Service, while the release that had its
 * turn in it is not wanted any more: a way back that control saw completed before it was written, because no
 * pod of the other release was ever ready. Made anew, it would lose the pods that serve.
 */
function leftBehind(
  view: NamespaceView,
  ours: readonly Deployment[],
  wanted: Wanted,
  kept: ReadonlySet<string>,
): Found | null {
  const { release } = wanted
  const service = view.services.find(
    ({ metadata }) => metadata.name === release && metadata.labels[label.release] === release,
  )
  const owners = service?.metadata.ownerReferences?.map(({ uid }) => uid) ?? []
  const deployment = ours.find((one) => owners.includes(one.metadata.uid) && !isGoing(one))
  const former = deployment?.metadata.labels[label.release]
  return deployment &&
    former !== undefined &&
    !kept.has(former) &&
    deployment.metadata.name === (wanted.deployment ?? deployment.metadata.name) &&
    formerReplicaSet(view, deployment, wanted) !== null
    ? { state: 'replaced', deployment, former }
    : null
}

/** One that we have made, and somebody has taken our labels off. */
const unlabelled = (view: NamespaceView, release: string) =>
  view.deployments.find(
    (one) =>
      one.metadata.name === release &&
      isMade(one) &&
      one.metadata.labels[label.release] === undefined &&
      !isGoing(one),
  )

function toAdopt(
  view: NamespaceView,
  cluster: string,
  { namespace, deployment: name, release }: Wanted & { readonly deployment: string },
  kept: ReadonlySet<string>,
  taken: ReadonlyMap<string, string>,
): Found {
  const none = (trouble: string, keptBy?: string): Found => ({
    state: 'none',
    trouble,
    ...(keptBy !== undefined && { keptBy }),
  })
  const place = `Deployment "${name}" in namespace "${namespace}"`
  const deployment = view.deployments.find(({ metadata }) => metadata.name === name)
  if (!deployment) return none(`${place} is not there: apply it, or name another as \`deployment\``)
  if (isGoing(deployment)) return none(`${place} is being deleted`)
  const { labels } = deployment.metadata
  const otherCluster = labels[label.cluster]
  if (otherCluster !== undefined && otherCluster !== cluster) {
    return none(`${place} belongs to the cluster "${otherCluster}" (label ${label.cluster})`)
  }
  const labelled = labels[label.release]
  const claimant = labelled !== undefined && kept.has(labelled) ? labelled : taken.get(name)
  if (claimant !== undefined && claimant !== release) {
    return none(`${place} is claimed by ${claimant}, which came first: name another`, claimant)
  }
  if (Object.keys(deployment.spec.selector.matchLabels).length === 0) {
    return none(`${place} selects its pods without matchLabels, so that no Service can select them`)
  }
  if (deployment.spec.selector.matchExpressions?.length) {
    return none(`${place} selects its pods with matchExpressions, which no Service can have`)
  }
  const confused = view.deployments.find(
    (other) => other !== deployment && areConfused(deployment, other, kept),
  )
  if (confused) {
    const what = `Deployment "${confused.metadata.name}"`
    return none(
      `${place} and ${what} cannot be told apart by a Service: one selects the other's pods`,
    )
  }
  return { state: 'adoptable', deployment }
}

/** Its Service would have the other's pods too, or that of the other one has its. */
const areConfused = (one: Deployment, other: Deployment, kept: ReadonlySet<string>): boolean =>
  (other.spec.replicas > 0 && selectsPods(one, other)) ||
  (!isMade(other) &&
    kept.has(other.metadata.labels[label.release] ?? '') &&
    selectsPods(other, one))

const selectsPods = ({ spec }: Deployment, other: Deployment): boolean =>
  hasTexts(other.spec.template.metadata.labels, spec.selector.matchLabels)

function toMake(view: NamespaceView, wanted: Wanted): Found {
  const { namespace, release, template: name, container } = wanted
  const none = (trouble: string): Found => ({ state: 'none', trouble })
  const there = view.deployments.find(({ metadata }) => metadata.name === release)
  if (there) {
    const place = `Deployment "${release}" in namespace "${namespace}"`
    return none(
      isGoing(there)
        ? `${place} is being deleted: it is made again once it has gone`
        : `${place} is there and is not ours: rename it, or delete it`,
    )
  }
  const template = view.deployments.find(({ metadata }) => metadata.name === name)
  const place = `Deployment "${name}" in namespace "${namespace}", the template of the app,`
  if (!template) return none(`${place} is not there: apply it, or name another as \`template\``)
  const fault = containerFault(template, container)
  return fault === null ? { state: 'to-make', template } : none(fault)
}

/** Null when the container whose image a release sets is there. */
export function containerFault(
  deployment: Deployment,
  container: string | undefined,
): string | null {
  if (containerOf(deployment, container)) return null
  const { metadata, spec } = deployment
  const names = spec.template.spec.containers.map(({ name }) => name).join(', ')
  return `Deployment "${metadata.name}" has no container "${container}": it has ${names}`
}

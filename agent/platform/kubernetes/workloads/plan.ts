/**
 * From what is there and what is wanted to the writes that are missing: pure. Asked again after its writes it
 * has none, or the next ones; whoever dies between two leaves the rest to whoever asks next. Every write holds
 * the version that was read, so that two who plan at once leave the same objects as one.
 */
import type { Deployment } from './kube-object.ts'
import { isNewer, label, versionLabel } from './labels.ts'
import { currentReplicaSet, formerHashes, hashOf, isMade, type NamespaceView } from './observed.ts'
import { type Found, findDeployment } from './ownership.ts'
import { type HowToPlan, planDeployment } from './plan-deployment.ts'
import { planOwnService } from './plan-own-service.ts'
import { planRemoval } from './plan-removal.ts'
import { planService, type ServiceWanted, selectorOf } from './plan-services.ts'
import { releasesKept, type Wanted } from './wanted.ts'
import type { Write, WriteGroup } from './write.ts'

export interface PlanSettings extends HowToPlan {
  /** For a while after a new epoch. */
  readonly keepOrphans: boolean
}

export interface Plan {
  readonly groups: readonly WriteGroup[]
  /** By release, in words, the gravest first. */
  readonly troubles: ReadonlyMap<string, readonly string[]>
  /** Something that this plan would change was written by a newer snapshot: it is left alone. */
  readonly newer: boolean
  /** A controller of Kubernetes has to have its say first: look again soon. */
  readonly waits: boolean
}

export function plan(
  views: ReadonlyMap<string, NamespaceView>,
  wanted: readonly Wanted[],
  how: PlanSettings,
): Plan {
  const kept = releasesKept(wanted)
  const troubles = new Map<string, string[]>()
  const tell = (release: string, ...words: readonly string[]) => {
    if (words.length > 0) troubles.set(release, [...(troubles.get(release) ?? []), ...words])
  }
  const groups: WriteGroup[] = []
  const taken = new Map<string, Map<string, string>>()
  const leftover = new Set<string>()
  /** Apps whose own Service has yet to follow: it may select what would be removed. */
  const following = new Set<string>()
  let newer = false
  let waits = false

  for (const one of wanted) {
    const view = views.get(one.namespace)
    if (!view || view.closed !== null) {
      tell(one.release, view?.closed ?? `namespace "${one.namespace}" was not read`)
      continue
    }
    const takenHere = taken.get(one.namespace) ?? new Map<string, string>()
    taken.set(one.namespace, takenHere)
    const found = findDeployment(view, how.cluster, one, kept, takenHere)
    if (found.state === 'none') {
      tell(one.release, found.trouble)
      const { keptBy } = found
      if (keptBy !== undefined) {
        tell(keptBy, `${one.release} names Deployment "${one.deployment}" too, and is refused`)
      }
      continue
    }
    if (found.state !== 'to-make') takenHere.set(found.deployment.metadata.name, one.release)
    for (const id of superseded(one, found)) leftover.add(id)
    const own = planRelease(view, one, found, rivalsOf(wanted, one), how)
    if (own.follows) following.add(one.app)
    tell(one.release, ...own.troubles)
    newer ||= own.newer
    waits ||= own.waits
    if (own.writes.length > 0) groups.push({ release: one.release, writes: own.writes })
  }
  for (const view of views.values()) {
    if (view.closed !== null) continue
    const removal = planRemoval(
      view,
      { kept, leftover, following, taken: taken.get(view.name) ?? new Map() },
      how,
    )
    groups.push(...removal.groups)
    newer ||= removal.newer
  }
  return { groups, troubles, newer, waits }
}

/**
 * Replaced releases whose Deployment did not become that of `wanted`, because it had one already: two who acted
 * at once may leave that. Theirs go once its own copies are there.
 */
function superseded({ rolling, copies }: Wanted, found: Found): readonly string[] {
  if (!rolling || found.state !== 'own') return []
  const { availableReplicas = 0 } = found.deployment.status ?? {}
  return availableReplicas >= Math.min(copies, found.deployment.spec.replicas)
    ? rolling.replaces
    : []
}

interface ReleasePlan {
  readonly writes: readonly Write[]
  readonly troubles: readonly string[]
  readonly newer: boolean
  readonly waits: boolean
  /** The app's own Service is among what is written. */
  readonly follows: boolean
}

const nothing: ReleasePlan = {
  writes: [],
  troubles: [],
  newer: false,
  waits: false,
  follows: false,
}

function planRelease(
  view: NamespaceView,
  wanted: Wanted,
  found: Exclude<Found, { state: 'none' }>,
  rivals: readonly string[],
  how: PlanSettings,
): ReleasePlan {
  // Its Service is made in the next round, when the Deployment has an identity that can own it.
  if (found.state === 'to-make') {
    const { writes, troubles } = planDeployment(view, wanted, found, {}, how)
    return { ...nothing, writes, troubles, waits: true }
  }
  const { deployment } = found
  if (isNewer(deployment, how.place)) return { ...nothing, newer: true }
  const former = formerOf(view, wanted, found)
  if (former === null) return { ...nothing, waits: true }

  const services = servicesOf(wanted, found, former).map((one) => planService(view, one, how))
  const own = planDeployment(view, wanted, found, former, how)
  const { service } = wanted
  const led =
    service === undefined
      ? []
      : [planOwnService(view, wanted, { service, rivals }, deployment, how)]
  const all = [...services, ...led]
  return {
    // Before another release gets the Deployment, the Service of the former one must know its pods by hash.
    writes: [services, own, led].flat().flatMap(({ writes }) => writes),
    troubles: [
      ...own.troubles,
      ...all.flatMap(({ trouble }) => (trouble === null ? [] : [trouble])),
    ],
    newer: all.some((one) => one.newer),
    waits: false,
    follows: led.some(({ writes }) => writes.length > 0),
  }
}

/** Apps that name the same Service, in the order of their releases; its own among them. */
const rivalsOf = (wanted: readonly Wanted[], { namespace, service }: Wanted): readonly string[] =>
  wanted
    .filter((one) => one.namespace === namespace && one.service === service)
    .map(({ app }) => app)

type Hashes = Readonly<Record<string, string>>

/**
 * Hashes of the adopted releases that have had this Deployment, as long as anything is being replaced in it;
 * with that of the one whose turn ends now. Null while Kubernetes has not said which ReplicaSet is its.
 */
function formerOf(
  view: NamespaceView,
  { rolling }: Wanted,
  found: Exclude<Found, { state: 'none' | 'to-make' }>,
): Hashes | null {
  if (!rolling) return {}
  const { deployment } = found
  const known = formerHashes(deployment)
  if (found.state !== 'replaced' || known[found.former] !== undefined) return known
  if (isMade(deployment) || isSwitched(deployment, found.former)) return known
  const set = currentReplicaSet(view, deployment)
  const hash = set && hashOf(set)
  return hash === null ? null : { ...known, [found.former]: hash }
}

/** Its pods carry our label: they came by a switch. */
const isSwitched = ({ spec }: Deployment, release: string): boolean =>
  spec.template.metadata.labels[label.release] === release

/** The snapshot does not say that of a release that is replaced; its Deployment does until it gets other pods. */
function versionOf({ metadata: { labels } }: Deployment, release: string) {
  const version = labels[label.release] === release ? labels[versionLabel] : undefined
  return version === undefined ? {} : { version }
}

/** Its own, and those of the releases that it replaces. */
function servicesOf(
  wanted: Wanted,
  { deployment }: { readonly deployment: Deployment },
  former: Hashes,
): ServiceWanted[] {
  const { app, release, version, namespace, port, rolling } = wanted
  const shared = { app, namespace, port, owner: deployment }
  const isAdopted = wanted.deployment !== undefined
  return [
    ...(rolling?.replaces ?? []).map((id) => ({
      ...shared,
      release: id,
      ...versionOf(deployment, id),
      selector: selectorOf(id, false, deployment, former),
    })),
    { ...shared, release, version, selector: selectorOf(release, isAdopted, deployment, former) },
  ]
}

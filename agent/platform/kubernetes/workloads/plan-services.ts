/**
 * The Service of a release: Kubernetes' EndpointSlice controller gives its slices the label by which every
 * agent finds them. It selects the release's pods by our label, or those of an adopted Deployment by that
 * Deployment's own selector, and once another release has got the Deployment, by the hash of its pods too.
 */
import { kinds } from './cluster.ts'
import { type Mark, serviceAsked, serviceBody, serviceFound } from './desired-objects.ts'
import type { Deployment, Service } from './kube-object.ts'
import { annotation, hasTexts, isNewer, label, placeText, versionLabel } from './labels.ts'
import { isGoing, type NamespaceView } from './observed.ts'
import { othersWords } from './others-fields.ts'
import { type Json, takenAway } from './taken-away.ts'
import type { Write } from './write.ts'

export interface ServiceWanted {
  readonly app: string
  readonly release: string
  readonly version?: string
  readonly namespace: string
  readonly port: number
  readonly selector: Readonly<Record<string, string>>
  readonly owner: Deployment
}

export interface ServicePlan {
  readonly writes: readonly Write[]
  readonly trouble: string | null
  /** A newer snapshot has written it. */
  readonly newer: boolean
}

export function selectorOf(
  release: string,
  isAdopted: boolean,
  { spec }: Deployment,
  former: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const hash = former[release]
  if (!isAdopted && hash === undefined) return { [label.release]: release }
  return { ...spec.selector.matchLabels, ...(hash !== undefined && { [label.templateHash]: hash }) }
}

export function planService(
  view: NamespaceView,
  wanted: ServiceWanted,
  how: Mark & { readonly stampAll: boolean },
): ServicePlan {
  const { release, namespace, selector, port, owner } = wanted
  const there = view.services.find(({ metadata }) => metadata.name === release)
  const ref = { kind: 'Service', namespace, name: release } as const
  const plan = (writes: readonly Write[], trouble: string | null = null, newer = false) => ({
    writes,
    trouble,
    newer,
  })
  if (!there) {
    return plan([
      { verb: 'create', ref, body: serviceBody(wanted, selector, owner, how), notes: [] },
    ])
  }
  if (there.metadata.labels[label.release] !== release || !isOurs(there, how.cluster)) {
    return plan(
      [],
      `Service "${release}" in namespace "${namespace}" is there and is not ours: rename it, or delete it`,
    )
  }
  if (isNewer(there, how.place)) return plan([], null, true)
  if (isGoing(there)) return plan([])

  const asked = serviceAsked(selector, port)
  const found = serviceFound(there)
  const isAskedAnew = there.metadata.annotations[annotation.asked] !== asked
  const isDrift = !isAskedAnew && found !== asked
  const name = `Service "${release}" in namespace "${namespace}"`
  const version = wanted.version ?? there.metadata.labels[versionLabel]
  const { metadata, spec } = serviceBody(
    { ...wanted, ...(version !== undefined && { version }) },
    selector,
    owner,
    how,
  )
  // What it selects and where it leads is compared by value.
  const taken = isAskedAnew || isDrift ? [] : takenAway(spec as Json, there.spec, '')
  const others = othersWords(there, taken)
  const words = [
    ...(isDrift
      ? [
          `others changed the selector or the port of ${name}, and they stay so: ${found} (asked: ${asked})`,
        ]
      : []),
    ...(others === null ? [] : [`others changed ${name}: ${others}, and that stays so`]),
  ]
  const trouble = words.length > 0 ? words.join('; ') : null
  const isStamped = there.metadata.annotations[annotation.applied] === placeText(how.place)
  const isUnchanged =
    !isAskedAnew &&
    hasTexts(there.metadata.labels, metadata.labels!) &&
    !(how.stampAll && !isStamped)
  if (isUnchanged) return plan([], trouble)
  const { ownerReferences: _, ...ours } = metadata
  return plan(
    [
      {
        verb: 'apply',
        ref,
        resourceVersion: there.metadata.resourceVersion,
        body: {
          apiVersion: kinds.Service.apiVersion,
          kind: 'Service',
          metadata: ours,
          spec: isDrift || taken.length > 0 ? asOthersHaveIt(there) : spec,
        },
        notes: [],
      },
    ],
    trouble,
  )
}

export const isOurs = ({ metadata }: Pick<Service, 'metadata'>, cluster: string): boolean =>
  metadata.labels[label.cluster] === cluster

const asOthersHaveIt = ({ spec }: Service) => ({
  selector: spec.selector,
  ports: (spec.ports ?? []).map(({ name, port, targetPort }) => ({ name, port, targetPort })),
})

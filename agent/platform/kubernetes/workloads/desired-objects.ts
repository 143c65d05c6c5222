/**
 * The objects of a release in Kubernetes, as they are first made: its Service, and its Deployment out of the
 * template. Pods get none of the labels by which the app's own Services and Deployments select, so that a
 * candidate never gets traffic that nobody gave it.
 */
import type { Asked } from './asked.ts'
import { askedText, containerOf } from './asked.ts'
import { type Body, kinds } from './cluster.ts'
import type { Deployment, PodTemplate, Service } from './kube-object.ts'
import { annotation, label, type Place, placeText, type Texts, versionLabel } from './labels.ts'
import { aboutOwnPods } from './own-pods.ts'
import type { Wanted } from './wanted.ts'

/** Whose objects, and of which snapshot. */
export interface Mark {
  readonly cluster: string
  readonly place: Place
}

type Identity = Pick<Wanted, 'app' | 'release'> & { readonly version?: string }

/** On Deployments and Services that we make: Kubernetes' recommended labels, and our own. */
export const fullLabels = (one: Identity, cluster: string): Texts => ({
  'app.kubernetes.io/name': one.app,
  'app.kubernetes.io/instance': one.release,
  ...(one.version !== undefined && { [versionLabel]: one.version }),
  'app.kubernetes.io/managed-by': 'switchyard',
  ...ownLabels(one, cluster),
})

/** On Deployments, not on their pods; none while the snapshot has no position of the app. */
export const shareLabel = ({ share }: Pick<Wanted, 'share'>): Texts =>
  share === undefined ? {} : { [label.share]: `${share}` }

/** On what belongs to others, and on pods: only those that no selector of others can mean. */
export const ownLabels = ({ app, release }: Identity, cluster: string): Texts => ({
  [label.app]: app,
  [label.release]: release,
  [label.cluster]: cluster,
})

/** The port's number is the same for all, so that it identifies the port in server-side apply. */
const servicePort = 80

export function serviceBody(
  one: Identity & Pick<Wanted, 'namespace' | 'port'>,
  selector: Texts,
  owner: Deployment | null,
  { cluster, place }: Mark,
): Body {
  const asked = serviceAsked(selector, one.port)
  return {
    apiVersion: kinds.Service.apiVersion,
    kind: 'Service',
    metadata: {
      name: one.release,
      namespace: one.namespace,
      labels: fullLabels(one, cluster),
      annotations: { [annotation.applied]: placeText(place), [annotation.asked]: asked },
      ...(owner && { ownerReferences: [ownerReference(owner)] }),
    },
    spec: {
      type: 'ClusterIP',
      selector,
      ports: [{ name: 'http', port: servicePort, protocol: 'TCP', targetPort: one.port }],
    },
  }
}

export const serviceAsked = (selector: Texts, port: number | string | undefined): string =>
  JSON.stringify({ selector: Object.entries(selector).sort(([a], [b]) => (a < b ? -1 : 1)), port })

/** What it is now, in the words of `serviceAsked`. */
export const serviceFound = ({ spec }: Service): string =>
  serviceAsked(spec.selector, spec.ports?.find(({ port }) => port === servicePort)?.targetPort)

const ownerReference = ({ metadata }: Deployment) => ({
  apiVersion: kinds.Deployment.apiVersion,
  kind: 'Deployment',
  name: metadata.name,
  uid: metadata.uid,
})

/** `asked` has an image; its copies may be more than the app's when a stable release has been scaled. */
export function deploymentBody(
  wanted: Wanted,
  template: Deployment,
  asked: Asked & { readonly copies: number },
  services: readonly Service[],
  { cluster, place }: Mark,
): Body {
  const { release, namespace } = wanted
  return {
    apiVersion: kinds.Deployment.apiVersion,
    kind: 'Deployment',
    metadata: {
      name: release,
      namespace,
      labels: { ...fullLabels(wanted, cluster), ...shareLabel(wanted) },
      annotations: {
        [annotation.applied]: placeText(place),
        [annotation.asked]: askedText({ ...asked, copies: wanted.copies }),
      },
    },
    spec: {
      ...strategyOf(template),
      ...specOf(asked),
      selector: { matchLabels: { [label.deployment]: release } },
      template: podTemplateBody(wanted, template, services, cluster),
    },
  }
}

function strategyOf({ spec }: Deployment) {
  const { strategy, minReadySeconds, progressDeadlineSeconds, revisionHistoryLimit } = spec
  return defined({ strategy, minReadySeconds, progressDeadlineSeconds, revisionHistoryLimit })
}

/** The part of a Deployment's spec that is asked for, but for its pods. */
export function specOf(asked: Asked): Record<string, unknown> {
  const { copies, paused, maxSurge, maxUnavailable, minReadySeconds, progressDeadlineSeconds } =
    asked
  const bounds = defined({ maxSurge, maxUnavailable })
  return defined({
    replicas: copies,
    paused,
    minReadySeconds,
    progressDeadlineSeconds,
    strategy:
      Object.keys(bounds).length > 0 ? { type: 'RollingUpdate', rollingUpdate: bounds } : undefined,
  })
}

function podTemplateBody(
  { app, release, image, container }: Wanted,
  template: Deployment,
  services: readonly Service[],
  cluster: string,
): PodTemplate {
  const pods = template.spec.template
  const target = containerOf(template, container)
  const labels = withoutSelected(
    without(pods.metadata.labels, Object.keys(template.spec.selector.matchLabels)),
    services,
  )
  const own = { [label.deployment]: release }
  const made = { ...withoutOurs(labels), ...ownLabels({ app, release }, cluster), ...own }
  return {
    metadata: { ...defined({ annotations: pods.metadata.annotations }), labels: made },
    spec: {
      ...aboutOwnPods(pods.spec, pods.metadata.labels, made, own),
      containers: pods.spec.containers.map((one) =>
        one === target && image !== undefined ? { ...one, image } : one,
      ),
    },
  }
}

/** Services of the namespace that would still select such a pod lose what they select by: also an adopted release's. */
function withoutSelected(labels: Texts, services: readonly Service[]): Texts {
  return services.reduce((left, { spec }) => {
    const selector = Object.entries(spec.selector)
    const selects = selector.length > 0 && selector.every(([key, value]) => left[key] === value)
    return selects ? without(left, Object.keys(spec.selector)) : left
  }, labels)
}

const withoutOurs = (labels: Texts): Texts =>
  without(labels, [label.app, label.release, label.cluster, label.deployment, label.templateHash])

export const without = <Value>(
  record: Readonly<Record<string, Value>>,
  keys: readonly string[],
): Readonly<Record<string, Value>> =>
  Object.fromEntries(Object.entries(record).filter(([key]) => !keys.includes(key)))

const defined = (record: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))

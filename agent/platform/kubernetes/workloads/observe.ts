/** Reads the namespaces that a snapshot names, and those that have opted in: there may be something to remove. */
import type { z } from 'zod'
import type { Answer, Cluster, Kind } from './cluster.ts'
import * as object from './kube-object.ts'
import { label } from './labels.ts'
import { isCopy, type NamespaceView, unmarked } from './observed.ts'
import type { Wanted } from './wanted.ts'

/** More namespaces than this in one cluster are not driven, and releases in them are told so. */
export const namespacesMax = 1_000

export async function observe(
  cluster: Cluster,
  wanted: readonly Wanted[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, NamespaceView>> {
  const labels = `${label.managed}=true`
  const listed = await cluster.list('Namespace', null, { labels, countMax: namespacesMax }, signal)
  const managed = new Set(parsed(listed, object.namespace).map(({ metadata }) => metadata.name))
  const names = new Set([...managed, ...wanted.map(({ namespace }) => namespace)])
  const views = await Promise.all(
    [...names].map((name) =>
      managed.has(name) ? viewOf(cluster, name, signal) : notManaged(cluster, name, signal),
    ),
  )
  return new Map(views.map((view) => [view.name, view]))
}

/** Throws when the API server says no where it must not. */
function parsed<T>(answer: Answer<readonly unknown[]>, schema: z.ZodType<T>): readonly T[] {
  if (!answer.ok) throw new Error(`the Kubernetes API: ${answer.message}`)
  return answer.value.map((one) => schema.parse(one))
}

async function viewOf(cluster: Cluster, name: string, signal: AbortSignal): Promise<NamespaceView> {
  const list = (kind: Kind) => cluster.list(kind, name, {}, signal)
  const answers = await Promise.all([
    list('Deployment'),
    list('Service'),
    list('ReplicaSet'),
    list('HorizontalPodAutoscaler'),
  ])
  const refused = answers.find((answer) => !answer.ok)
  if (refused && !refused.ok) {
    if (refused.code === 'forbidden') return closed(name, forbiddenWords(name, refused.message))
    throw new Error(`the Kubernetes API: ${refused.message}`)
  }
  const [deployments, services, replicaSets, autoscalers] = answers
  return {
    name,
    closed: null,
    deployments: parsed(deployments, object.deployment).map((one) =>
      isCopy(one) ? unmarked(one) : one,
    ),
    // Those of releases have the release's name.
    services: parsed(services, object.service).map((one) => {
      const { name, labels } = one.metadata
      return (labels[label.release] ?? name) === name ? one : unmarked(one)
    }),
    replicaSets: parsed(replicaSets, object.replicaSet),
    autoscalers: parsed(autoscalers, object.autoscaler),
  }
}

async function notManaged(
  cluster: Cluster,
  name: string,
  signal: AbortSignal,
): Promise<NamespaceView> {
  const found = await cluster.get({ kind: 'Namespace', namespace: null, name }, signal)
  const isThere = found.ok || found.code !== 'not-found'
  const labels = found.ok ? object.namespace.parse(found.value).metadata.labels : {}
  if (labels[label.managed] === 'true') return closed(name, oneTooMany(name))
  return closed(
    name,
    isThere
      ? `namespace "${name}" has not opted in: ${optIn(name)}`
      : `namespace "${name}" is not there: kubectl create namespace ${name}`,
  )
}

const oneTooMany = (name: string): string =>
  `namespace "${name}" has opted in, and so have ${namespacesMax} others: no more are driven in one cluster; take the label ${label.managed} from one that is not needed`

const optIn = (name: string): string =>
  `kubectl apply -n ${name} -k deploy/namespace, then kubectl label namespace ${name} ${label.managed}=true`

export const forbiddenWords = (name: string, message: string): string =>
  `namespace "${name}" gives the agents no leave, its RoleBinding is missing: kubectl apply -n ${name} -k deploy/namespace (${message})`

const closed = (name: string, words: string): NamespaceView => ({
  name,
  closed: words,
  deployments: [],
  services: [],
  replicaSets: [],
  autoscalers: [],
})

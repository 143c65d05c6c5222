/**
 * What others have taken out of an object that we have made. Kubernetes' record of fields says nothing of it, so
 * that it is seen by what we made: a Service is always the same, and the pods of a release are as in the first
 * ReplicaSet that they had, as long as Kubernetes keeps it. Pure.
 */
import type { Deployment } from './kube-object.ts'
import { label } from './labels.ts'
import { isMadeFor, type NamespaceView, replicaSetsOf } from './observed.ts'
import type { Wanted } from './wanted.ts'

export type Json = Readonly<Record<string, unknown>>

/** What tells the items of a list apart, as server-side apply has it for pods and Services. */
const itemKeys = ['mountPath', 'devicePath', 'containerPort', 'port', 'topologyKey', 'ip', 'name']

/** Kubernetes' own, and how a restart is asked for. */
const ofOthers = [label.templateHash, 'kubectl.kubernetes.io/restartedAt']

/** Of the pods that the Deployment makes: paths, as `others-fields.ts` writes them. */
export function takenFromPods(
  view: NamespaceView,
  deployment: Deployment,
  wanted: Wanted,
): readonly string[] {
  const made = replicaSetsOf(view, deployment)
    .filter((set) => isMadeFor(set, wanted))
    .toSorted((a, b) => ageOf(a) - ageOf(b))[0]
  return made ? takenAway(made.spec.template, deployment.spec.template, 'template') : []
}

/** Paths of what is in `made` and not in `found`; of what is gone as a whole, only its own. */
export function takenAway(made: Json, found: Json, path: string): readonly string[] {
  return Object.entries(made).flatMap(([key, value]) => {
    if (isNothing(value) || ofOthers.includes(key)) return []
    const at = path === '' ? key : `${path}.${key}`
    const there = found[key]
    if (there === undefined || there === null) return [at]
    if (isRecord(value)) return isRecord(there) ? takenAway(value, there, at) : []
    return Array.isArray(value) && Array.isArray(there) ? takenItems(value, there, at) : []
  })
}

/** A list of plain values is one field, that others have as theirs once they change it. */
function takenItems(
  made: readonly unknown[],
  found: readonly unknown[],
  path: string,
): readonly string[] {
  return made.flatMap((item) => {
    const key = isRecord(item) ? itemKeys.find((one) => item[one] !== undefined) : undefined
    if (!isRecord(item) || key === undefined) return []
    const at = `${path}[${item[key]}]`
    const there = found.find((one) => isRecord(one) && one[key] === item[key])
    return isRecord(there) ? takenAway(item, there, at) : [at]
  })
}

/** Kubernetes leaves out what is empty. */
const isNothing = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === '' ||
  (typeof value === 'object' && Object.keys(value).length === 0)

const ageOf = ({ metadata }: { readonly metadata: { creationTimestamp?: string | undefined } }) =>
  Date.parse(metadata.creationTimestamp ?? '') || 0

const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

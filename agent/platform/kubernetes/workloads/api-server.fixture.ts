/**
 * A small model of the API server in memory: versions of objects, preconditions, server-side apply as far as we
 * use it, and the half of the Deployment controller that names ReplicaSets. Every call may be held up before it
 * reads and before it answers, and may be cut off, by whoever drives the test.
 */
import type { Answer, Body, Cluster, Fault, Kind, Ref } from './cluster.ts'
import { kinds } from './cluster.ts'

type Json = Record<string, unknown>
/** Our server-side apply, our other writes, everybody else. */
type Owner = 'apply' | 'update' | 'others'

export interface Stored extends Json {
  kind: Kind
  metadata: Json & {
    name: string
    namespace?: string
    uid: string
    resourceVersion: string
    generation: number
    labels: Record<string, string>
    annotations: Record<string, string>
  }
}

export interface ApiServer {
  /** `pause` is awaited on the way in and on the way out of every call; `by` is noted with its writes. */
  client(by?: string, pause?: () => Promise<void>): Cluster
  /** By others than us. */
  put(object: Json & { kind: Kind; metadata: Json & { name: string } }): Stored
  change(kind: Kind, name: string, change: (object: Stored) => void): void
  remove(kind: Kind, name: string): void
  find(kind: Kind, name: string): Stored | undefined
  all(): readonly Stored[]
  /** Accepted writes of clients, in order. */
  readonly writes: Written[]
}

export interface Written {
  readonly by: string
  readonly verb: string
  readonly kind: Kind
  readonly name: string
  /** As it was, and as it is now. */
  readonly before: Stored | null
  readonly after: Stored | null
}

const fault = (code: Fault['code'], message: string) => ({ ok: false, code, message }) as const

export function createApiServer(): ApiServer {
  const objects = new Map<string, Stored>()
  /** By object and path: whose the field is, as `managedFields` say it. */
  const owned = new Map<string, Map<string, Set<Owner>>>()
  const writes: ApiServer['writes'] = []
  let version = 0
  let uids = 0

  const keyOf = (kind: Kind, namespace: string | null, name: string) =>
    `${kind}/${namespace ?? ''}/${name}`
  const keyOfObject = ({ kind, metadata }: Stored) =>
    keyOf(kind, metadata.namespace ?? null, metadata.name)

  function store(object: Stored): Stored {
    const former = objects.get(keyOfObject(object))
    const same = (pick: (one: Stored) => unknown) =>
      former !== undefined && JSON.stringify(pick(former)) === JSON.stringify(pick(object))
    if (former && same((one) => ({ ...one, metadata: { ...one.metadata, resourceVersion: '' } }))) {
      return former
    }
    const isSpec = !same((one) => one.spec)
    const generation = (former?.metadata.generation ?? 0) + (isSpec ? 1 : 0)
    const next = structuredClone(object)
    next.metadata = { ...next.metadata, resourceVersion: `${++version}`, generation }
    objects.set(keyOfObject(next), next)
    return next.kind === 'Deployment' ? control(next) : next
  }

  /** The Deployment controller, at once: a ReplicaSet for each template, numbered as it came into use. */
  function control(deployment: Stored): Stored {
    const spec = deployment.spec as { template: Json & { metadata?: Json } }
    const hash = hashText(JSON.stringify(sorted(spec.template)))
    const name = `${deployment.metadata.name}-${hash}`
    const namespace = deployment.metadata.namespace!
    const key = keyOf('ReplicaSet', namespace, name)
    const newest = Math.max(
      0,
      ...[...objects.values()]
        .filter(
          (one) =>
            one.kind === 'ReplicaSet' &&
            one.metadata.name.startsWith(`${deployment.metadata.name}-`),
        )
        .map((one) => Number(one.metadata.annotations['deployment.kubernetes.io/revision'])),
    )
    const known = objects.get(key)
    const isNewest =
      known?.metadata.annotations['deployment.kubernetes.io/revision'] === `${newest}`
    const revision = isNewest ? newest : newest + 1
    const labels = { ...(spec.template.metadata?.labels as object), 'pod-template-hash': hash }
    objects.set(key, {
      kind: 'ReplicaSet',
      metadata: {
        name,
        namespace,
        uid: known?.metadata.uid ?? `uid-${++uids}`,
        creationTimestamp:
          known?.metadata.creationTimestamp ?? new Date(1_000 * uids).toISOString(),
        resourceVersion: `${++version}`,
        generation: 1,
        labels,
        annotations: {
          ...deployment.metadata.annotations,
          'deployment.kubernetes.io/revision': `${revision}`,
        },
        ownerReferences: [{ uid: deployment.metadata.uid }],
      },
      spec: {
        replicas: 1,
        template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
      },
    })
    deployment.metadata.annotations['deployment.kubernetes.io/revision'] = `${revision}`
    const { replicas } = deployment.spec as { replicas?: number }
    deployment.status = {
      observedGeneration: deployment.metadata.generation,
      availableReplicas: replicas ?? 1,
    }
    return deployment
  }

  /** Who changes a field has it alone; who applies one as it is has it too. */
  function own(
    key: string,
    by: Owner,
    before: Json,
    after: Json,
    applied?: ReadonlySet<string>,
  ): void {
    const owners = owned.get(key) ?? new Map<string, Set<Owner>>()
    owned.set(key, owners)
    const [was, is] = [leavesOf(before), leavesOf(after)]
    for (const path of was.keys()) if (!is.has(path)) owners.delete(path)
    for (const [path, value] of is) {
      if (was.get(path) !== value) owners.set(path, new Set([by]))
      else if (applied?.has(path)) owners.set(path, new Set([...(owners.get(path) ?? []), by]))
    }
  }

  function insert(
    object: Json & { kind: Kind; metadata: Json & { name: string } },
    by: Owner,
  ): Stored {
    const metadata = {
      labels: {},
      annotations: {},
      ...object.metadata,
      uid: `uid-${++uids}`,
      resourceVersion: '',
      generation: 0,
    } as Stored['metadata']
    const stored = store({ ...structuredClone(object), metadata })
    own(keyOfObject(stored), by, {}, object)
    return stored
  }

  function removeKey(key: string): void {
    const object = objects.get(key)
    objects.delete(key)
    owned.delete(key)
    // The garbage collector, at once.
    for (const [other, one] of objects) {
      const owners = one.metadata.ownerReferences as { uid: string }[] | undefined
      if (owners?.some(({ uid }) => uid === object?.metadata.uid)) removeKey(other)
    }
  }

  function client(by = 'one', pause: () => Promise<void> = async () => {}): Cluster {
    const call = async (work: () => Answer<unknown>): Promise<Answer<never>> => {
      await pause()
      const answer = structuredClone(work())
      await pause()
      return answer as Answer<never>
    }
    const note = (verb: string, before: Stored | null, after: Stored | null) => {
      const { kind, metadata } = (after ?? before)!
      writes.push(structuredClone({ by, verb, kind, name: metadata.name, before, after }))
    }

    return {
      list: (kind, namespace, { labels, countMax }) =>
        call(() => ({
          ok: true,
          value: [...objects.values()]
            .filter(
              (one) =>
                one.kind === kind &&
                (namespace === null || one.metadata.namespace === namespace) &&
                selects(labels, one.metadata.labels),
            )
            .slice(0, countMax),
        })),
      get: (ref) =>
        call(() => {
          const found = objects.get(keyOf(ref.kind, ref.namespace, ref.name))
          return found ? { ok: true, value: found } : fault('not-found', `${ref.name} not found`)
        }),
      create: (body) =>
        call(() => {
          const key = keyOf(body.kind, body.metadata.namespace, body.metadata.name!)
          if (objects.has(key)) return fault('exists', `${body.metadata.name} already exists`)
          const stored = insert(body as Body & { metadata: { name: string } }, 'update')
          note('create', null, stored)
          return { ok: true, value: stored }
        }),
      patch: (ref, type, resourceVersion, body) =>
        call(() => {
          const found = objects.get(keyOf(ref.kind, ref.namespace, ref.name))
          if (!found) return fault('not-found', `${ref.name} not found`)
          if (found.metadata.resourceVersion !== resourceVersion) {
            return fault('conflict', 'the object has been modified')
          }
          const next = structuredClone(found)
          const key = keyOfObject(found)
          if (type === 'merge') {
            mergeInto(next, body)
            own(key, 'update', found, next)
          } else {
            const paths = new Set(leavesOf(body).keys())
            for (const [path, owners] of owned.get(key) ?? []) {
              if (!owners.has('apply') || paths.has(path)) continue
              owners.delete('apply')
              if (owners.size === 0) removePath(next, path)
            }
            applyInto(next, body)
            own(key, 'apply', found, next, paths)
          }
          const stored = store(next)
          note(type, found, stored)
          return { ok: true, value: stored }
        }),
      delete: (ref, { uid, resourceVersion }) =>
        call(() => {
          const key = keyOf(ref.kind, ref.namespace, ref.name)
          const found = objects.get(key)
          if (!found) return fault('not-found', `${ref.name} not found`)
          const { metadata } = found
          if (metadata.uid !== uid || metadata.resourceVersion !== resourceVersion) {
            return fault('conflict', 'the precondition does not hold')
          }
          removeKey(key)
          note('delete', found, null)
          return { ok: true, value: null }
        }),
    }
  }

  const named = (kind: Kind, name: string) =>
    [...objects.values()].find((one) => one.kind === kind && one.metadata.name === name)
  return {
    client,
    put: (object) => insert({ apiVersion: kinds[object.kind].apiVersion, ...object }, 'others'),
    change(kind, name, change) {
      const found = named(kind, name)!
      const next = structuredClone(found)
      change(next)
      own(keyOfObject(found), 'others', found, next)
      store(next)
    },
    remove(kind, name) {
      const found = named(kind, name)
      if (found) removeKey(keyOfObject(found))
    },
    find: (kind, name) => structuredClone(named(kind, name)),
    all: () => structuredClone([...objects.values()]),
    writes,
  }
}

export const refTo = (kind: Kind, name: string, namespace: string | null = 'shop'): Ref => ({
  kind,
  namespace,
  name,
})

function selects(selector: string | undefined, labels: Record<string, string>): boolean {
  if (selector === undefined) return true
  return selector.split(',').every((one) => {
    const [key, value] = one.split('=')
    return value === undefined ? labels[key!] !== undefined : labels[key!] === value
  })
}

const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function mergeInto(target: Json, patch: Readonly<Json>): void {
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete target[key]
    else if (isRecord(value)) {
      if (!isRecord(target[key])) target[key] = {}
      mergeInto(target[key] as Json, value)
    } else target[key] = structuredClone(value)
  }
}

/** Lists of named things are merged by name; `selector` is one value. */
function applyInto(target: Json, body: Readonly<Json>): void {
  for (const [key, value] of Object.entries(body)) {
    if (isRecord(value) && key !== 'selector') {
      if (!isRecord(target[key])) target[key] = {}
      applyInto(target[key] as Json, value)
    } else if (key === 'containers' || key === 'ports') {
      target[key] ??= []
      const list = target[key] as Json[]
      for (const item of value as Json[]) {
        const there = list.find((one) => one.name === item.name)
        if (there) applyInto(there, item)
        else list.push(structuredClone(item))
      }
    } else target[key] = structuredClone(value)
  }
}

const identity = ['apiVersion', 'kind', 'metadata\nname', 'metadata\nnamespace', 'metadata\nuid']
const counted = ['metadata\nresourceVersion', 'metadata\ngeneration']

/** By path: each field and its value, but for what identifies the object. */
function leavesOf(body: Readonly<Json>, before = ''): Map<string, string> {
  const leaves = new Map<string, string>()
  const addAll = (more: ReadonlyMap<string, string>) => {
    for (const [path, value] of more) leaves.set(path, value)
  }
  for (const [key, value] of Object.entries(body)) {
    const path = before === '' ? key : `${before}\n${key}`
    if (identity.includes(path) || counted.includes(path)) continue
    if (isRecord(value) && key !== 'selector') addAll(leavesOf(value, path))
    else if (key === 'containers' || key === 'ports') {
      for (const item of value as Json[]) {
        const { name, ...rest } = item
        addAll(leavesOf(rest, `${path}\n[${name}]`))
      }
    } else leaves.set(path, JSON.stringify(value))
  }
  return leaves
}

function removePath(target: Json, path: string): void {
  const steps = path.split('\n')
  let place: unknown = target
  for (const step of steps.slice(0, -1)) {
    if (step.startsWith('[') && Array.isArray(place)) {
      place = place.find((one: Json) => `[${one.name}]` === step)
    } else place = isRecord(place) ? place[step] : undefined
  }
  if (isRecord(place)) delete place[steps.at(-1)!]
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isRecord(value)) return value
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  return Object.fromEntries(
    entries
      .map(([key, inner]) => [key, sorted(inner)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}

/** FNV-1a: only to tell templates apart. */
function hashText(text: string): string {
  let hash = 0x811c9dc5
  for (let n = 0; n < text.length; n++) {
    hash = Math.imul(hash ^ text.charCodeAt(n), 0x01000193)
  }
  return (hash >>> 0).toString(36)
}

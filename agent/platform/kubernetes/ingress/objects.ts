/**
 * The Ingress objects of a Kubernetes, with the IngressClasses and Services that they are read by: three
 * watches, which only the Lease's holder has open. What does not parse is told and left out, and so is what is one
 * too many.
 */
import { z } from 'zod'
import type { KubernetesClient } from '../api/client.ts'
import { followObjects, type ListWatchTiming, objectsMax } from '../api/list-watch.ts'
import { ourClassOf } from './ingress-class.ts'
import {
  type IngressClassObject,
  type IngressObject,
  ingressClassObject,
  ingressObject,
  type ServiceObject,
  serviceObject,
} from './object.ts'

export interface IngressObjects {
  /** Nothing may be taken away before all three are known. */
  listed(): boolean
  /** Those of our classes, the oldest first: where two say the same the older one wins. */
  ours(): readonly { readonly ingress: IngressObject; readonly className: string }[]
  service(namespace: string, name: string): ServiceObject | undefined
  /** Changes whenever an IngressClass or a Service does. */
  generation(): number
}

export interface IngressObjectsListener {
  onChange(): void
  onTrouble(text: string): void
}

export const ingressesPath = '/apis/networking.k8s.io/v1/ingresses'
const classesPath = '/apis/networking.k8s.io/v1/ingressclasses'
const servicesPath = '/api/v1/services'

export function followIngressObjects(
  client: KubernetesClient,
  classes: readonly string[],
  { onChange, onTrouble }: IngressObjectsListener,
  signal: AbortSignal,
  timing?: ListWatchTiming,
  countMax = objectsMax,
): IngressObjects {
  let generation = 0
  const listed = new Set<string>()

  function follow<T extends z.ZodType>(path: string, schema: T, isAside: boolean) {
    const held = new Map<string, z.output<T>>()
    const changed = () => {
      if (isAside) generation++
      if (listed.size === 3) onChange()
    }
    const set = ({ key, object }: Read<z.output<T>>) => {
      const isOver = object !== null && !held.has(key) && held.size >= countMax
      if (isOver) onTrouble(`${path} ${key} is left out: an agent takes ${countMax} of them`)
      if (object !== null && !isOver) held.set(key, object)
      else held.delete(key)
    }
    const read = (raw: unknown): Read<z.output<T>> => {
      const key = keyOf(raw)
      const parsed = schema.safeParse(raw)
      if (!parsed.success)
        onTrouble(`${path} ${key}: ${z.prettifyError(parsed.error).slice(0, 300)}`)
      return { key, object: parsed.success ? parsed.data : null }
    }
    const followed = {
      path,
      countMax,
      read,
      onListed(objects: readonly Read<z.output<T>>[]) {
        held.clear()
        for (const one of objects) set(one)
        listed.add(path)
        changed()
      },
      onChanged(one: Read<z.output<T>>) {
        // Much of a Service changes that is not read.
        if (isAside && JSON.stringify(held.get(one.key)) === JSON.stringify(one.object)) return
        set(one)
        changed()
      },
      onRemoved({ key }: Read<z.output<T>>) {
        held.delete(key)
        changed()
      },
      onTrouble,
    }
    void followObjects(client, followed, signal, timing)
    return held
  }

  const ingresses = follow(ingressesPath, ingressObject, false)
  const known: ReadonlyMap<string, IngressClassObject> = follow(
    classesPath,
    ingressClassObject,
    true,
  )
  const services = follow(servicesPath, serviceObject, true)
  return {
    listed: () => listed.size === 3,
    ours: () =>
      [...ingresses.values()]
        .flatMap((ingress) => {
          const className = ourClassOf(ingress, classes, known.values())
          return className === null ? [] : [{ ingress, className }]
        })
        .sort((a, b) => byAge(a.ingress.metadata, b.ingress.metadata)),
    service: (namespace, name) => services.get(`${namespace}/${name}`),
    generation: () => generation,
  }
}

interface Read<T> {
  readonly key: string
  readonly object: T | null
}

const named = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string().optional() }),
})

function keyOf(raw: unknown): string {
  const { name = '', namespace = '' } = named.safeParse(raw).data?.metadata ?? {}
  return `${namespace}/${name}`
}

function byAge(a: IngressObject['metadata'], b: IngressObject['metadata']): number {
  const text = ({ creationTimestamp, namespace, name }: typeof a) =>
    `${creationTimestamp} ${namespace}/${name}`
  return text(a) < text(b) ? -1 : 1
}

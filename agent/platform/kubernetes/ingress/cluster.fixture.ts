/**
 * What the keeper of Ingress objects sees of a Kubernetes and of control, in memory: lists, watches, Events and
 * statuses on one side, what was put and removed on the other. The suite on a real API server
 * (`test/ingress`) holds both to what they stand for.
 */
import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { parseAllDocuments } from 'yaml'
import type { IngressIntent } from '#wire/ingress.ts'
import type { IngressDesk, IngressRefusal, KnownIngress } from '../../platform.ts'
import type { Call, KubernetesClient } from '../api/client.ts'
import { KubernetesError } from '../api/kubernetes-error.ts'

type Body = {
  kind: string
  metadata: { name: string; namespace?: string; uid?: string; resourceVersion?: string }
  [field: string]: unknown
}
interface EventSeen {
  readonly reason: string
  readonly note: string
}

const plurals: Readonly<Record<string, string>> = {
  Ingress: 'ingresses',
  IngressClass: 'ingressclasses',
  Service: 'services',
}

export function clusterInMemory() {
  let version = 1
  const objects = new Map<string, Body>()
  const watches = new Map<PassThrough, string>()
  const events = new Map<string, EventSeen>()
  const statuses = new Map<string, unknown>()
  /** Namespaces in which nothing may be written. */
  const closed = new Set<string>()
  let eventsToFail = 0
  const keyOf = ({ kind, metadata }: Body) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`

  function change(type: string, object: Body): void {
    object.metadata.resourceVersion = String(++version)
    if (type === 'DELETED') objects.delete(keyOf(object))
    else objects.set(keyOf(object), object)
    for (const [stream, plural] of watches) {
      if (plural === plurals[object.kind]) stream.write(`${JSON.stringify({ type, object })}\n`)
    }
  }

  async function call({ method, path, body }: Call): Promise<unknown> {
    const parts = path.split('/')
    if (method === 'GET') {
      const items = [...objects.values()].filter(({ kind }) => plurals[kind] === parts.at(-1))
      return { metadata: { resourceVersion: String(version) }, items }
    }
    const namespace = parts[parts.indexOf('namespaces') + 1] ?? ''
    if (closed.has(namespace)) {
      const refused = { status: 403, reason: 'Forbidden', message: 'no', retryAfterMs: null }
      throw new KubernetesError(`${method} ${path}`, refused)
    }
    if (method === 'POST') {
      const { metadata, ...event } = body as Body & EventSeen
      if (eventsToFail-- > 0) {
        const refused = { status: 500, reason: 'InternalError', message: '', retryAfterMs: null }
        throw new KubernetesError(`${method} ${path}`, refused)
      }
      if (events.has(metadata.name)) {
        const refused = { status: 409, reason: 'AlreadyExists', message: '', retryAfterMs: null }
        throw new KubernetesError(`${method} ${path}`, refused)
      }
      events.set(metadata.name, event)
      return {}
    }
    const name = parts.at(-2)!
    const { status } = body as { status: { loadBalancer: { ingress: unknown } } }
    statuses.set(`${namespace}/${name}`, status.loadBalancer.ingress)
    const held = objects.get(`Ingress ${namespace}/${name}`)
    if (held) change('MODIFIED', { ...held, metadata: { ...held.metadata }, status })
    return {}
  }

  const client: Pick<KubernetesClient, 'call' | 'open' | 'server'> = {
    server: 'memory',
    call,
    async open(path, _query, signal) {
      const stream = new PassThrough()
      watches.set(stream, path.split('/').at(-1)!)
      signal.addEventListener('abort', () => {
        watches.delete(stream)
        stream.destroy(new Error('over'))
      })
      return stream as unknown as IncomingMessage
    },
  }

  return {
    client: client as KubernetesClient,
    events: () => [...events.values()].map(({ reason, note }) => `${reason}: ${note}`),
    statuses,
    closed,
    failEvents(count: number): void {
      eventsToFail = count
    },
    watchCount: () => watches.size,
    apply(yaml: string): void {
      for (const document of parseAllDocuments(yaml)) {
        const object = document.toJS() as Body
        if (plurals[object.kind] === undefined) continue
        const named = { namespace: 'shop', uid: `uid-${object.metadata.name}`, ...object.metadata }
        const made = { ...object, metadata: named }
        change(objects.has(keyOf(made)) ? 'MODIFIED' : 'ADDED', made)
      }
    },
    remove(kind: string, name: string): void {
      const held = objects.get(`${kind} shop/${name}`)
      if (held) change('DELETED', held)
    },
  }
}

export function deskInMemory() {
  const held = new Map<string, IngressIntent & { namespace: string; name: string }>()
  const calls: string[] = []
  let served = false
  let away = false
  const refusals = new Map<string, IngressRefusal>()
  const claims = new Map<string, string>()
  const called = (what: string): void => {
    if (away) throw new Error('control is away')
    calls.push(what)
  }
  const desk: IngressDesk = {
    async list() {
      called('list')
      return [...held.values()].map(({ namespace, name, uid, hash }): KnownIngress => {
        const claimed = claims.get(`${namespace}/${name}`)
        return { namespace, name, uid, hash, served, claimed }
      })
    },
    async put(namespace, name, intent) {
      const id = `${namespace}/${name}`
      called(`put ${id}`)
      const refusal = refusals.get(id)
      if (!refusal) held.set(id, { ...intent, namespace, name })
      return refusal ?? null
    },
    async remove(namespace, name) {
      called(`remove ${namespace}/${name}`)
      held.delete(`${namespace}/${name}`)
      return null
    },
  }
  return {
    desk,
    held,
    calls,
    refusals,
    claims,
    serve(on: boolean): void {
      served = on
    },
    leave(on: boolean): void {
      away = on
    },
  }
}

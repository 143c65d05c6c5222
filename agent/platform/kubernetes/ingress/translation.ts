/**
 * One Ingress → the intent that control gets for it (DESIGN D12). The same object gives the same intent, hash
 * included, at every agent. A path that cannot be done is left out and told; the others stand. Pure.
 */
import { matchIdentity } from '#router/match-identity.ts'
import { nodePath } from '#router/plan.ts'
import { digestOf } from '#wire/digest.ts'
import { type IngressIntent, type IngressRoute, ingressPlace, ingressRoute } from '#wire/ingress.ts'
import { limits } from '#wire/limits.ts'
import { anyHost } from '#wire/object.ts'
import {
  type Annotations,
  isControllerAnnotation,
  readAnnotations,
  readServiceAnnotations,
} from './annotations.ts'
import { type BackendAsked, backendFilters } from './backend.ts'
import { classAnnotation } from './ingress-class.ts'
import type { IngressBackend, IngressObject, ServiceObject } from './object.ts'
import { rewrittenPaths } from './path-rewrite.ts'
import { type NotDone, warningsOf } from './told.ts'

/** A Service of the Ingress's namespace; undefined while it is not there. */
export type FindService = (name: string) => ServiceObject | undefined

/** A Service at a port, and what it says of its pods. */
interface Found {
  readonly id: string
  readonly asked: BackendAsked | null
}

interface Draft {
  readonly annotations: Annotations
  readonly service: (backend: IngressBackend | undefined, where: string) => Found | null
  readonly routes: IngressRoute[]
  /** Beside the routes of a path: they stand back behind what the object says itself. */
  readonly derived: IngressRoute[]
  readonly seen: Set<string>
  /** Of annotations, and of everything else. */
  readonly notDone: NotDone[]
  readonly warn: (sentence: string) => void
}

export function translateIngress(
  ingress: IngressObject,
  className: string,
  findService: FindService,
): IngressIntent {
  const { metadata, spec } = ingress
  const annotations = readAnnotations(metadata.annotations)
  const notDone = [...annotations.notDone]
  const others = new Set<string>()
  const warn = (sentence: string) => void others.add(sentence)
  const service = serviceFinder(metadata.namespace, findService, notDone, warn)
  const draft: Draft = {
    annotations,
    service,
    routes: [],
    derived: [],
    seen: new Set(),
    notDone,
    warn,
  }
  if (spec.tls?.length) warn('spec.tls is not done: its hosts are answered over HTTP alone.')
  if (!annotations.isClosed) {
    for (const rule of spec.rules) addRule(draft, rule, spec.defaultBackend)
    for (const route of draft.derived) addRoute(draft, route)
    if (spec.defaultBackend) {
      addPath(draft, anyHost, { type: 'PathPrefix', value: '/' }, spec.defaultBackend, {
        isDefault: true,
      })
    }
  }
  const routes = draft.routes.slice(0, limits.routesPerIngress)
  if (draft.routes.length > routes.length) {
    warn(`An Ingress has at most ${limits.routesPerIngress} routes here: the others are left out.`)
  }
  const said = warningsOf(notDone, others)
  const read = Object.entries(metadata.annotations).filter(
    ([key]) => key === classAnnotation || isControllerAnnotation(key),
  )
  const { uid } = metadata
  const hash = digestOf({ spec: asJson(spec), read: Object.fromEntries(read), routes, said })
  return { uid, hash, class: className, routes, warnings: said }
}

type Rule = IngressObject['spec']['rules'][number]

function addRule(draft: Draft, rule: Rule, fallback: IngressBackend | undefined): void {
  const host = rule.host || anyHost
  if (!rule.http) {
    // "Send all traffic to the default backend" (networking.k8s.io/v1, IngressRule).
    if (fallback) addPath(draft, host, { type: 'PathPrefix', value: '/' }, fallback)
    return
  }
  for (const { path, pathType, backend } of rule.http.paths) {
    const type = pathType === 'Exact' ? 'Exact' : 'PathPrefix'
    addPath(draft, host, { type, value: path || '/' }, backend)
  }
}

function addPath(
  draft: Draft,
  host: string,
  path: IngressRoute['path'],
  backend: IngressBackend,
  { isDefault = false } = {},
): void {
  const { annotations, service, derived, notDone, warn } = draft
  const where = isDefault ? 'The default backend' : ingressPlace({ host, path })
  const found = service(backend, where)
  if (found === null) return
  const { pathRewrite, setHost, headers } = annotations
  const rewritten = pathRewrite && rewrittenPaths(path, pathRewrite.rewrite)
  if (pathRewrite && !rewritten) {
    const why = `it may hold on a part of ${where}; requests there keep their path`
    notDone.push({ of: '', key: pathRewrite.key, why })
  }
  for (const { path: at, rewrite: to } of rewritten ?? [{ path, rewrite: undefined }]) {
    const parsed = ingressRoute.safeParse({
      host,
      path: at,
      service: found.id,
      ...((to || setHost) && {
        rewrite: { ...(to && { path: to }), ...(setHost && { hostname: setHost }) },
      }),
      ...headers,
      ...backendFilters(annotations.backend, found.asked),
    })
    const fault = parsed.error?.issues[0]?.message
    if (!parsed.success || nodePath({ path: at, headers: [] }) === null) {
      warn(`${where} is left out: ${fault ?? 'no request has such a path'}.`)
      return
    }
    if (at !== path) derived.push(parsed.data)
    else if (!addRoute(draft, parsed.data) && !isDefault) {
      warn(`${where} is left out: the object has this host and path before.`)
    }
  }
}

/** False: there is a route at this place. */
function addRoute({ routes, seen }: Draft, route: IngressRoute): boolean {
  const place = `${route.host} ${matchIdentity({ path: route.path, headers: [] })}`
  if (seen.has(place)) return false
  seen.add(place)
  routes.push(route)
  return true
}

/** The id of the Service that a backend names: its port by name where the Service has one. */
function serviceFinder(
  namespace: string,
  find: FindService,
  notDone: NotDone[],
  warn: Draft['warn'],
) {
  const read = new Map<string, BackendAsked>()
  /** What cannot be done of it is told once, whatever the paths that lead to it. */
  function askedOf({ metadata: { name, annotations } }: ServiceObject): BackendAsked {
    const known = read.get(name)
    if (known) return known
    const { backend, notDone: here } = readServiceAnnotations(annotations)
    for (const one of here) notDone.push({ ...one, of: `Service ${name}: ` })
    read.set(name, backend)
    return backend
  }
  return (backend: IngressBackend | undefined, where: string): Found | null => {
    const named = backend?.service
    if (!named) {
      const { kind, name } = backend?.resource ?? { kind: 'backend', name: 'none' }
      warn(`${where} is left out: it leads to a ${kind} (${name}), not to a Service.`)
      return null
    }
    const { name, port } = named
    const found = find(name)
    const own = found?.spec.ports.find((one) =>
      port?.name ? one.name === port.name : one.port === port?.number,
    )
    if (!found) warn(`There is no Service ${name} in ${namespace}: requests are answered 503.`)
    else if (found.spec.type === 'ExternalName') {
      warn(`Service ${name} is an ExternalName, which is not done: requests are answered 503.`)
    } else if (!own) {
      const ports = found.spec.ports.map((one) => one.name ?? one.port).join(', ')
      warn(`${where} is left out: Service ${name} has no such port, only ${ports}.`)
      return null
    }
    const asked = own?.name || port?.name || port?.number
    if (asked) return { id: `${namespace}/${name}:${asked}`, asked: found ? askedOf(found) : null }
    warn(`${where} is left out: it names no port of Service ${name}.`)
    return null
  }
}

/** Without what is undefined, which a digest does not take. */
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

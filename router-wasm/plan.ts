/**
 * Objects → what a table holds: hosts, nodes (one host at one path) with their matches in order of
 * precedence, routes, and the names that positions and endpoints are applied by. Pure, and the same for
 * the same objects in any order. Positions and workloads do not enter: a switch never makes a new table.
 */
import type { RouteMatch } from '#wire/app.ts'
import { limits } from '#wire/limits.ts'
import { anyHost, type BackendObject, type RouteObject, type SnapshotObject } from '#wire/object.ts'
import { canonicalPath } from './canonical.ts'
import { type Filters, filtersOf, hasDotSegment } from './filters.ts'
import { APP_COUNT_MAX, BACKEND_COUNT_MAX } from './layout.ts'
import { BACKEND_BY_POSITION, BACKEND_MISSING, METHOD_COUNT_MAX } from './table-layout.ts'

export interface PlannedMatch {
  /** Number of its route. */
  readonly route: number
  /** Empty: any. */
  readonly method: string
  /** Headers by lower-case name, then cookies; each name once, sorted. */
  readonly conditions: readonly Condition[]
  readonly since: number
  /** Place in its route. */
  readonly index: number
}
export interface Header {
  readonly name: string
  readonly value: string
}

/** What the request must have; a cookie's name keeps its case. */
export interface Condition extends Header {
  readonly cookie: boolean
}

export interface PlannedNode {
  /** Exact, or `.example` for `*.example`. */
  readonly host: string
  /** Canonical; a prefix has no trailing slash and `/` is empty. */
  readonly path: string
  readonly exact: PlannedMatch[]
  readonly prefix: PlannedMatch[]
}

export interface PlannedRoute {
  readonly key: string
  readonly app: number
  /** Number of the backend, BACKEND_BY_POSITION or BACKEND_MISSING. */
  readonly backend: number
  readonly filters: Filters | null
}

export interface Plan {
  readonly hosts: readonly string[]
  /** By host, then path. */
  readonly nodes: readonly PlannedNode[]
  /** Most used first: number `n` of the table is `methods[n - 1]`. */
  readonly methods: readonly string[]
  readonly routes: readonly PlannedRoute[]
  readonly apps: readonly string[]
  readonly backends: readonly string[]
  /** Of the backends: those that preview links may lead to. */
  readonly linked: ReadonlySet<string>
  readonly warnings: readonly Fault[]
}

/** What is wrong with which object. */
export interface Fault {
  readonly code: 'does-not-compile' | 'too-many-matches'
  readonly key: string
  readonly reason: string
}
export type PlanResult =
  | { readonly ok: true; readonly plan: Plan }
  | ({ readonly ok: false } & Fault)

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
const fault = (key: string, reason: string, code: Fault['code'] = 'does-not-compile') =>
  ({ ok: false, code, key, reason }) as const

export function planTable(objects: Iterable<SnapshotObject>): PlanResult {
  const routeObjects: RouteObject[] = []
  const backendObjects: BackendObject[] = []
  for (const object of objects) {
    if (object.kind === 'route') routeObjects.push(object)
    else if (object.kind === 'backend') backendObjects.push(object)
  }
  routeObjects.sort((a, b) => order(a.key, b.key))
  const twice = routeObjects.find(({ key }, n) => key === routeObjects[n + 1]?.key)
  if (twice) return fault(twice.key, 'two routes have this key')

  const services = routeObjects.flatMap(({ service }) => service ?? [])
  const backends = unique([...backendObjects.map(({ release }) => release), ...services])
  const linked = new Set(backendObjects.flatMap(({ release, links }) => (links ? release : [])))
  const apps = unique([...routeObjects.map(appInTable), ...backendObjects.map(({ app }) => app)])
  if (apps.length > APP_COUNT_MAX) return fault('', `more than ${APP_COUNT_MAX} apps`)
  if (backends.length > BACKEND_COUNT_MAX) {
    return fault('', `more than ${BACKEND_COUNT_MAX} backends`)
  }
  const appNumbers = new Map(apps.map((app, n) => [app, n]))
  const backendNumbers = new Map(backends.map((release, n) => [release, n]))

  const nodes: NodesByHost = new Map()
  const methodUses = new Map<string, number>()
  const routes: PlannedRoute[] = []
  const warnings: Fault[] = []
  for (const object of routeObjects) {
    const named = object.release ?? object.service
    const backend = named ? (backendNumbers.get(named) ?? BACKEND_MISSING) : null
    if (backend === BACKEND_MISSING) {
      const { ok, ...warning } = fault(object.key, `there is no backend for ${object.release}`)
      warnings.push(warning)
    }
    const filters = filtersOf(object)
    if (filters === 'path') return fault(object.key, 'the path of the rewrite is not allowed')
    const hosts = new Set(object.hosts.map(hostText))
    for (const [index, match] of object.matches.entries()) {
      const path = nodePath(match)
      if (path === null) {
        return fault(object.key, `matches/${index}/path: ${match.path.value} is not allowed`)
      }
      const method = match.method ?? ''
      if (method) methodUses.set(method, (methodUses.get(method) ?? 0) + 1)
      if (methodUses.size > METHOD_COUNT_MAX) {
        return fault(object.key, `more than ${METHOD_COUNT_MAX} different methods`)
      }
      const conditions = conditionsOf(match)
      const planned = { route: routes.length, method, conditions, since: object.since, index }
      for (const host of hosts) {
        const node = nodeOf(nodes, host, path)
        if (match.path.type === 'Exact') node.exact.push(planned)
        else node.prefix.push(planned)
      }
    }
    const number = backend ?? BACKEND_BY_POSITION
    const app = appNumbers.get(appInTable(object))!
    routes.push({ key: object.key, app, backend: number, filters })
  }

  const hostNames = [...nodes.keys()].sort(order)
  const sorted = hostNames.flatMap((host) =>
    [...nodes.get(host)!.values()].sort((a, b) => order(a.path, b.path)),
  )
  for (const node of sorted) {
    const crowd = tooMany(node)
    if (crowd) return fault(routes[crowd.route]!.key, crowd.reason, 'too-many-matches')
    node.exact.sort(precedence)
    node.prefix.sort(precedence)
  }
  const methods = [...methodUses]
    .sort((a, b) => b[1] - a[1] || order(a[0], b[0]))
    .map(([method]) => method)
  return {
    ok: true,
    plan: { hosts: hostNames, nodes: sorted, methods, routes, apps, backends, linked, warnings },
  }
}

/** When more matches share a host and path than may: the youngest one's route is at fault. */
function tooMany({ host, path, exact, prefix }: PlannedNode) {
  const count = exact.length + prefix.length
  if (count <= limits.matchesPerPath) return null
  const { route } = [...exact, ...prefix].reduce((a, b) => (b.since >= a.since ? b : a))
  const place = `${host === '.' ? '*' : host.startsWith('.') ? `*${host}` : host}${path || '/'}`
  return {
    route,
    reason: `${count} matches share ${place}; at most ${limits.matchesPerPath} may`,
  }
}

/** Same host, same path: has a method, more headers and cookies, older, key (routes are numbered by it), place. */
const precedence = (a: PlannedMatch, b: PlannedMatch): number =>
  Number(b.method !== '') - Number(a.method !== '') ||
  b.conditions.length - a.conditions.length ||
  a.since - b.since ||
  a.route - b.route ||
  a.index - b.index

const none: readonly Condition[] = []

function conditionsOf(match: RouteMatch): readonly Condition[] {
  if (match.headers.length === 0 && !match.cookies) return none
  return [
    ...headersOf(match).map((header) => ({ ...header, cookie: false })),
    ...cookiesOf(match).map((cookie) => ({ ...cookie, cookie: true })),
  ]
}

/** Only the first of equal names counts. */
export function cookiesOf({ cookies = [] }: RouteMatch): readonly Header[] {
  const byName = new Map<string, string>()
  for (const { name, value } of cookies) if (!byName.has(name)) byName.set(name, value)
  return [...byName].sort((a, b) => order(a[0], b[0])).map(([name, value]) => ({ name, value }))
}

/** Only the first of equal names counts (Gateway API HTTPHeaderMatch). */
export function headersOf(match: RouteMatch): readonly Header[] {
  const byName = new Map<string, string>()
  for (const { name, value } of match.headers) {
    const lower = name.toLowerCase()
    if (!byName.has(lower)) byName.set(lower, value)
  }
  return [...byName].sort((a, b) => order(a[0], b[0])).map(([name, value]) => ({ name, value }))
}

/** What a host is called in a table. */
export const hostText = (host: string): string => {
  if (host === anyHost) return '.'
  return host.startsWith('*') ? host.slice(1) : host
}

/** Routes to Services need no position: one name stands for them all, and it is no app's. */
const ingressesInTable = '/'
export const appInTable = ({ app, service }: RouteObject): string =>
  service ? ingressesInTable : app

/** The path that a match asks for, as nodes have it; null when it is not allowed. */
export function nodePath({ path: { type, value } }: RouteMatch): string | null {
  const plain = /^[A-Za-z0-9\-_~/]*$/.test(value)
  const path = plain ? value : canonicalPath(value)
  if (path === null || (!plain && hasDotSegment(value))) return null
  return type === 'PathPrefix' && path.endsWith('/') ? path.slice(0, -1) : path
}

/** By host, then path: one key of both would be a new string for every match. */
type NodesByHost = Map<string, Map<string, PlannedNode>>

function nodeOf(nodes: NodesByHost, host: string, path: string): PlannedNode {
  const below = nodes.get(host) ?? new Map<string, PlannedNode>()
  if (below.size === 0) nodes.set(host, below)
  const held = below.get(path)
  if (held) return held
  const node: PlannedNode = { host, path, exact: [], prefix: [] }
  below.set(path, node)
  return node
}

const unique = (names: readonly string[]): string[] => [...new Set(names)].sort(order)

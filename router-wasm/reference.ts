/**
 * The rules, slow and plain: what Gateway API (v1.6) says about routes, over the objects as they are. It is
 * the oracle of the router's tests and the trace of `explain`: every candidate in order of precedence, and
 * why each lost. It shares no code with the compiler but the canonical form of paths.
 *
 * Precedence is over all matches that accept the request: an exact host before wildcards, a longer wildcard
 * before a shorter one and `*`, which is every host, last, whatever the path; an exact path, then the longest prefix; a method; more
 * headers and cookies; the older route; its key; the order in the route.
 */
import type { RouteMatch } from '#wire/app.ts'
import { limits } from '#wire/limits.ts'
import type { RouteObject, SnapshotObject } from '#wire/object.ts'
import { canonicalHost, canonicalPath } from './canonical.ts'
import { cookieOf } from './cookies.ts'
import { type Destination, destinationOf } from './reference-destination.ts'

export interface PlainRequest {
  readonly method: string
  /** As in the Host field: with its port, if any. */
  readonly host: string
  /** Target in origin form: path and, perhaps, a query. */
  readonly path: string
  readonly headers: readonly { readonly name: string; readonly value: string }[]
}

export interface Candidate {
  /** Key of the route. */
  readonly route: string
  readonly app: string
  /** The host of the route that covers the request's. */
  readonly host: string
  /** Place of the match in its route. */
  readonly index: number
  readonly match: RouteMatch
  /** Null for the one that was chosen. */
  readonly lost: string | null
}

export interface Explanation {
  /** 200 when a release is found; otherwise the status of the router's own answer. */
  readonly status: 200 | 400 | 404 | 503
  /** What decided, for people. */
  readonly reason: string
  /** Canonical host and path that were matched; empty with status 400. */
  readonly host: string
  readonly path: string
  /** Routes of this host: those that accept the request in order, then the others by key. */
  readonly candidates: readonly Candidate[]
  /** Candidates that are not shown. */
  readonly omitted: number
  readonly destination: Destination | null
}

/** As many as one host and path may have, and as many again of the host's other routes. */
const candidatesMax = 2 * limits.matchesPerPath

interface Entry {
  readonly route: RouteObject
  readonly host: string
  readonly index: number
  readonly match: RouteMatch
  readonly segments: readonly string[]
}

export function explain(objects: readonly SnapshotObject[], request: PlainRequest): Explanation {
  const [target = '', ...query] = request.path.split('?')
  const host = canonicalHost(request.host)
  const path = canonicalPath(target)
  if (host === null || path === null) {
    const reason = `the ${host === null ? 'host' : 'path'} is not allowed`
    const empty = { host: '', path: '', candidates: [], omitted: 0, destination: null }
    return { status: 400, reason, ...empty }
  }
  const fields = [{ name: 'host', value: request.host }, ...request.headers]
  const entries = objects.flatMap((object) =>
    object.kind === 'route' ? entriesOf(object, host) : [],
  )
  const judged = entries.map((entry) => ({ entry, fault: faultOf(entry, path, request, fields) }))
  const accepting = judged
    .filter(({ fault }) => fault === null)
    .map(({ entry }) => entry)
    .sort(precedence)
  const winner = accepting[0]
  const others = judged
    .filter(({ fault }) => fault !== null)
    .sort((a, b) => compareText(a.entry.route.key, b.entry.route.key))
  const all = [
    ...accepting.map((entry) =>
      candidate(entry, entry === winner ? null : whyLost(entry, winner!)),
    ),
    ...others.map(({ entry, fault }) => candidate(entry, fault)),
  ]
  const candidates = all.slice(0, candidatesMax)
  const found = { host, path, candidates, omitted: all.length - candidates.length }
  if (!winner) {
    const reason = entries.length === 0 ? 'no route has this host' : 'no route accepts the request'
    return { status: 404, reason, ...found, destination: null }
  }
  const prefix = winner.match.path.type === 'PathPrefix' ? winner.segments : null
  const place = {
    path,
    prefix,
    query: query.length ? `?${query.join('?')}` : '',
    host: request.host,
    fields,
  }
  const destination = destinationOf(objects, winner.route, place)
  const status = destination.releases.length === 0 ? 503 : 200
  return { status, reason: destination.reason, ...found, destination }
}

const candidate = ({ route, host, index, match }: Entry, lost: string | null): Candidate => ({
  route: route.key,
  app: route.app,
  host,
  index,
  match,
  lost,
})

/** Every match of the route, for each of its hosts that covers the request's. */
function entriesOf(route: RouteObject, host: string): Entry[] {
  return [...new Set(route.hosts)]
    .filter((pattern) => covers(pattern, host))
    .flatMap((pattern) =>
      route.matches.map((match, index) => {
        const segments = segmentsOf(canonicalPath(match.path.value) ?? '')
        return { route, host: pattern, index, match, segments }
      }),
    )
}

/** `*` stands for one label or more, never for none; alone it is every host. */
const covers = (pattern: string, host: string): boolean =>
  pattern.startsWith('*')
    ? pattern === '*' || (host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1)
    : host === pattern

/** `/a/b` → a, b; `/a/` → a; `/` → none: the trailing slash of a prefix does not count. */
const segmentsOf = (path: string): string[] => path.replace(/\/$/, '').split('/').slice(1)

/** Why this match does not accept the request, or null. */
function faultOf(
  { match, segments }: Entry,
  path: string,
  request: PlainRequest,
  fields: PlainRequest['headers'],
): string | null {
  const { type, value } = match.path
  if (type === 'Exact' && canonicalPath(value) !== path) return `the path is not ${value}`
  const has = path.slice(1).split('/')
  if (type === 'PathPrefix' && !segments.every((segment, n) => has[n] === segment)) {
    return `the path is not below ${value}`
  }
  if (match.method && match.method !== request.method) return `the method is not ${match.method}`
  for (const { name, value } of namedOnce(match.headers)) {
    const field = fields.find((one) => one.name.toLowerCase() === name)
    if (!field) return `there is no header ${name}`
    if (field.value !== value) return `header ${name} is not "${value}"`
  }
  for (const { name, value } of cookiesOnce(match)) {
    const found = cookieOf(fields, name)
    if (found === undefined) return `there is no cookie ${name}`
    if (found !== value) return `cookie ${name} is not "${value}"`
  }
  return null
}

/** Of equal names only the first counts. */
function namedOnce(headers: RouteMatch['headers']): RouteMatch['headers'] {
  const lower = headers.map(({ name, value }) => ({ name: name.toLowerCase(), value }))
  return lower.filter(({ name }, n) => lower.findIndex((one) => one.name === name) === n)
}

const cookiesOnce = ({ cookies = [] }: RouteMatch) =>
  cookies.filter(({ name }, n) => cookies.findIndex((one) => one.name === name) === n)

const conditionCount = ({ match }: Entry): number =>
  namedOnce(match.headers).length + cookiesOnce(match).length

interface Rule {
  /** Positive when `b` comes before `a`. */
  readonly compare: (a: Entry, b: Entry) => number
  readonly lost: string
}

const rules: readonly Rule[] = [
  {
    compare: (a, b) => Number(a.host.startsWith('*')) - Number(b.host.startsWith('*')),
    lost: 'the other has the host itself',
  },
  { compare: (a, b) => b.host.length - a.host.length, lost: 'the other has a longer wildcard' },
  {
    compare: (a, b) =>
      Number(b.match.path.type === 'Exact') - Number(a.match.path.type === 'Exact'),
    lost: 'the other has the exact path',
  },
  {
    compare: (a, b) => b.segments.length - a.segments.length,
    lost: 'the other has a longer prefix',
  },
  {
    compare: (a, b) => Number(!!b.match.method) - Number(!!a.match.method),
    lost: 'the other names the method',
  },
  {
    compare: (a, b) => conditionCount(b) - conditionCount(a),
    lost: 'the other names more headers and cookies',
  },
  { compare: (a, b) => a.route.since - b.route.since, lost: 'the other route is older' },
  {
    compare: (a, b) => compareText(a.route.key, b.route.key),
    lost: 'the other route comes first by key',
  },
  { compare: (a, b) => a.index - b.index, lost: 'the other match comes first in the route' },
]

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

function precedence(a: Entry, b: Entry): number {
  for (const { compare } of rules) {
    const order = compare(a, b)
    if (order !== 0) return order
  }
  return 0
}

const whyLost = (entry: Entry, winner: Entry): string =>
  rules.find(({ compare }) => compare(entry, winner) > 0)?.lost ?? 'the route says the same twice'

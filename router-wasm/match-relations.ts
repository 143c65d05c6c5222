/**
 * How two matches on one host relate, proven from the rules that `reference.ts` states: which comes first,
 * whether one request can satisfy both, and whether one takes everything from the other. A claim holds for
 * every request; where nothing can be proven, nothing is claimed.
 */
import type { RouteObject } from '#wire/object.ts'
import { canonicalHost } from './canonical.ts'
import { type Header, headersOf, nodePath } from './plan.ts'

export interface PlacedMatch {
  /** Of its route. */
  readonly key: string
  readonly since: number
  readonly index: number
  readonly isExact: boolean
  /** Canonical; a prefix has no trailing slash and `/` is empty. */
  readonly path: string
  readonly method: string
  readonly headers: readonly Header[]
  readonly cookies: readonly Header[]
}

/** The matches of a route, in its order; one whose path no table takes is left out. */
export const placed = (route: RouteObject): PlacedMatch[] =>
  route.matches.flatMap((match, index) => {
    const path = nodePath(match)
    if (path === null) return []
    const { key, since } = route
    const isExact = match.path.type === 'Exact'
    const method = match.method ?? ''
    const cookies = match.cookies ?? []
    return [{ key, since, index, isExact, path, method, headers: headersOf(match), cookies }]
  })

/** Gateway API's order on one host; negative when `a` comes first. */
export const precedence = (a: PlacedMatch, b: PlacedMatch): number =>
  Number(b.isExact) - Number(a.isExact) ||
  depthOf(b) - depthOf(a) ||
  Number(b.method !== '') - Number(a.method !== '') ||
  conditionCount(b) - conditionCount(a) ||
  a.since - b.since ||
  (a.key < b.key ? -1 : a.key > b.key ? 1 : 0) ||
  a.index - b.index

/** Whether `wide` accepts every request that `narrow` accepts. */
export const accepts = (wide: PlacedMatch, narrow: PlacedMatch): boolean =>
  (wide.isExact ? narrow.isExact && wide.path === narrow.path : isBelow(narrow.path, wide.path)) &&
  (wide.method === '' || wide.method === narrow.method) &&
  wide.headers.every((field) => narrow.headers.some((one) => sameField(one, field))) &&
  wide.cookies.every((cookie) => sendsCookie(narrow, cookie))

/** The requests that both accept, as a match; null when there are none. */
export function overlapOf(a: PlacedMatch, b: PlacedMatch): PlacedMatch | null {
  const [deep, other] = a.isExact || (!b.isExact && depthOf(a) >= depthOf(b)) ? [a, b] : [b, a]
  if (other.isExact ? deep.path !== other.path : !isBelow(deep.path, other.path)) return null
  if (a.method !== '' && b.method !== '' && a.method !== b.method) return null
  const clashes = a.headers.some((one) =>
    b.headers.some(({ name, value }) => name === one.name && value !== one.value),
  )
  if (clashes) return null
  return {
    ...deep,
    method: a.method || b.method,
    headers: [...a.headers, ...b.headers],
    cookies: [...a.cookies, ...b.cookies],
  }
}

/** Methods that the router answers itself, whatever the routes say (docs/http-rules.md). */
const neverRouted = new Set(['CONNECT', 'TRACE'])

/** Why no request can satisfy the match on this host, all other routes aside; null when one can. */
export function contradiction(host: string, match: PlacedMatch): string | null {
  if (neverRouted.has(match.method)) return `the router never forwards ${match.method}`
  const wanted = match.headers.find(({ name }) => name === 'host')?.value
  if (wanted === undefined) return null
  const asked = canonicalHost(wanted)
  const isCovered =
    asked !== null &&
    (host.startsWith('*')
      ? host === '*' || (asked.endsWith(host.slice(1)) && asked.length > host.length - 1)
      : asked === host)
  return isCovered ? null : `a request for ${host} never has the header host: ${wanted}`
}

/** Whether every request that `b` accepts goes to `a`, or to what comes before it. */
export const shadows = (a: PlacedMatch, b: PlacedMatch): boolean =>
  precedence(a, b) < 0 && accepts(a, b)

const depthOf = ({ path }: PlacedMatch): number => (path === '' ? 0 : path.split('/').length - 1)

const conditionCount = ({ headers, cookies }: PlacedMatch): number =>
  headers.length + cookies.length

const isBelow = (path: string, prefix: string): boolean =>
  path === prefix || path.startsWith(`${prefix}/`)

const sameField = (a: Header, b: Header): boolean => a.name === b.name && a.value === b.value

/** Said as a cookie, or by the very text of a Cookie field (RFC 6265 §4.2.1). */
const sendsCookie = ({ cookies, headers }: PlacedMatch, cookie: Header): boolean =>
  cookies.some((one) => sameField(one, cookie)) ||
  headers.some(
    ({ name, value }) =>
      name === 'cookie' && value.split('; ').includes(`${cookie.name}=${cookie.value}`),
  )

/** `GET /cart/*`, `exactly /health`: the place that two matches share, for people. */
export const placeOf = ({ method, path, isExact }: PlacedMatch): string =>
  `${method ? `${method} ` : ''}${isExact ? `exactly ${path}` : `${path}/*`}`

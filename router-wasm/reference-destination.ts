/** The second half of the rules: where a chosen route leads, and what its rewrite makes of path and host. */
import type { RouteObject, SnapshotObject, Split } from '#wire/object.ts'
import { canonicalPath } from './canonical.ts'
import { filterWords } from './filter-words.ts'
import { releaseFor, userKeyOf } from './user-split.ts'

export interface Destination {
  readonly route: string
  readonly app: string
  /** Releases (or the Service) that answer, each with its weight; several take turns. Empty: 503. */
  readonly releases: readonly { readonly release: string; readonly weight: number }[]
  /** Generation of the app's position; null for a preview and an Ingress, which name where they lead. */
  readonly generation: number | null
  /** Bytes of the canonical path that the prefix covers; -1 for an exact path. */
  readonly prefixBytes: number
  /** Target and host as the backend gets them. */
  readonly target: string
  readonly host: string
  /** What else the route does: headers, timeouts, endpoints; in words. */
  readonly effects: readonly string[]
  readonly reason: string
}

export interface Place {
  /** Canonical. */
  readonly path: string
  /** Segments of the prefix that matched; null for an exact path. */
  readonly prefix: readonly string[] | null
  /** With its `?`. */
  readonly query: string
  /** As the client sent it. */
  readonly host: string
  readonly fields: readonly { readonly name: string; readonly value: string }[]
}

export function destinationOf(
  objects: readonly SnapshotObject[],
  route: RouteObject,
  { path, prefix, query, host, fields }: Place,
): Destination {
  // `/` covers its one slash, any other prefix what stands in front of the next.
  const covered = prefix?.map((segment) => `/${segment}`).join('')
  return {
    route: route.key,
    app: route.app,
    ...releasesOf(objects, route, fields),
    prefixBytes: covered === undefined ? -1 : Math.max(1, covered.length),
    target: rewritten(route, path, covered) + query,
    host: route.rewrite?.hostname ?? host,
    effects: filterWords({ ...route, rewrite: undefined }),
  }
}

function releasesOf(
  objects: readonly SnapshotObject[],
  route: RouteObject,
  fields: Place['fields'],
): Pick<Destination, 'releases' | 'generation' | 'reason'> {
  const { service } = route
  if (service) {
    const releases = [{ release: service, weight: 1 }]
    return { releases, generation: null, reason: `the Service ${service}` }
  }
  const exists = (release: string) =>
    objects.some((object) => object.kind === 'backend' && object.release === release)
  if (route.release) {
    const there = exists(route.release)
    return {
      releases: there ? [{ release: route.release, weight: 1 }] : [],
      generation: null,
      reason: there ? `a preview of ${route.release}` : `${route.release} is not there`,
    }
  }
  const position = objects.find((one) => one.kind === 'position' && one.app === route.app)
  if (position?.kind !== 'position') {
    return { releases: [], generation: null, reason: `${route.app} has no position` }
  }
  const { generation } = position
  const named = position.weights.filter(({ weight }) => weight > 0)
  const missing = named.find(({ release }) => !exists(release))
  if (missing) return { releases: [], generation, reason: `${missing.release} is not there` }
  const none = `the position of ${route.app} names no release`
  const reason = named.length === 0 ? none : `the position of ${route.app}`
  if (!position.split || named.length < 2) return { releases: named, generation, reason }
  return { generation, ...byUser(position.split, named, fields) }
}

/** A user's key leads to one release; without it several take turns. */
function byUser(
  split: Split,
  named: Destination['releases'],
  fields: Place['fields'],
): Pick<Destination, 'releases' | 'reason'> {
  const what = 'cookie' in split.key ? `cookie ${split.key.cookie}` : `header ${split.key.header}`
  const key = userKeyOf(split, fields)
  if (key === undefined) return { releases: named, reason: `no ${what}: the next turn` }
  const release = releaseFor(split, named, key)
  const weight = named.find((one) => one.release === release)!.weight
  return { releases: [{ release, weight }], reason: `the ${what} is on the side of ${release}` }
}

/** Gateway API HTTPPathModifier. `covered` is the matched prefix without a trailing slash. */
function rewritten(route: RouteObject, path: string, covered: string | undefined): string {
  const change = route.rewrite?.path
  if (!change) return path
  const value = canonicalPath(change.value) ?? ''
  if (change.type === 'ReplaceFullPath') return value || '/'
  const rest = path.slice(covered!.length)
  const joined = rest === '' ? value : value.replace(/\/$/, '') + rest
  return joined || '/'
}

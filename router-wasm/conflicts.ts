/**
 * Routes that say the same: one host and one match in two routes is legal (the older one wins, Gateway
 * API), but the second can never be reached, so control tells its owner.
 */
import type { RouteMatch } from '#wire/app.ts'
import type { SnapshotObject } from '#wire/object.ts'
import { headersOf, nodePath } from './plan.ts'

export interface Conflict {
  /** Key of the route that loses. */
  readonly route: string
  /** Key of the route that wins; the same when a route says something twice. */
  readonly other: string
  readonly host: string
  readonly match: RouteMatch
}

/** In order of age, then key; each losing host and match once. */
export function conflicts(objects: Iterable<SnapshotObject>): Conflict[] {
  const routes = [...objects].filter((object) => object.kind === 'route')
  routes.sort((a, b) => a.since - b.since || (a.key < b.key ? -1 : 1))
  const winners = new Map<string, string>()
  const found: Conflict[] = []
  for (const route of routes) {
    for (const match of route.matches) {
      const identity = matchIdentity(match)
      for (const host of new Set(route.hosts)) {
        const other = winners.get(`${host} ${identity}`)
        if (other === undefined) winners.set(`${host} ${identity}`, route.key)
        else found.push({ route: route.key, other, host, match })
      }
    }
  }
  return found
}

/** The same text for matches that accept the same requests. */
export const matchIdentity = (match: RouteMatch): string =>
  JSON.stringify([match.path.type, nodePath(match), match.method ?? '', headersOf(match)])

/** What is matched: sets of routes, the same as objects and as peers take them, and requests for each. */
import type { RouteObject } from '#wire/object.ts'
import { githubRoutes } from './github.ts'
import type { PlainRoute, Request } from './peers.ts'

export interface RouteSet {
  readonly name: string
  readonly routes: readonly PlainRoute[]
  readonly requests: readonly Request[]
}

const host = 'api.example.com'

/** Numbers below `bound`, the same in every run (a linear congruential generator). */
function numbers(bound: number, count: number): number[] {
  let state = 12345
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  })
}

/** Every route equally often, in random order, and one request in 16 that no route accepts. */
export function githubSet(requestCount: number): RouteSet {
  const routes = githubRoutes.map(([method, path]) => ({ method, path, prefix: false }))
  const requests = numbers(routes.length, requestCount).map((pick, n) => {
    const { method, path } = routes[pick]!
    return { method, path: n % 16 === 15 ? `${path}/none` : path, host }
  })
  return { name: `${routes.length} GitHub routes`, routes, requests }
}

/** As a cluster has them: a prefix for each service, requests two segments below. */
export function serviceSet(routeCount: number, requestCount: number): RouteSet {
  const path = (n: number) => `/service-${String(n).padStart(6, '0')}/api`
  const routes = Array.from({ length: routeCount }, (_, n) => ({
    method: 'GET',
    path: path(n),
    prefix: true,
  }))
  const requests = numbers(routeCount, requestCount).map((pick, n) => {
    const below = n % 16 === 15 ? path(pick).replace('/api', '/none') : `${path(pick)}/v1/items`
    return { method: 'GET', path: below, host }
  })
  return { name: `${routeCount} services`, routes, requests }
}

/** Keys sort as the routes do, so a route's number in the table is its index. */
export const objectsOf = ({ routes }: RouteSet): RouteObject[] =>
  routes.map(({ method, path, prefix }, n) => ({
    kind: 'route',
    key: `route/bench/${String(n).padStart(7, '0')}`,
    app: 'bench',
    hosts: [host],
    matches: [
      { path: { type: prefix ? 'PathPrefix' : 'Exact', value: path }, method, headers: [] },
    ],
    since: 1,
  }))

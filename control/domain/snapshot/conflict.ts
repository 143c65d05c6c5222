/**
 * One host and one match lead to one route: a second route that says the same could never be reached, or
 * would take traffic away from an app whose owner did not ask. Each cluster keeps an index of them.
 */
import { matchIdentity } from '#router/match-identity.ts'
import type { RouteObject } from '#wire/object.ts'
import { drop, get, put, type Table } from '../table.ts'

export interface RouteConflict {
  readonly route: string
  readonly other: string
  readonly host: string
}

/** The first of an owner's routes (an app's, an Ingress object's) that says the same as another: its own, or a foreign one. */
export function findConflict(
  matches: Table<string>,
  owner: string,
  routes: readonly RouteObject[],
): RouteConflict | null {
  const own = new Map<string, string>()
  for (const route of routes) {
    for (const [host, key] of matchKeys(route)) {
      const held = get(matches, key)
      const other = own.get(key) ?? (held && ownerOf(held) !== owner ? held : undefined)
      if (other !== undefined) return { route: route.key, other, host }
      own.set(key, route.key)
    }
  }
  return null
}

export function indexRoutes(
  matches: Table<string>,
  removed: readonly RouteObject[],
  added: readonly RouteObject[],
): Table<string> {
  let index = matches
  for (const route of removed) for (const [, key] of matchKeys(route)) index = drop(index, key)
  for (const route of added) {
    for (const [, key] of matchKeys(route)) index = put(index, key, route.key)
  }
  return index
}

function* matchKeys(route: RouteObject): Generator<readonly [host: string, key: string]> {
  for (const match of route.matches) {
    const identity = matchIdentity(match)
    for (const host of route.hosts) yield [host, `${host} ${identity}`]
  }
}

/** Keys are `route/<app>/<name>`, `preview/<app>/<release>` and `ingress/<namespace>/<name>/<place>`. */
function ownerOf(key: string): string | undefined {
  const [kind, first, second] = key.split('/')
  return kind === 'ingress' ? `${first}/${second}` : first
}

/**
 * What changed routes meet: matches that no request reaches, paths on a host of another app, previews that
 * public routes come before. Only routes that the change touches are looked at, and what is on their hosts.
 */
import {
  accepts,
  contradiction,
  overlapOf,
  type PlacedMatch,
  placed,
  placeOf,
  precedence,
  shadows,
} from '#router/match-relations.ts'
import type { Warning } from '#wire/dry-run.ts'
import type { RouteObject } from '#wire/object.ts'
import { isServedIn, routeObjects } from './snapshot.ts'
import type { State } from './state.ts'
import { valuesOf } from './table.ts'
import type { Foreseen } from './warnings.ts'

/** Pairs of matches compared for one dry run, about 50 ms; beyond it nothing more is claimed. */
const comparisonsMax = 500_000

interface Neighbour {
  readonly route: RouteObject
  readonly matches: readonly PlacedMatch[]
}

export function routeWarnings({ after, changes }: Foreseen): Warning[] {
  const found = new Map<string, Warning>()
  const budget = { left: comparisonsMax }
  for (const [cluster, changed] of changes) {
    const routes = changed.flatMap(({ after: route }) => (route?.kind === 'route' ? route : []))
    if (routes.length === 0) continue
    const byHost = neighbours(after, cluster, routes)
    for (const route of routes) {
      for (const warning of warningsOfRoute(route, byHost, budget)) {
        found.set(`${warning.code} ${warning.message}`, warning)
      }
    }
  }
  return [...found.values()]
}

/** By host of a changed route: the public routes of all apps there, and the changed ones themselves. */
function neighbours(
  state: State,
  cluster: string,
  changed: readonly RouteObject[],
): ReadonlyMap<string, readonly Neighbour[]> {
  const byHost = new Map<string, Neighbour[]>()
  for (const { hosts } of changed) for (const host of hosts) byHost.set(host, [])
  const add = (route: RouteObject) => {
    const neighbour = { route, matches: placed(route) }
    for (const host of new Set(route.hosts)) byHost.get(host)?.push(neighbour)
  }
  for (const app of valuesOf(state.apps)) {
    if (!isServedIn(app, cluster)) continue
    const hosts = [app.intent.hosts, ...app.intent.routes.map((route) => route.hosts ?? [])]
    if (!hosts.some((some) => some.some((host) => byHost.has(host)))) continue
    for (const route of routeObjects(app, cluster)) add(route)
  }
  for (const route of changed) if (route.release) add(route)
  return byHost
}

function* warningsOfRoute(
  route: RouteObject,
  byHost: ReadonlyMap<string, readonly Neighbour[]>,
  budget: { left: number },
): Generator<Warning> {
  const own = placed(route)
  const told = new Set<string>()
  for (const host of new Set(route.hosts)) {
    for (const match of own) {
      const reason = contradiction(host, match)
      if (reason) yield unreachable(route, host, match, reason)
    }
    for (const other of byHost.get(host) ?? []) {
      budget.left -= own.length * other.matches.length
      if (budget.left < 0) return
      if (other.route.key === route.key) {
        yield* shadowed(route, host, own, own)
      } else if (other.route.app === route.app) {
        yield* shadowed(route, host, own, other.matches)
        yield* shadowed(other.route, host, other.matches, own)
        if (route.release && !other.route.release) yield* hidden(route, host, own, other)
      } else if (!told.has(other.route.app)) {
        const warning = overlapping(route, host, own, other)
        if (warning) {
          told.add(other.route.app)
          yield warning
        }
      }
    }
  }
}

function* shadowed(
  route: RouteObject,
  host: string,
  matches: readonly PlacedMatch[],
  others: readonly PlacedMatch[],
): Generator<Warning> {
  for (const match of matches) {
    const taker = others.find((other) => shadows(other, match))
    if (taker) yield unreachable(route, host, match, `${taker.key} takes every request of it first`)
  }
}

const unreachable = (
  route: RouteObject,
  host: string,
  match: PlacedMatch,
  reason: string,
): Warning => ({
  code: 'unreachable-route',
  message: `No request reaches match ${match.index} (${placeOf(match)}) of ${route.key} on ${host}: ${reason}.`,
  object: route.key,
})

function overlapping(
  route: RouteObject,
  host: string,
  own: readonly PlacedMatch[],
  other: Neighbour,
): Warning | null {
  for (const match of own) {
    for (const theirs of other.matches) {
      const both = overlapOf(match, theirs)
      if (!both) continue
      const [first, last] =
        precedence(match, theirs) < 0 ? [route, other.route] : [other.route, route]
      const message = `${first.key} comes before ${last.key} for ${placeOf(both)} on ${host}: these requests of "${last.app}" go to "${first.app}".`
      return { code: 'overlap-with-app', message, object: route.key }
    }
  }
  return null
}

/** Public matches that come before the preview, where no other match of the preview comes before them. */
function* hidden(
  preview: RouteObject,
  host: string,
  own: readonly PlacedMatch[],
  { route, matches }: Neighbour,
): Generator<Warning> {
  for (const theirs of matches) {
    const both = own
      .filter((match) => precedence(theirs, match) < 0)
      .map((match) => overlapOf(match, theirs))
      .find((shared) => shared !== null)
    if (!both) continue
    if (own.some((match) => precedence(match, theirs) < 0 && accepts(match, both))) continue
    const message = `${route.key} answers ${placeOf(both)} on ${host}, not the preview of ${preview.release}.`
    yield { code: 'preview-hidden', message, object: preview.key }
  }
}

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
import { ingressesOf, ingressRoutes } from '../snapshot/ingress.ts'
import { isServedIn, routeObjects } from '../snapshot/snapshot.ts'
import type { State } from '../state.ts'
import { valuesOf } from '../table.ts'
import type { Foreseen } from './warnings.ts'

/** Pairs that lie on one path, looked at for one dry run; beyond it nothing more is claimed. */
const pairsMax = 200_000

interface Entry {
  readonly route: RouteObject
  readonly match: PlacedMatch
}
/** The matches of one host, by their paths. */
type Host = ReadonlyMap<string, readonly Entry[]>

export function routeWarnings({ after, changes }: Foreseen): Warning[] {
  const found = new Map<string, Warning>()
  const budget = { left: pairsMax }
  for (const [cluster, changed] of changes) {
    const routes = changed.flatMap(({ after: route }) => (route?.kind === 'route' ? route : []))
    const hosts = new Set(routes.flatMap((route) => route.hosts))
    const all = neighbours(after, cluster, routes, hosts)
    for (const host of hosts) {
      const own = entriesOn(host, routes)
      const warnings = warningsOnHost(host, own, entriesOn(host, all), budget)
      for (const warning of warnings) found.set(`${warning.code} ${warning.message}`, warning)
    }
  }
  return [...found.values()]
}

/** The public routes of all apps and Ingresses on these hosts, and the changed previews. */
function neighbours(
  state: State,
  cluster: string,
  changed: readonly RouteObject[],
  hosts: ReadonlySet<string>,
): RouteObject[] {
  const isNear = (some: readonly string[] | undefined) => some?.some((host) => hosts.has(host))
  const near = [...(hosts.size > 0 ? valuesOf(state.apps) : [])].flatMap((app) => {
    const here = isNear(app.intent.hosts) || app.intent.routes.some((route) => isNear(route.hosts))
    return here && isServedIn(app, cluster) ? routeObjects(app, cluster) : []
  })
  const ingresses = hosts.size > 0 ? ingressesOf(state, cluster).flatMap(ingressRoutes) : []
  return [
    ...near,
    ...ingresses.filter((route) => isNear(route.hosts)),
    ...changed.filter((route) => route.release),
  ]
}

function entriesOn(host: string, routes: readonly RouteObject[]): Host {
  const byPath = new Map<string, Entry[]>()
  for (const route of routes) {
    if (!route.hosts.includes(host)) continue
    for (const match of placed(route)) {
      const held = byPath.get(match.path)
      if (held) held.push({ route, match })
      else byPath.set(match.path, [{ route, match }])
    }
  }
  return byPath
}

function* warningsOnHost(
  host: string,
  own: Host,
  all: Host,
  budget: { left: number },
): Generator<Warning> {
  for (const { route, match } of [...own.values()].flat()) {
    const reason = contradiction(host, match)
    if (reason) yield unreachable(route, host, match, reason)
  }
  const told = new Set<string>()
  for (const [one, other] of pairs(own, all)) {
    if (budget.left-- <= 0) return
    if (one.route.app !== other.route.app) {
      const both = `${one.route.app} ${other.route.app}`
      const warning = told.has(both) ? null : overlapping(host, one, other)
      if (warning) {
        told.add(both)
        yield warning
      }
    } else {
      yield* shadowed(host, one, other)
      yield* shadowed(host, other, one)
      if (one.route.release && !other.route.release) yield* hidden(host, one, other, own)
    }
  }
}

/** Every two that can hold for one path: one lies at or below the other. */
function* pairs(own: Host, all: Host): Generator<readonly [own: Entry, other: Entry]> {
  for (const [path, entries] of own) {
    for (const above of pathsAbove(path)) {
      for (const other of all.get(above) ?? []) for (const one of entries) yield [one, other]
    }
  }
  for (const [path, entries] of all) {
    for (const above of pathsAbove(path)) {
      if (above === path) continue
      for (const one of own.get(above) ?? []) for (const other of entries) yield [one, other]
    }
  }
}

/** `/a/b` → `/a/b`, `/a` and the root, which is empty. */
function* pathsAbove(path: string): Generator<string> {
  for (let end = path.length; end >= 0; end = path.lastIndexOf('/', end - 1)) {
    yield path.slice(0, end)
    if (end === 0) return
  }
}

function* shadowed(host: string, { match, route }: Entry, other: Entry): Generator<Warning> {
  if (!shadows(other.match, match)) return
  yield unreachable(route, host, match, `${other.route.key} takes every request of it first`)
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

function overlapping(host: string, one: Entry, other: Entry): Warning | null {
  const both = overlapOf(one.match, other.match)
  if (!both) return null
  const [first, last] =
    precedence(one.match, other.match) < 0 ? [one.route, other.route] : [other.route, one.route]
  const message = `${first.key} comes before ${last.key} for ${placeOf(both)} on ${host}: these requests of "${last.app}" go to "${first.app}".`
  return { code: 'overlap-with-app', message, object: one.route.key }
}

/** A public match that comes before the preview, where no other match of the preview comes before it. */
function* hidden(
  host: string,
  { route: preview, match }: Entry,
  { route, match: theirs }: Entry,
  own: Host,
): Generator<Warning> {
  const both = precedence(theirs, match) < 0 ? overlapOf(match, theirs) : null
  if (!both) return
  for (const above of pathsAbove(both.path)) {
    const saves = (own.get(above) ?? []).some(
      (one) =>
        one.route.release === preview.release &&
        precedence(one.match, theirs) < 0 &&
        accepts(one.match, both),
    )
    if (saves) return
  }
  const message = `${route.key} answers ${placeOf(both)} on ${host} before ${preview.key} can lead it to ${preview.release}.`
  yield { code: 'preview-hidden', message, object: preview.key }
}

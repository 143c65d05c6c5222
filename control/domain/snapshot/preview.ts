/**
 * The ways to a candidate that is not public, or not for everybody: ordinary routes that name its release.
 * By header, cookie or host, each of the app's own routes gets a twin with one more condition, or another
 * host, so that rewrites and header changes are those of production.
 */
import type { RouteIntent, RouteMatch } from '#wire/app.ts'
import { filtersIn } from '#wire/filter.ts'
import type { RouteObject } from '#wire/object.ts'
import { previewKey } from '#wire/object.ts'
import type { AppState, ReleaseState } from '../state.ts'

export function candidateRoutes(app: AppState, release: ReleaseState): RouteObject[] {
  const { preview, target } = release
  const conditions = [preview?.header, target?.header].filter((field) => field !== undefined)
  const routes = conditions.flatMap((field, n) =>
    twins(app, release, `header-${n}`, {
      match: (match) => ({
        ...match,
        // The first of equal names counts.
        headers: [field, ...match.headers.filter(({ name }) => name !== field.name)],
      }),
    }),
  )
  if (target?.cookie) {
    const { cookie } = target
    const others = (match: RouteMatch) =>
      (match.cookies ?? []).filter(({ name }) => name !== cookie.name)
    routes.push(
      ...twins(app, release, 'cookie', {
        match: (match) => ({ ...match, cookies: [cookie, ...others(match)] }),
      }),
    )
  }
  if (preview?.host) routes.push(...twins(app, release, 'host', { hosts: [preview.host] }))
  if (preview?.path) routes.push(pathRoute(app, release, preview.path))
  return routes
}

interface Difference {
  readonly match?: (match: RouteMatch) => RouteMatch
  readonly hosts?: readonly string[]
}

const twins = (
  app: AppState,
  release: ReleaseState,
  kind: string,
  { match = (same) => same, hosts }: Difference,
): RouteObject[] =>
  app.intent.routes.map((route: RouteIntent) => ({
    kind: 'route',
    key: `${previewKey(app.app, release.id)}/${kind}/${route.name}`,
    app: app.app,
    hosts: [...(hosts ?? route.hosts ?? app.intent.hosts)],
    matches: route.matches.map(match),
    ...filtersIn(route),
    release: release.id,
    since: release.createdRevision,
  }))

const pathRoute = (app: AppState, release: ReleaseState, path: string): RouteObject => ({
  kind: 'route',
  key: previewKey(app.app, release.id),
  app: app.app,
  hosts: app.intent.hosts,
  matches: [{ path: { type: 'PathPrefix', value: path }, headers: [] }],
  rewrite: { path: { type: 'ReplacePrefixMatch', value: '/' } },
  release: release.id,
  since: release.createdRevision,
})

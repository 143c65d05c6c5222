/**
 * Tables for the tests of this folder: one app `shop` whose public route follows its position, and whose
 * release `shop-r2` can be previewed under `/test`.
 */
import { compileTable } from '#router/compile.ts'
import { filtersIn, type RouteFilters } from '#wire/filter.ts'
import type { SnapshotObject } from '#wire/object.ts'
import { backendKey, previewKey, routeKey } from '#wire/object.ts'

export const releases = ['shop-r1', 'shop-r2'] as const

export function shopObjects(
  hosts: readonly string[] = ['shop.test'],
  filters: RouteFilters = {},
): SnapshotObject[] {
  const everything = { path: { type: 'PathPrefix' as const, value: '/' }, headers: [] }
  return [
    {
      kind: 'route',
      key: routeKey('shop', 'default'),
      app: 'shop',
      hosts: [...hosts],
      matches: [everything],
      ...filtersIn(filters),
      since: 1,
    },
    {
      kind: 'route',
      key: previewKey('shop', 'shop-r2'),
      app: 'shop',
      hosts: [...hosts],
      matches: [{ path: { type: 'PathPrefix', value: '/test' }, headers: [] }],
      rewrite: { path: { type: 'ReplacePrefixMatch', value: '/' } },
      release: 'shop-r2',
      since: 2,
    },
    ...releases.map((release, index) => ({
      kind: 'backend' as const,
      key: backendKey(release),
      app: 'shop',
      release,
      version: `0.0.${index + 1}`,
      platform: 'static' as const,
    })),
  ]
}

/** `filters` are those of the public route. */
export function shopTable(hosts?: readonly string[], filters?: RouteFilters): Uint8Array {
  const outcome = compileTable(shopObjects(hosts, filters))
  if (!outcome.ok) throw new Error(`${outcome.key}: ${outcome.reason}`)
  return outcome.bytes
}

/** All traffic of the app to one release. */
export const shopPosition = (release: string, generation: number, close: string[] = []) => ({
  app: 'shop',
  generation,
  weights: [{ release, weight: 1 }],
  close,
})

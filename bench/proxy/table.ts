/** The benchmark's table: a small shop, so that matching is real; `bench/router.ts` measures big tables. */
import { compileTable } from '#router/compile.ts'
import type { SnapshotObject } from '#wire/object.ts'
import { backendKey, routeKey } from '#wire/object.ts'

const prefixes = ['/', '/products', '/cart', '/orders', '/images', '/api/v1', '/api/v2', '/search']

export function benchTable(): Uint8Array {
  const routes = prefixes.map((value, index) => ({
    kind: 'route' as const,
    key: routeKey('shop', `route-${index}`),
    app: 'shop',
    hosts: ['shop.test'],
    matches: [{ path: { type: 'PathPrefix' as const, value }, headers: [] }],
    since: index + 1,
  }))
  const backend: SnapshotObject = {
    kind: 'backend',
    key: backendKey('shop-r1'),
    app: 'shop',
    release: 'shop-r1',
    version: '0.0.1',
    platform: 'static',
  }
  const outcome = compileTable([...routes, backend])
  if (!outcome.ok) throw new Error(`${outcome.key}: ${outcome.reason}`)
  return outcome.bytes
}

/** Where a request goes and as what: filters, releases, shares of users, Services. */
import { backend, live, position, prefix, route } from './objects.cases.ts'
import { header, type RouterCase, sends } from './router-case.ts'

const replaced = (value: string) => ({
  rewrite: { path: { type: 'ReplacePrefixMatch' as const, value } },
})
/** Gateway API, HTTPPathModifier: request, prefix, replacement, result. */
export const rewriteTable: readonly (readonly [string, string, string, string])[] = [
  ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
  ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
  ['/foo/bar', '/foo/', '/xyz', '/xyz/bar'],
  ['/foo/bar', '/foo/', '/xyz/', '/xyz/bar'],
  ['/foo', '/foo', '/xyz', '/xyz'],
  ['/foo/', '/foo', '/xyz', '/xyz/'],
  ['/foo/bar', '/foo', '', '/bar'],
  ['/foo/', '/foo', '', '/'],
  ['/foo', '/foo', '', '/'],
  ['/foo/', '/foo', '/', '/'],
  ['/foo', '/foo', '/', '/'],
  ['/foo', '/', '/xyz', '/xyz/foo'],
  ['/', '/', '/xyz', '/xyz/'],
  ['/', '/', '', '/'],
]
const full = (value: string) => ({ rewrite: { path: { type: 'ReplaceFullPath' as const, value } } })

export const filters: RouterCase[] = [
  ...rewriteTable.map(([path, from, to, target]) => ({
    name: `${path} with prefix ${from} replaced by "${to}" is ${target}`,
    objects: [route('a', [prefix(from)], replaced(to))],
    request: { path: `${path}?q=1` },
    gives: 'a',
    target: `${target}?q=1`,
  })),
  {
    name: 'a full path is replaced and the query stays',
    objects: [route('a', [prefix('/full')], full('/one'))],
    request: { path: '/full/one/two?q=/' },
    gives: 'a',
    target: '/one?q=/',
  },
  {
    name: 'a full path is never replaced by nothing',
    objects: [route('a', [prefix('/full')], full(''))],
    request: { path: '/full/one' },
    gives: 'a',
    target: '/',
  },
  {
    name: 'the host is replaced',
    objects: [route('a', undefined, { rewrite: { hostname: 'one.example' } })],
    request: { host: 'shop.example:8080' },
    gives: 'a',
    host: 'one.example',
  },
  {
    name: 'the host is forwarded as it came',
    objects: [route('a')],
    request: { host: 'Shop.example:8080' },
    gives: 'a',
    host: 'Shop.example:8080',
  },
]

const r2 = backend('shop-r2')
export const destinations: RouterCase[] = [
  {
    name: 'a public route goes where the position says',
    objects: [route('a'), r2, position('shop', 2, { 'shop-r2': 1 })],
    request: {},
    gives: 'a',
    release: 'shop-r2',
  },
  {
    name: 'a preview goes to its release, whatever the position says',
    objects: [
      route('a'),
      route('b', [prefix('/test')], { ...replaced('/'), release: 'shop-r2' }),
      r2,
    ],
    request: { path: '/test/x' },
    gives: 'b',
    release: 'shop-r2',
    target: '/x',
  },
  {
    name: 'a weight of 0 is no traffic',
    objects: [route('a'), r2, position('shop', 2, { 'shop-r1': 0, 'shop-r2': 5 })],
    request: {},
    gives: 'a',
    release: 'shop-r2',
  },
]

const r1 = backend('shop-r1')
const byHeader = { seed: 1, key: { header: 'x-user-id' } }
const byCookie = { seed: 1, key: { cookie: 'user' } }
/** With this seed the hash of "u2" is in the lower half, which is the candidate's; that of "u1" is not. */
const halves = { 'shop-r2': 1, 'shop-r1': 1 }

export const splits: RouterCase[] = [
  {
    name: 'a user is on the side of the candidate',
    objects: [route('a'), r1, r2, position('shop', 1, halves, byHeader)],
    request: { headers: [header('X-User-Id', 'u2')] },
    gives: 'a',
    release: 'shop-r2',
  },
  {
    name: 'a user is on the other side',
    objects: [route('a'), r1, r2, position('shop', 1, halves, byHeader)],
    request: { headers: [header('x-user-id', 'u1')] },
    gives: 'a',
    release: 'shop-r1',
  },
  {
    name: 'a user is known by a cookie',
    objects: [route('a'), r1, r2, position('shop', 1, halves, byCookie)],
    request: sends('a=1; user=u2'),
    gives: 'a',
    release: 'shop-r2',
  },
  {
    name: 'a weight of 0 has no users',
    objects: [route('a'), r1, r2, position('shop', 1, { 'shop-r2': 0, 'shop-r1': 1 }, byHeader)],
    request: { headers: [header('x-user-id', 'u2')] },
    gives: 'a',
    release: 'shop-r1',
  },
]

const ofIngress = { app: 'shop/web', service: 'shop/web:http' }

/** A Service needs neither a backend nor a position. */
export const services: RouterCase[] = [
  {
    name: 'a route of an Ingress leads to its Service',
    objects: [route('a', undefined, ofIngress)],
    request: {},
    gives: 'a',
    release: 'shop/web:http',
  },
  {
    name: 'a route of an Ingress leads to its Service beside an app of the same name',
    objects: [route('a', [prefix('/a')], ofIngress), route('b'), ...live],
    request: { path: '/a/b' },
    gives: 'a',
    release: 'shop/web:http',
  },
  {
    name: 'the longest name of a Service',
    objects: [
      route('a', undefined, {
        app: 'shop/web',
        service: `${'n'.repeat(63)}/${'s'.repeat(63)}:${'p'.repeat(15)}`,
      }),
    ],
    request: {},
    gives: 'a',
  },
]

/** A route is found, but no release. */
export const unplaced: RouterCase[] = [
  { name: 'an app without a position', objects: [route('a')], request: {}, gives: 503 },
  {
    name: 'a position that names nothing',
    objects: [route('a'), position('shop', 1, {})],
    request: {},
    gives: 503,
  },
  {
    name: 'a position of weights of 0 only',
    objects: [route('a'), r2, position('shop', 1, { 'shop-r2': 0 })],
    request: {},
    gives: 503,
  },
  {
    name: 'a preview of a release that is not there',
    objects: [route('a', undefined, { release: 'shop-r9' })],
    request: {},
    gives: 503,
  },
]

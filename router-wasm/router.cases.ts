/** One named case for each routing rule; run on the reference and on the WASM. */
import type { SnapshotObject } from '#wire/object.ts'
import { backend, exact, live, position, prefix, route } from './objects.cases.ts'
import type { PlainRequest } from './reference.ts'

export interface RouterCase {
  readonly name: string
  readonly objects: readonly SnapshotObject[]
  readonly request: Partial<PlainRequest>
  /** Name of the route of shop, or the status of the answer. */
  readonly gives: string | 404 | 503
  /** What the backend gets. */
  readonly target?: string
  readonly host?: string
  readonly release?: string
}

const hosted = (name: string, ...hosts: string[]) => route(name, [prefix('/')], { hosts })
const header = (name: string, value: string) => ({ name, value })

const hosts: RouterCase[] = [
  {
    name: 'a host is matched as a whole',
    objects: [hosted('a', 'a.example'), hosted('b', 'b.example')],
    request: { host: 'b.example' },
    gives: 'b',
  },
  {
    name: 'no route has the host',
    objects: [hosted('a', 'a.example')],
    request: { host: 'aa.example' },
    gives: 404,
  },
  {
    name: 'case, port and one trailing dot of a host do not count',
    objects: [hosted('a', 'a.example')],
    request: { host: 'A.Example.:8080' },
    gives: 'a',
  },
  {
    name: 'a wildcard covers one label',
    objects: [hosted('w', '*.example')],
    request: { host: 'a.example' },
    gives: 'w',
  },
  {
    name: 'a wildcard covers several labels',
    objects: [hosted('w', '*.example')],
    request: { host: 'a.b.c.example' },
    gives: 'w',
  },
  {
    name: 'a wildcard does not cover its own domain',
    objects: [hosted('w', '*.example')],
    request: { host: 'example' },
    gives: 404,
  },
  {
    name: 'a wildcard ends at a dot',
    objects: [hosted('w', '*.example')],
    request: { host: 'an-example' },
    gives: 404,
  },
  {
    name: 'an exact host comes before a wildcard',
    objects: [hosted('w', '*.example'), hosted('z', 'a.example')],
    request: { host: 'a.example' },
    gives: 'z',
  },
  {
    name: 'a longer wildcard comes before a shorter one',
    objects: [hosted('a', '*.example'), hosted('b', '*.b.example')],
    request: { host: 'a.b.example' },
    gives: 'b',
  },
  {
    name: 'the host decides before the path',
    objects: [
      route('w', [exact('/long/path')], { hosts: ['*.example'] }),
      route('a', [prefix('/')], { hosts: ['a.example'] }),
    ],
    request: { host: 'a.example', path: '/long/path' },
    gives: 'a',
  },
  {
    name: 'a wildcard answers what the exact host has no route for',
    objects: [
      route('w', [prefix('/')], { hosts: ['*.example'] }),
      route('a', [prefix('/a')], { hosts: ['a.example'] }),
    ],
    request: { host: 'a.example', path: '/b' },
    gives: 'w',
  },
  {
    name: 'a shorter wildcard answers what the longer one has no route for',
    objects: [
      route('w', [prefix('/')], { hosts: ['*.example'] }),
      route('b', [prefix('/b')], { hosts: ['*.b.example'] }),
    ],
    request: { host: 'a.b.example', path: '/c' },
    gives: 'w',
  },
  {
    name: 'a route for every host answers any of them',
    objects: [hosted('any', '*')],
    request: { host: 'a.b.example' },
    gives: 'any',
  },
  {
    name: 'a route for every host answers a host of one label',
    objects: [hosted('any', '*')],
    request: { host: 'localhost:8080' },
    gives: 'any',
  },
  {
    name: 'a route for every host answers an address',
    objects: [hosted('any', '*')],
    request: { host: '[::1]:8080' },
    gives: 'any',
  },
  {
    name: 'an exact host and a wildcard come before a route for every host, whatever the path',
    objects: [
      route('any', [exact('/long/path')], { hosts: ['*'] }),
      hosted('w', '*.example'),
      hosted('a', 'a.example'),
    ],
    request: { host: 'b.example', path: '/long/path' },
    gives: 'w',
  },
  {
    name: 'a route for every host answers what its host and wildcard have no route for',
    objects: [
      hosted('any', '*'),
      route('w', [prefix('/w')], { hosts: ['*.example'] }),
      route('a', [prefix('/a')], { hosts: ['a.example'] }),
    ],
    request: { host: 'a.example', path: '/b' },
    gives: 'any',
  },
  {
    name: 'a wildcard of one label is no route for every host',
    objects: [hosted('w', '*.example')],
    request: { host: 'a.test' },
    gives: 404,
  },
  {
    name: 'a route has all of its hosts',
    objects: [hosted('a', 'a.example', 'b.example', '*.c.example')],
    request: { host: 'x.c.example' },
    gives: 'a',
  },
  {
    name: 'a host of 253 characters',
    objects: [hosted('a', `${'a'.repeat(61)}.`.repeat(4).slice(0, -1).padEnd(253, '.bcdef'))],
    request: { host: `${'a'.repeat(61)}.`.repeat(4).slice(0, -1).padEnd(253, '.bcdef') },
    gives: 'a',
  },
]

const paths: RouterCase[] = [
  {
    name: 'an exact path is matched as a whole',
    objects: [route('a', [exact('/abc')])],
    request: { path: '/abc' },
    gives: 'a',
  },
  {
    name: 'an exact path has no trailing slash',
    objects: [route('a', [exact('/abc')])],
    request: { path: '/abc/' },
    gives: 404,
  },
  {
    name: 'an exact path may have a trailing slash',
    objects: [route('a', [exact('/abc')]), route('b', [exact('/abc/')])],
    request: { path: '/abc/' },
    gives: 'b',
  },
  {
    name: 'an exact path is case-sensitive',
    objects: [route('a', [exact('/abc')])],
    request: { path: '/ABC' },
    gives: 404,
  },
  {
    name: 'exact / is not a prefix',
    objects: [route('a', [exact('/')])],
    request: { path: '/a' },
    gives: 404,
  },
  {
    name: 'exact / is matched',
    objects: [route('a', [prefix('/')]), route('b', [exact('/')])],
    request: { path: '/' },
    gives: 'b',
  },
  {
    name: 'a prefix covers itself',
    objects: [route('a', [prefix('/abc')])],
    request: { path: '/abc' },
    gives: 'a',
  },
  {
    name: 'a prefix covers what is below it',
    objects: [route('a', [prefix('/abc')])],
    request: { path: '/abc/d/e' },
    gives: 'a',
  },
  {
    name: 'a prefix ends at a slash',
    objects: [route('a', [prefix('/abc')])],
    request: { path: '/abcd' },
    gives: 404,
  },
  {
    name: 'the trailing slash of a prefix does not count',
    objects: [route('a', [prefix('/abc/')])],
    request: { path: '/abc' },
    gives: 'a',
  },
  {
    name: 'an exact path comes before a prefix of the same length',
    objects: [route('a', [prefix('/abc')]), route('b', [exact('/abc')])],
    request: { path: '/abc' },
    gives: 'b',
  },
  {
    name: 'the longest prefix comes first',
    objects: [route('a', [prefix('/')]), route('b', [prefix('/a/b')]), route('c', [prefix('/a')])],
    request: { path: '/a/b/c' },
    gives: 'b',
  },
  {
    name: 'a shorter prefix answers what the longer one does not accept',
    objects: [route('a', [prefix('/a')]), route('b', [prefix('/a/b', { method: 'PUT' })])],
    request: { path: '/a/b/c' },
    gives: 'a',
  },
  {
    name: 'a prefix answers what the exact path does not accept',
    objects: [route('a', [prefix('/a')]), route('b', [exact('/a/b', { method: 'PUT' })])],
    request: { path: '/a/b' },
    gives: 'a',
  },
  {
    name: 'an empty segment is a segment',
    objects: [route('a', [prefix('/a/b')]), route('b', [prefix('/a')])],
    request: { path: '/a//b' },
    gives: 'b',
  },
  {
    name: 'a path is canonical before it is matched',
    objects: [route('a', [prefix('/a/~b')])],
    request: { path: '/x/../a/%7eb/./c' },
    gives: 'a',
    target: '/a/~b/c',
  },
  {
    name: 'the value of a match is canonical too',
    objects: [route('a', [prefix('/%61/%3f')])],
    request: { path: '/a/%3F' },
    gives: 'a',
  },
  {
    name: 'the query does not count',
    objects: [route('a', [exact('/a')])],
    request: { path: '/a?b=/c' },
    gives: 'a',
    target: '/a?b=/c',
  },
  {
    name: 'segments around 8, 16 and 64 bytes are told apart',
    objects: [7, 8, 9, 15, 16, 17, 63, 64, 65].map((bytes) =>
      route(`r${bytes}`, [prefix(`/${'x'.repeat(bytes)}/y`)]),
    ),
    request: { path: `/${'x'.repeat(64)}/y/z` },
    gives: 'r64',
  },
  {
    name: 'a prefix of 70 segments',
    objects: [route('a', [prefix('/d'.repeat(70))]), route('b', [prefix('/d'.repeat(64))])],
    request: { path: `${'/d'.repeat(70)}/e` },
    gives: 'a',
  },
  {
    name: 'an exact path of 70 segments beside prefixes of 63 and 62',
    objects: [
      route('a', [exact('/d'.repeat(70))]),
      route('b', [prefix('/d'.repeat(63))]),
      route('c', [prefix('/d'.repeat(62))]),
    ],
    request: { path: `${'/d'.repeat(69)}` },
    gives: 'b',
  },
  {
    name: 'a path deeper than any route still has its prefix',
    objects: [route('a', [prefix('/d/d')])],
    request: { path: '/d'.repeat(3000) },
    gives: 'a',
  },
]

const conditions: RouterCase[] = [
  {
    name: 'a method is matched exactly',
    objects: [route('a', [prefix('/', { method: 'PUT' })])],
    request: { method: 'GET' },
    gives: 404,
  },
  {
    name: 'GET does not mean HEAD',
    objects: [route('a', [prefix('/', { method: 'GET' })])],
    request: { method: 'HEAD' },
    gives: 404,
  },
  {
    name: 'a method of more than 8 letters',
    objects: [
      route('a', [prefix('/', { method: 'PROPFINDX' })]),
      route('b', [prefix('/', { method: 'PROPFINDY' })]),
      route('c', [prefix('/', { method: 'PROPFIND' })]),
    ],
    request: { method: 'PROPFINDY' },
    gives: 'b',
  },
  {
    name: 'a match with a method comes before one without',
    objects: [route('a', [prefix('/')]), route('b', [prefix('/', { method: 'PATCH' })])],
    request: { method: 'PATCH' },
    gives: 'b',
  },
  {
    name: 'a method comes before any number of headers',
    objects: [
      route('a', [prefix('/', { headers: [header('version', 'four')] })]),
      route('b', [prefix('/', { method: 'PATCH' })]),
    ],
    request: { method: 'PATCH', headers: [header('version', 'four')] },
    gives: 'b',
  },
  {
    name: 'a longer path comes before a method',
    objects: [route('a', [prefix('/', { method: 'PATCH' })]), route('b', [prefix('/path5')])],
    request: { method: 'PATCH', path: '/path5' },
    gives: 'b',
  },
  {
    name: 'more headers come first',
    objects: [
      route('a', [prefix('/', { headers: [header('a', '1')] })]),
      route('b', [prefix('/', { headers: [header('b', '2'), header('c', '3')] })]),
    ],
    request: { headers: [header('a', '1'), header('b', '2'), header('c', '3')] },
    gives: 'b',
  },
  {
    name: 'all headers of a match must be there',
    objects: [route('a', [prefix('/', { headers: [header('b', '2'), header('c', '3')] })])],
    request: { headers: [header('b', '2')] },
    gives: 404,
  },
  {
    name: 'the name of a header has no case',
    objects: [route('a', [prefix('/', { headers: [header('x-team', 'red')] })])],
    request: { headers: [header('X-Team', 'red')] },
    gives: 'a',
  },
  {
    name: 'the value of a header is exact',
    objects: [route('a', [prefix('/', { headers: [header('x-team', 'red')] })])],
    request: { headers: [header('x-team', 'Red')] },
    gives: 404,
  },
  {
    name: 'the value of a header may be empty',
    objects: [route('a', [prefix('/', { headers: [header('x-team', '')] })])],
    request: { headers: [header('x-team', '')] },
    gives: 'a',
  },
  {
    name: 'only the first of several headers of a name counts',
    objects: [route('a', [prefix('/', { headers: [header('x-team', 'red')] })])],
    request: { headers: [header('x-team', 'blue'), header('x-team', 'red')] },
    gives: 404,
  },
  {
    name: 'only the first condition of a name counts',
    objects: [
      route('a', [prefix('/', { headers: [header('x-team', 'red'), header('X-Team', 'blue')] })]),
    ],
    request: { headers: [header('x-team', 'red')] },
    gives: 'a',
  },
]

const ties: RouterCase[] = [
  {
    name: 'the older route wins',
    objects: [route('a', undefined, { since: 2 }), route('b', undefined, { since: 1 })],
    request: {},
    gives: 'b',
  },
  {
    name: 'of the same age the first by key wins',
    objects: [route('b'), route('a'), route('c')],
    request: {},
    gives: 'a',
  },
  {
    name: 'each match of a route counts by itself',
    objects: [route('a', [exact('/a'), prefix('/b', { method: 'GET' })])],
    request: { path: '/b/c' },
    gives: 'a',
  },
]

const replaced = (value: string) => ({
  rewrite: { path: { type: 'ReplacePrefixMatch' as const, value } },
})
/** Gateway API, HTTPPathModifier: request, prefix, replacement, result. */
const rewriteTable: readonly (readonly [string, string, string, string])[] = [
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

const filters: RouterCase[] = [
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
const destinations: RouterCase[] = [
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

const cookie = (name: string, value: string) => prefix('/', { cookies: [{ name, value }] })
const cookieRoutes = [route('plain'), route('canary', [cookie('canary', '1')])]
const sends = (...values: string[]) => ({ headers: values.map((value) => header('cookie', value)) })

const cookies: RouterCase[] = [
  {
    name: 'a cookie is found among others',
    objects: cookieRoutes,
    request: sends('a=2; canary=1; b=3'),
    gives: 'canary',
  },
  {
    name: 'a cookie is found in a second field',
    objects: cookieRoutes,
    request: sends('a=2', 'canary=1'),
    gives: 'canary',
  },
  {
    name: 'spaces around name and value of a cookie do not count',
    objects: cookieRoutes,
    request: sends('a=2;canary =\t1 ;b'),
    gives: 'canary',
  },
  {
    name: 'the value of a cookie is compared whole',
    objects: cookieRoutes,
    request: sends('canary=11'),
    gives: 'plain',
  },
  {
    name: 'quotes belong to the value of a cookie',
    objects: cookieRoutes,
    request: sends('canary="1"'),
    gives: 'plain',
  },
  {
    name: 'the case of a cookie name counts',
    objects: cookieRoutes,
    request: sends('Canary=1'),
    gives: 'plain',
  },
  {
    name: 'only the first cookie of a name counts',
    objects: cookieRoutes,
    request: sends('canary=0; canary=1'),
    gives: 'plain',
  },
  {
    name: 'a name without "=" is no cookie',
    objects: cookieRoutes,
    request: sends('canary; canary=1'),
    gives: 'canary',
  },
  {
    name: 'a header of the same name is not a cookie',
    objects: cookieRoutes,
    request: { headers: [header('canary', '1')] },
    gives: 'plain',
  },
  {
    name: 'cookies and headers are asked for together, and count together',
    objects: [
      route('both', [prefix('/', { headers: [header('x-a', '1')], cookies: [header('c', '1')] })]),
      route('one', [prefix('/', { headers: [header('x-a', '1')] })]),
    ],
    request: { headers: [header('x-a', '1'), header('cookie', 'c=1')] },
    gives: 'both',
  },
]

const r1 = backend('shop-r1')
const byHeader = { seed: 1, key: { header: 'x-user-id' } }
const byCookie = { seed: 1, key: { cookie: 'user' } }
/** With this seed the hash of "u2" is in the lower half, which is the candidate's; that of "u1" is not. */
const halves = { 'shop-r2': 1, 'shop-r1': 1 }

const splits: RouterCase[] = [
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
const services: RouterCase[] = [
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
const unplaced: RouterCase[] = [
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

export const routerCases: readonly RouterCase[] = [
  ...[...hosts, ...paths, ...conditions, ...cookies, ...ties, ...filters].map((one) => ({
    ...one,
    objects: [...one.objects, ...live],
  })),
  ...destinations.map((one) => ({
    ...one,
    objects: one.objects.some(({ kind }) => kind === 'position')
      ? one.objects
      : [...one.objects, ...live],
  })),
  ...splits,
  ...services,
  ...unplaced,
]

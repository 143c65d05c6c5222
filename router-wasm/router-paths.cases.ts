/** Which host and which path a request has, and so whose it is. */
import { exact, prefix, route } from './objects.cases.ts'
import type { RouterCase } from './router-case.ts'

const hosted = (name: string, ...hosts: string[]) => route(name, [prefix('/')], { hosts })

export const hosts: RouterCase[] = [
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

export const paths: RouterCase[] = [
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

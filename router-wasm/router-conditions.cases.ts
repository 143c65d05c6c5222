/** Methods, headers and cookies, and who wins when two routes match alike. */
import { exact, prefix, route } from './objects.cases.ts'
import { header, type RouterCase, sends } from './router-case.ts'

export const conditions: RouterCase[] = [
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

export const ties: RouterCase[] = [
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

const cookie = (name: string, value: string) => prefix('/', { cookies: [{ name, value }] })
const cookieRoutes = [route('plain'), route('canary', [cookie('canary', '1')])]

export const cookies: RouterCase[] = [
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

/** Ingress objects become routes as Kubernetes says; `path-rewrite` as HAProxy's documentation says. */
import { describe, expect, test } from 'vitest'
import { explain } from '#router/reference.ts'
import { ingressPlace } from '#wire/ingress.ts'
import { limits } from '#wire/limits.ts'
import { blueGreen, objectsOf } from './ingress.fixture.ts'
import { one, onPath, routeObjects, target, toWeb, translated, web } from './intent.fixture.ts'
import type { ServiceObject } from './object.ts'

describe('paths of an Ingress', () => {
  const cases: [pathType: string, path: string, request: string, reached: boolean][] = [
    ['Exact', '/foo', '/foo', true],
    ['Exact', '/foo', '/foo/', false],
    ['Exact', '/foo/', '/foo', false],
    ['Prefix', '/', '/any/path', true],
    ['Prefix', '/foo', '/foo', true],
    ['Prefix', '/foo', '/foo/', true],
    ['Prefix', '/foo/', '/foo', true],
    ['Prefix', '/aaa/bb', '/aaa/bbb', false],
    ['Prefix', '/aaa/bbb', '/aaa/bbb/ccc', true],
    ['Prefix', '/aaa/bbb', '/aaa/bbbxyz', false],
    ['ImplementationSpecific', '/foo', '/foo/bar', true],
    ['ImplementationSpecific', '/foo', '/foobar', false],
  ]
  for (const [pathType, path, request, reached] of cases) {
    test(`${pathType} ${path} ${reached ? 'takes' : 'does not take'} ${request}`, () => {
      const intent = one(onPath(path, pathType))
      expect(target(intent, request)).toBe(reached ? `shop/web:http ${request}` : 404)
      expect(intent.warnings).toEqual([])
    })
  }

  test('a rule without a host is for every host', () => {
    const intent = one(
      `{ rules: [{ http: { paths: [{ pathType: Prefix, backend: ${toWeb} }] } }] }`,
    )
    expect(target(intent, '/', 'anything.test')).toBe('shop/web:http /')
  })

  test('the default backend takes what no rule takes, and comes after them', () => {
    const other = { ...web, metadata: { ...web.metadata, name: 'other' } }
    const fallback = `defaultBackend: ${toWeb.replace('web', 'other')}`
    const intent = one(onPath('/a').replace('{', `{ ${fallback},`), {}, [web, other])
    expect(target(intent, '/a')).toBe('shop/web:http /a')
    expect(target(intent, '/b')).toBe('shop/other:http /b')
    expect(target(intent, '/a', 'other.test')).toBe('shop/other:http /a')
  })

  test('a rule without paths sends its host to the default backend', () => {
    const intent = one(`{ defaultBackend: ${toWeb}, rules: [{ host: a.example }] }`)
    expect(intent.routes.map(ingressPlace)).toEqual(['a.example/', '*/'])
    expect(intent.warnings).toEqual([])
  })

  test('a default backend alone', () => {
    expect(one(`{ defaultBackend: ${toWeb} }`).routes.map(ingressPlace)).toEqual(['*/'])
  })

  test('a host and path that is said twice counts once, and that is told', () => {
    const path = `{ path: /a, pathType: Prefix, backend: ${toWeb} }`
    const twice = path.replace('/a', '/a/')
    const intent = one(`{ rules: [{ host: a.example, http: { paths: [${path}, ${twice}] } }] }`)
    expect(intent.routes.map(ingressPlace)).toEqual(['a.example/a'])
    expect(intent.warnings).toEqual([
      'a.example/a/ is left out: the object has this host and path before.',
    ])
  })

  test('a path that no route can have is left out, the others stand', () => {
    const path = `{ path: '/a(.*)[0-9]', pathType: ImplementationSpecific, backend: ${toWeb} }`
    const good = `{ path: /b, pathType: Prefix, backend: ${toWeb} }`
    const intent = one(`{ rules: [{ host: a.example, http: { paths: [${path}, ${good}] } }] }`)
    expect(intent.routes.map(ingressPlace)).toEqual(['a.example/b'])
    expect(intent.warnings[0]).toMatch(/^a\.example\/a\(\.\*\)\[0-9\] is left out: start with/)
  })

  test('a path of dots in disguise is left out', () => {
    const intent = one(onPath('/a/%2e%2e/b'))
    expect(intent.routes).toEqual([])
    expect(intent.warnings).toEqual([
      'shop.example/a/%2e%2e/b is left out: no request has such a path.',
    ])
  })

  test('routes beyond the limit are left out, and that is told', () => {
    const paths = (count: number) =>
      Array.from(
        { length: count },
        (_, n) => `{ path: /p${n}, pathType: Prefix, backend: ${toWeb} }`,
      )
    const many = (count: number) =>
      one(`{ rules: [{ host: a.example, http: { paths: [${paths(count)}] } }] }`)
    expect(many(limits.routesPerIngress).warnings).toEqual([])
    const over = many(limits.routesPerIngress + 1)
    expect(over.routes.length).toBe(limits.routesPerIngress)
    expect(over.warnings).toEqual([
      `An Ingress has at most ${limits.routesPerIngress} routes here: the others are left out.`,
    ])
  })
})

describe('a backend of an Ingress', () => {
  const rule = (backend: string) =>
    `{ rules: [{ host: a.example, http: { paths: [{ path: /, pathType: Prefix, backend: ${backend} }] } }] }`
  const two: ServiceObject = {
    metadata: { name: 'two', namespace: 'shop', annotations: {} },
    spec: {
      type: 'ClusterIP',
      ports: [
        { name: 'http', port: 80 },
        { name: 'admin', port: 8080 },
      ],
    },
    status: undefined,
  }
  const unnamed: ServiceObject = {
    ...web,
    spec: { type: 'ClusterIP', ports: [{ name: undefined, port: 80 }] },
  }
  const external: ServiceObject = { ...web, spec: { type: 'ExternalName', ports: [] } }
  const cases: [
    name: string,
    backend: string,
    services: ServiceObject[],
    id: string | null,
    warns: string[],
  ][] = [
    ['a port by number gets the name that the Service gives it', toWeb, [web], 'shop/web:http', []],
    [
      'a port by name',
      '{ service: { name: two, port: { name: admin } } }',
      [two],
      'shop/two:admin',
      [],
    ],
    ['a port without a name keeps its number', toWeb, [unnamed], 'shop/web:80', []],
    [
      'a port that the Service does not have',
      '{ service: { name: two, port: { number: 81 } } }',
      [two],
      null,
      ['a.example/ is left out: Service two has no such port, only http, admin.'],
    ],
    [
      'a Service that is not there yet',
      toWeb,
      [],
      'shop/web:80',
      ['There is no Service web in shop: requests are answered 503.'],
    ],
    [
      'an ExternalName',
      toWeb,
      [external],
      'shop/web:80',
      ['Service web is an ExternalName, which is not done: requests are answered 503.'],
    ],
    [
      'a resource that is no Service',
      '{ resource: { kind: StorageBucket, name: assets, apiGroup: k8s.example } }',
      [],
      null,
      ['a.example/ is left out: it leads to a StorageBucket (assets), not to a Service.'],
    ],
  ]
  for (const [name, backend, services, id, warnings] of cases) {
    test(name, () => {
      const intent = one(rule(backend), {}, services)
      expect(intent.routes.map(({ service }) => service)).toEqual(id === null ? [] : [id])
      expect(intent.warnings).toEqual(warnings)
    })
  }
})

describe('path-rewrite', () => {
  const cases: [value: string, pathType: string, path: string, request: string, target: string][] =
    [
      ['/', 'Prefix', '/test', '/test/cart?q=1', '/?q=1'],
      ['/', 'Exact', '/test', '/test', '/'],
      ['/foo', 'Prefix', '/', '/bar?q=1', '/foo?q=1'],
      ['(.*) /foo\\1', 'Prefix', '/', '/bar?q=1', '/foo/bar?q=1'],
      ['(.*) /foo\\1', 'Prefix', '/', '/', '/foo/'],
      ['(.*) /foo\\1', 'Prefix', '/bar', '/bar/a', '/foo/bar/a'],
      ['^(.*)$ /foo\\1', 'Exact', '/bar', '/bar', '/foo/bar'],
      ['/foo/(.*) /\\1', 'Prefix', '/foo', '/foo/bar?q=1', '/bar?q=1'],
      ['/foo/(.*) /\\1', 'Prefix', '/foo', '/foo/', '/'],
      ['/foo/(.*) /\\1', 'Prefix', '/foo', '/foo', '/foo'],
      ['/foo/(.*) /\\1', 'Prefix', '/foo/', '/foo', '/foo'],
      ['/foo/(.*) /\\1', 'Prefix', '/foo/api', '/foo/api/x', '/api/x'],
      ['/foo/(.*) /\\1', 'Exact', '/foo/api', '/foo/api', '/api'],
      ['/foo/(.*) /\\1', 'Exact', '/foo', '/foo', '/foo'],
      ['^/foo/(.*)$ /bar/\\1', 'Prefix', '/foo', '/foo/a/b', '/bar/a/b'],
    ]
  for (const [value, pathType, path, request, result] of cases) {
    test(`${value} on ${pathType} ${path}: ${request} becomes ${result}`, () => {
      const intent = one(onPath(path, pathType), { 'haproxy.org/path-rewrite': value })
      expect(target(intent, request)).toBe(`shop/web:http ${result}`)
      expect(intent.warnings).toEqual([])
    })
  }

  const notDone = [
    '([^?]*)(\\?(.*))? \\1/foo\\2',
    '/foo/(.*) /\\1\n/bar/(.*) /baz/\\1',
    '/a/(.*)/b /\\1',
    '(.*) /foo',
    '/foo%[path]',
    'a b c',
  ]
  for (const value of notDone) {
    test(`${JSON.stringify(value)} is told, and the path stays`, () => {
      const intent = one(onPath('/foo'), { 'haproxy.org/path-rewrite': value })
      expect(target(intent, '/foo/bar')).toBe('shop/web:http /foo/bar')
      expect(intent.warnings).toEqual([
        'haproxy.org/path-rewrite is not done: this expression; requests keep their path.',
      ])
    })
  }

  test('an expression that may hold on a part of a path is told there', () => {
    const intent = one(onPath('/other'), { 'haproxy.org/path-rewrite': '/foo/(.*) /\\1' })
    expect(target(intent, '/other/foo/a')).toBe('shop/web:http /other/foo/a')
    expect(intent.warnings).toEqual([
      'haproxy.org/path-rewrite is not done: it may hold on a part of shop.example/other; requests there keep their path.',
    ])
  })

  test('what the object says of a path comes before what a rewrite leaves of it', () => {
    const other = { ...web, metadata: { ...web.metadata, name: 'other' } }
    const below = `{ path: /foo, pathType: Prefix, backend: ${toWeb} }`
    const exact = `{ path: /foo, pathType: Exact, backend: ${toWeb.replace('web', 'other')} }`
    const intent = one(
      `{ rules: [{ host: shop.example, http: { paths: [${below}, ${exact}] } }] }`,
      { 'haproxy.org/path-rewrite': '/foo/(.*) /\\1' },
      [web, other],
    )
    expect(target(intent, '/foo')).toBe('shop/other:http /foo')
    expect(target(intent, '/foo/a')).toBe('shop/web:http /a')
    expect(intent.warnings).toEqual([])
  })
})

describe('the hash of an Ingress', () => {
  test('is the same for the same object, whatever else its metadata says', () => {
    const hash = one(onPath('/')).hash
    expect(one(onPath('/'), { 'kubectl.kubernetes.io/restartedAt': 'now' }).hash).toBe(hash)
  })
  test('changes with the spec, with our annotations and with the port that a Service has', () => {
    const hashes = [
      one(onPath('/')),
      one(onPath('/a')),
      one(onPath('/'), { 'haproxy.org/path-rewrite': '/' }),
      one(onPath('/'), { 'haproxy.org/load-balance': 'roundrobin' }),
      one(onPath('/'), {}, []),
    ].map(({ hash }) => hash)
    expect(new Set(hashes).size).toBe(hashes.length)
  })
})

test('the blue-green post with our class: `/test` is rewritten and leads to the other Service', () => {
  const { ingresses, services } = objectsOf(blueGreen())
  const intents = ingresses.map((ingress) => translated(ingress, services))
  const objects = intents.flatMap(routeObjects).map((route, n) => ({ ...route, key: `${n}` }))
  const ask = (path: string) => {
    const request = { method: 'GET', host: '192.168.99.100:30000', path, headers: [] }
    const { releases, target } = explain(objects, request).destination!
    return `${releases[0]!.release} ${target}`
  }
  expect(intents.flatMap(({ warnings }) => warnings)).toEqual([])
  expect(ask('/')).toBe('shop/app:port-1 /')
  expect(ask('/cart')).toBe('shop/app:port-1 /cart')
  expect(ask('/test')).toBe('shop/app-bg:port-1 /')
  // A flip of the selector changes no Ingress: only the Service's EndpointSlices.
  const flipped = objectsOf(blueGreen('green'))
  expect(flipped.ingresses.map((one) => translated(one, flipped.services))).toEqual(intents)
})

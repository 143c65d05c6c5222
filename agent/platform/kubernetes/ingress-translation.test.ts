/** Ingress objects become routes as Kubernetes says, and annotations as HAProxy's documentation says. */
import { describe, expect, test } from 'vitest'
import { explain } from '#router/reference.ts'
import { type IngressIntent, ingressIntent, ingressPlace } from '#wire/ingress.ts'
import { limits } from '#wire/limits.ts'
import type { RouteObject } from '#wire/object.ts'
import { workerLimits } from '../../worker/limits.ts'
import { blueGreen, objectsOf } from './ingress.fixture.ts'
import type { IngressObject, ServiceObject } from './ingress-object.ts'
import { translateIngress } from './ingress-translation.ts'

const web: ServiceObject = {
  metadata: { name: 'web', namespace: 'shop' },
  spec: { type: 'ClusterIP', ports: [{ name: 'http', port: 80 }] },
  status: undefined,
}

const one = (
  spec: string,
  annotations: Readonly<Record<string, string>> = {},
  services: readonly ServiceObject[] = [web],
): IngressIntent => {
  const yaml = `{ kind: Ingress, metadata: { name: web }, spec: ${spec} }`
  const [ingress] = objectsOf(yaml).ingresses
  const annotated = { ...ingress!, metadata: { ...ingress!.metadata, annotations } }
  return translated(annotated, services)
}

function translated(ingress: IngressObject, services: readonly ServiceObject[]): IngressIntent {
  const find = (name: string) => services.find((service) => service.metadata.name === name)
  const intent = translateIngress(ingress, 'switchyard', find)
  expect(ingressIntent.parse(intent)).toEqual(intent)
  return intent
}

const toWeb = '{ service: { name: web, port: { number: 80 } } }'
const onPath = (path: string, pathType = 'Prefix') =>
  `{ rules: [{ host: shop.example, http: { paths: [{ path: ${path}, pathType: ${pathType}, backend: ${toWeb} }] } }] }`

const routeObjects = ({ routes }: IngressIntent): RouteObject[] =>
  routes.map(({ host, path, ...rest }) => ({
    kind: 'route',
    key: `ingress/shop/web/${ingressPlace({ host, path })}`,
    app: 'shop/web',
    hosts: [host],
    matches: [{ path, headers: [] }],
    ...rest,
    since: 1,
  }))

/** What the backend gets of a request, or the status. */
function target(intent: IngressIntent, path: string, host = 'shop.example'): string | number {
  const request = { method: 'GET', host, path, headers: [] }
  const { status, destination } = explain(routeObjects(intent), request)
  return status === 200 ? `${destination!.releases[0]!.release} ${destination!.target}` : status
}

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
    metadata: { name: 'two', namespace: 'shop' },
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
      'shop.example/other: path-rewrite is not done here; requests keep their path.',
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

describe('header annotations', () => {
  const headers = (value: string) => one(onPath('/'), { 'haproxy.org/request-set-header': value })

  test('one header, several, and quotes around a value', () => {
    const lines = 'Ingress-ID abcd123\nAnother-Header 12345\n\nCache-Control "no-store,no-cache"\n'
    const { routes, warnings } = headers(lines)
    expect(warnings).toEqual([])
    expect(routes[0]!.requestHeaders?.set).toEqual([
      { name: 'ingress-id', value: 'abcd123' },
      { name: 'another-header', value: '12345' },
      { name: 'cache-control', value: 'no-store,no-cache' },
    ])
  })

  test('the last of one name counts', () => {
    const { routes } = headers('X-Team a\nx-team b')
    expect(routes[0]!.requestHeaders?.set).toEqual([{ name: 'x-team', value: 'b' }])
  })

  const refused: [value: string, told: RegExp][] = [
    ['X-Time %[date]', /the value of X-Time is a format of HAProxy's/],
    ['Host other.example', /Host: this header frames or routes/],
    ['X-Forwarded-For 10.0.0.1', /X-Forwarded-For: this header frames or routes/],
    ['Lonely', /"Lonely" is no name with a value/],
    ['Bad(Name) x', /Bad\(Name\): use an HTTP field name/],
  ]
  for (const [value, told] of refused) {
    test(`${value} is told, and not set`, () => {
      const { routes, warnings } = headers(value)
      expect(routes[0]!.requestHeaders).toBeUndefined()
      expect(warnings).toEqual([expect.stringMatching(told)])
    })
  }

  test('set-host is what the backend gets', () => {
    const intent = one(onPath('/'), { 'haproxy.org/set-host': 'example.local' })
    const request = { method: 'GET', host: 'shop.example', path: '/', headers: [] }
    expect(explain(routeObjects(intent), request).destination?.host).toBe('example.local')
  })
})

describe('other annotations', () => {
  const warned = (annotations: Record<string, string>) => one(onPath('/'), annotations).warnings

  test('what asks for what is done anyway is not told', () => {
    const asked = {
      'haproxy.org/load-balance': 'leastconn',
      'haproxy.com/ssl-redirect': 'false',
      'ingress.kubernetes.io/forwarded-for': 'true',
      'kubernetes.io/ingress.class': 'switchyard',
      'kubectl.kubernetes.io/last-applied-configuration': '{}',
      'cert-manager.io/issuer': 'x',
    }
    expect(warned(asked)).toEqual([])
    expect(warned({ 'haproxy.org/load-balance': 'roundrobin' })).toEqual([])
  })

  const notDone = [
    ['load-balance', 'source'],
    ['timeout-server', '5s'],
    ['timeout-check', '5s'],
    ['response-set-header', 'X-A b'],
    ['rate-limit-requests', '15'],
    ['cors-enable', 'true'],
    ['ssl-redirect', 'true'],
    ['forwarded-for', 'false'],
    ['backend-config-snippet', 'http-send-name-header x'],
    ['an-annotation-of-tomorrow', 'x'],
  ] as const
  for (const [name, value] of notDone) {
    test(`${name}: ${value} is told by name, and the route stands`, () => {
      for (const prefix of ['haproxy.org', 'haproxy.com', 'ingress.kubernetes.io']) {
        const intent = one(onPath('/'), { [`${prefix}/${name}`]: value })
        expect(intent.warnings).toEqual([
          expect.stringMatching(new RegExp(`^${prefix}/${name} is not done`)),
        ])
        expect(target(intent, '/')).toBe('shop/web:http /')
      }
    })
  }

  test('the waits that are told are those of the workers', () => {
    const [told] = warned({ 'haproxy.org/timeout-server': '5s' })
    expect(told).toContain(`${workerLimits.responseHeadMs / 1_000} s to come`)
    expect(told).toContain(`pause for ${workerLimits.responseIdleMs / 1_000} s`)
  })

  test('an annotation of another controller is told', () => {
    expect(warned({ 'nginx.ingress.kubernetes.io/rewrite-target': '/$2' })).toEqual([
      "nginx.ingress.kubernetes.io/rewrite-target is another controller's and is not done.",
    ])
  })

  const closing = [
    ['haproxy.org/allow-list', '10.0.0.0/8'],
    [`haproxy.org/${'black'}list`, 'patterns/ips'],
    ['ingress.kubernetes.io/auth-type', 'basic-auth'],
    [`nginx.ingress.kubernetes.io/${'white'}list-source-range`, '10.0.0.0/8'],
    ['nginx.ingress.kubernetes.io/auth-url', 'https://auth.example'],
    ['traefik.ingress.kubernetes.io/router.middlewares', 'shop-auth@kubernetescrd'],
  ] as const
  for (const [key, value] of closing) {
    test(`${key} lets nobody in, rather than everybody`, () => {
      const intent = one(onPath('/'), { [key]: value })
      expect(intent.routes).toEqual([])
      expect(intent.warnings).toEqual([
        `${key}: this may keep people out, which is not done yet, so no request is let in by this Ingress.`,
      ])
    })
  }

  test('spec.tls is told', () => {
    const tls = onPath('/').replace('{', '{ tls: [{ hosts: [shop.example], secretName: tls }],')
    expect(one(tls).warnings).toEqual([
      'spec.tls is not done: its hosts are answered over HTTP alone.',
    ])
  })

  test('no more is told than the limit, and how much more there is', () => {
    const many = Object.fromEntries(
      Array.from({ length: limits.warningsPerIngress + 3 }, (_, n) => [
        `haproxy.org/new-${n}`,
        'x',
      ]),
    )
    const told = warned(many)
    expect(told.length).toBe(limits.warningsPerIngress)
    expect(told.at(-1)).toBe('4 more things are not done.')
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

/** What annotations become, with the meaning that HAProxy's documentation gives them, and what is told instead. */
import { describe, expect, test } from 'vitest'
import { explain } from '#router/reference.ts'
import { workerLimits } from '../../../worker/limits.ts'
import { one, onPath, routeObjects, target, web } from './intent.fixture.ts'

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

describe('response-set-header', () => {
  const headers = (value: string) => one(onPath('/'), { 'haproxy.org/response-set-header': value })

  test('changes the response, the request not', () => {
    const { routes, warnings } = headers('Strict-Transport-Security "max-age=31536000"\nX-A b')
    expect(warnings).toEqual([])
    expect(routes[0]!.requestHeaders).toBeUndefined()
    expect(routes[0]!.responseHeaders?.set).toEqual([
      { name: 'strict-transport-security', value: 'max-age=31536000' },
      { name: 'x-a', value: 'b' },
    ])
  })

  const refused: [value: string, told: RegExp][] = [
    ['X-Time %[date]', /the value of X-Time is a format of HAProxy's/],
    ['Content-Length 5', /Content-Length: this header frames or routes/],
    ['Connection close', /Connection: this header frames or routes/],
    ['Date now', /Date: this header frames or routes/],
    ['Sec-WebSocket-Accept x', /Sec-WebSocket-Accept: this header frames or routes/],
  ]
  for (const [value, told] of refused) {
    test(`${value} is told, and not set`, () => {
      const { routes, warnings } = headers(value)
      expect(routes[0]!.responseHeaders).toBeUndefined()
      expect(warnings).toEqual([expect.stringMatching(told)])
    })
  }
})

describe('timeouts and endpoints', () => {
  const timed = (name: string, value: string) =>
    one(onPath('/'), { [`haproxy.org/timeout-${name}`]: value })
  const cases: [name: string, value: string, timeouts: object][] = [
    ['server', '50s', { idleMs: 50_000 }],
    ['server', '2500', { idleMs: 2_500 }],
    ['server', '1500us', { idleMs: 2 }],
    ['server', '1d', { idleMs: 86_400_000 }],
    ['connect', '250ms', { connectMs: 250 }],
    ['tunnel', '2h', { tunnelIdleMs: 7_200_000 }],
  ]
  for (const [name, value, timeouts] of cases) {
    test(`timeout-${name}: ${value}`, () => {
      const { routes, warnings } = timed(name, value)
      expect(routes[0]!.timeouts).toEqual(timeouts)
      expect(warnings).toEqual([])
    })
  }

  test('several together, on every path', () => {
    const { routes } = one(onPath('/foo'), {
      'haproxy.org/timeout-server': '1m',
      'haproxy.org/timeout-connect': '1s',
      'haproxy.org/path-rewrite': '/foo/(.*) /\\1',
    })
    const timeouts = { idleMs: 60_000, connectMs: 1_000 }
    expect(routes.map((route) => route.timeouts)).toEqual([timeouts, timeouts])
  })

  const balanced: [value: string, loadBalance: object | undefined][] = [
    ['leastconn', undefined],
    ['roundrobin', { type: 'round-robin' }],
    ['static-rr', { type: 'round-robin' }],
    ['random', { type: 'random' }],
    ['random(2)', { type: 'random' }],
    ['source', { type: 'client-address' }],
    ['uri', { type: 'path' }],
    ['hdr(X-User)', { type: 'header', header: 'x-user' }],
  ]
  for (const [value, loadBalance] of balanced) {
    test(`load-balance: ${value}`, () => {
      const { routes, warnings } = one(onPath('/'), { 'haproxy.org/load-balance': value })
      expect(routes[0]!.loadBalance).toEqual(loadBalance)
      expect(warnings).toEqual([])
    })
  }
})

describe('annotations of the Service', () => {
  const asked = (ingress: Record<string, string>, service: Record<string, string>) =>
    one(onPath('/'), ingress, [{ ...web, metadata: { ...web.metadata, annotations: service } }])

  test('come before those of the Ingress, one by one', () => {
    const { routes, warnings } = asked(
      {
        'haproxy.org/timeout-server': '5s',
        'haproxy.org/timeout-connect': '1s',
        'haproxy.org/load-balance': 'source',
      },
      { 'haproxy.org/timeout-server': '90s', 'haproxy.com/load-balance': 'uri' },
    )
    expect(routes[0]).toMatchObject({
      timeouts: { idleMs: 90_000, connectMs: 1_000 },
      loadBalance: { type: 'path' },
    })
    expect(warnings).toEqual([])
  })

  test('leastconn takes back what the Ingress says', () => {
    const { routes } = asked(
      { 'haproxy.org/load-balance': 'source' },
      { 'haproxy.org/load-balance': 'leastconn' },
    )
    expect(routes[0]!.loadBalance).toBeUndefined()
  })

  test('that are not done are told, with the name of the Service', () => {
    const { routes, warnings } = asked(
      {},
      {
        'haproxy.org/path-rewrite': '/',
        'haproxy.org/allow-list': '10.0.0.0/8',
        'haproxy.org/cookie-persistence': 'pod',
        'haproxy.org/load-balance': 'first',
        'haproxy.org/check': 'true',
        'kubectl.kubernetes.io/last-applied-configuration': '{}',
      },
    )
    expect(routes).toHaveLength(1)
    expect(warnings).toEqual([
      'Service web: haproxy.org/allow-list is not done: on a Service it keeps nobody out.',
      expect.stringMatching(/^Service web: haproxy.org\/check is not done: whether a pod/),
      'Service web: haproxy.org/cookie-persistence is not done.',
      expect.stringMatching(/^Service web: haproxy.org\/load-balance is not done: "first", where/),
      'Service web: haproxy.org/path-rewrite is not done: it is read on an Ingress alone.',
    ])
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
  })

  const notDone = [
    ['load-balance', 'first'],
    ['load-balance', 'url_param(user)'],
    ['load-balance', 'random(3)'],
    ['load-balance', 'hdr(bad name)'],
    ['timeout-server', 'soon'],
    ['timeout-server', '0'],
    ['timeout-tunnel', '2d'],
    ['timeout-check', '5s'],
    ['timeout-client', '5s'],
    ['timeout-client-fin', '5s'],
    ['timeout-http-request', '5s'],
    ['timeout-http-keep-alive', '5s'],
    ['timeout-queue', '5s'],
    ['response-set-header', 'Transfer-Encoding chunked'],
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
    const seconds = (ms: number) => `${ms / 1_000} s`
    const { headMs, idleMs, writeStallMs, bodyWindowMs, bodyWindowBytesMin } = workerLimits
    const [client] = warned({ 'haproxy.org/timeout-client': '5s' })
    expect(client).toContain(`${seconds(headMs)} for a head`)
    expect(client).toContain(`${bodyWindowBytesMin / (bodyWindowMs / 1_000)} bytes a second`)
    expect(client).toContain(`${seconds(writeStallMs)} while`)
    const [head] = warned({ 'haproxy.org/timeout-http-request': '5s' })
    expect(head).toContain(`${seconds(headMs)} to come`)
    const [idle] = warned({ 'haproxy.org/timeout-http-keep-alive': '5s' })
    expect(idle).toContain(`kept for ${seconds(idleMs)}`)
  })

  test('an annotation of another controller is told', () => {
    expect(warned({ 'nginx.ingress.kubernetes.io/rewrite-target': '/$2' })).toEqual([
      "nginx.ingress.kubernetes.io/rewrite-target is not done: it is another controller's.",
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

  test('the same under two prefixes: one counts, the other is told', () => {
    const intent = one(onPath('/'), {
      'haproxy.org/load-balance': 'source',
      'haproxy.com/load-balance': 'random',
    })
    expect(intent.routes[0]!.loadBalance).toEqual({ type: 'random' })
    expect(intent.warnings).toEqual([
      'haproxy.org/load-balance is not done: haproxy.com/load-balance is there too and counts.',
    ])
  })

  test('one without a value asks for nothing, and is told', () => {
    expect(warned({ 'haproxy.org/load-balance': ' ', 'haproxy.org/allow-list': '' })).toEqual([
      'haproxy.org/allow-list is not done: it has no value.',
      'haproxy.org/load-balance is not done: it has no value.',
    ])
  })

  test('more headers than a route can set: none is set, and the route stands', () => {
    const lines = (count: number) => Array.from({ length: count }, (_, n) => `X-${n} a`).join('\n')
    const asked = (count: number) =>
      one(onPath('/'), { 'haproxy.org/response-set-header': lines(count) })
    expect(asked(32).routes[0]!.responseHeaders?.set).toHaveLength(32)
    const over = asked(33)
    expect(over.routes[0]!.responseHeaders).toBeUndefined()
    expect(over.warnings).toEqual([
      expect.stringMatching(
        /^haproxy\.org\/response-set-header is not done: .*32.*; none is set\.$/,
      ),
    ])
  })
})

/** The Lease's holder brings Ingress objects to control, and tells the objects what became of it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../../../pilot/fleet.fixture.ts'
import { clusterInMemory, deskInMemory } from './cluster.fixture.ts'
import { blueGreen } from './ingress.fixture.ts'
import { keepIngresses } from './keeper.ts'

const timing = { leaseMs: 5, restingMs: 100, servingMs: 10 }

let cluster: ReturnType<typeof clusterInMemory>
let control: ReturnType<typeof deskInMemory>
let holder: boolean
let said: string[]
let stop: () => Promise<void>

beforeEach(() => {
  cluster = clusterInMemory()
  control = deskInMemory()
  holder = true
  said = []
})
afterEach(() => stop())

function start(
  addresses: readonly string[] = ['192.0.2.1', 'edge.example'],
  name = 'eu-1-a',
): void {
  const stopping = new AbortController()
  const keeping = keepIngresses(
    {
      client: cluster.client,
      desk: control.desk,
      isHolder: () => holder,
      name,
      classes: ['switchyard'],
      addresses,
      log: (code, text) => said.push(`${code}: ${text}`),
      timing,
    },
    stopping.signal,
  )
  stop = async () => {
    stopping.abort()
    await keeping
  }
}

const ingress = (
  name: string,
  more: { path?: string; class?: string; annotations?: string } = {},
) => `
kind: Ingress
metadata: { name: ${name}, annotations: { ${more.annotations ?? ''} } }
spec:
  ingressClassName: ${more.class ?? 'switchyard'}
  rules:
    - host: ${name}.example
      http:
        paths:
          - path: ${more.path ?? '/'}
            pathType: Prefix
            backend: { service: { name: web, port: { number: 80 } } }
`
const web = `
kind: Service
metadata: { name: web }
spec: { ports: [{ name: http, port: 80 }] }
`
const puts = () => control.calls.filter((call) => call.startsWith('put'))
const ids = () => [...control.held.keys()].sort().join()

describe('the keeper of Ingress objects', () => {
  it('brings the post that was applied, and nothing when a Service selects other pods', async () => {
    cluster.apply(blueGreen('blue'))
    start()
    await until('both', () => ids() === 'shop/app,shop/test')
    expect(control.held.get('shop/test')?.routes).toMatchObject([
      {
        path: { value: '/test' },
        service: 'shop/app-bg:port-1',
        rewrite: { path: { value: '/' } },
      },
    ])
    const before = puts().length
    cluster.apply(blueGreen('green'))
    // A Service that comes after the flipped ones: when it has counted, they have.
    cluster.apply(ingress('late').replace('web', 'late'))
    cluster.apply(web.replace('web', 'late'))
    await until('it counts', () => control.held.get('shop/late')?.warnings.length === 0)
    expect(puts().filter((put) => put !== 'put shop/late').length).toBe(before)
  })

  it('puts what changed, removes what is gone or of another class', async () => {
    cluster.apply(
      [web, ingress('one'), ingress('two'), ingress('three', { class: 'nginx' })].join('---'),
    )
    start()
    await until('two of them', () => ids() === 'shop/one,shop/two')
    cluster.apply(ingress('one', { path: '/cart' }))
    await until('the change', () => control.held.get('shop/one')?.routes[0]?.path.value === '/cart')
    cluster.apply(ingress('two', { class: 'nginx' }))
    await until('one is left', () => ids() === 'shop/one')
    cluster.remove('Ingress', 'one')
    await until('none', () => ids() === '')
    expect(puts()).toEqual(['put shop/one', 'put shop/two', 'put shop/one'])
  })

  it('mends what control has, by its hash, and takes nothing away before all is known', async () => {
    control.held.set('shop/old', {
      namespace: 'shop',
      name: 'old',
      uid: 'x',
      hash: '0',
      class: 'c',
      routes: [],
      warnings: [],
    })
    cluster.apply([web, ingress('one')].join('---'))
    start()
    await until('it is so', () => ids() === 'shop/one')
    control.held.clear()
    await until('it is so again', () => ids() === 'shop/one')
    expect(control.calls.indexOf('remove shop/old')).toBeLessThan(
      control.calls.indexOf('put shop/one'),
    )
  })

  it('writes the status once every agent serves it, and not before', async () => {
    cluster.apply([web, ingress('one')].join('---'))
    start()
    await until('some lists', () => control.calls.filter((call) => call === 'list').length > 3)
    expect(cluster.statuses.size).toBe(0)
    control.serve(true)
    await until('the status', () => cluster.statuses.size === 1)
    expect(cluster.statuses.get('shop/one')).toEqual([
      { ip: '192.0.2.1' },
      { hostname: 'edge.example' },
    ])
  })

  it("writes the address of a Service's load balancer", async () => {
    const edge = `
kind: Service
metadata: { name: edge }
spec: { type: LoadBalancer, ports: [{ port: 80 }] }
status: { loadBalancer: { ingress: [{ ip: 198.51.100.7 }] } }
`
    cluster.apply([web, edge, ingress('one')].join('---'))
    control.serve(true)
    start(['service/shop/edge'])
    await until('the status', () => cluster.statuses.size === 1)
    expect(cluster.statuses.get('shop/one')).toEqual([{ ip: '198.51.100.7' }])
  })

  it('tells on the object what is not done and what was refused, each once', async () => {
    const refusal = { code: 'route-conflict', detail: 'route/shop/default has it.' }
    control.refusals.set('shop/two', refusal)
    cluster.apply(
      [
        web,
        ingress('one', { annotations: '"haproxy.org/cors-enable": "true"' }),
        ingress('two'),
      ].join('---'),
    )
    start()
    const expected = [
      'NotDone: haproxy.org/cors-enable is not done.',
      'Refused: route-conflict: route/shop/default has it.',
    ]
    await until('both', () => cluster.events().length === 2)
    expect(cluster.events().sort()).toEqual(expected)
    await until('it was tried again', () => puts().filter((put) => put.endsWith('two')).length > 2)
    await stop()
    start([], 'eu-1-b')
    await until(
      'the next one has tried',
      () => puts().filter((put) => put.endsWith('two')).length > 4,
    )
    expect(cluster.events().sort()).toEqual(expected)
    control.refusals.clear()
    await until('it is taken', () => ids() === 'shop/one,shop/two')
  })

  it('tells in more Events what one has no room for, and again what could not be written', async () => {
    cluster.failEvents(2)
    const annotations = Array.from(
      { length: 40 },
      (_, n) => `"haproxy.org/${'x'.repeat(40)}-${n}": "1"`,
    )
    cluster.apply([web, ingress('one', { annotations: annotations.join() })].join('---'))
    start()
    const told = () => cluster.events().join(' ')
    await until('all of them', () => annotations.every((one) => told().includes(one.slice(1, -6))))
    expect(cluster.events().length).toBe(3)
    expect(said).toEqual([expect.stringMatching(/^ingress-trouble: Events in shop: .*500/)])
  })

  it('leaves what could not be written to whoever leads next', async () => {
    cluster.failEvents(1_000)
    cluster.apply(
      [web, ingress('one', { annotations: '"haproxy.org/cors-enable": "true"' })].join('---'),
    )
    start()
    await until('it could not be', () => said.length === 1)
    await stop()
    expect(cluster.events()).toEqual([])
    cluster.failEvents(0)
    start([], 'eu-1-b')
    await until('it is told', () => cluster.events().length === 1)
    expect(puts()).toEqual(['put shop/one'])
  })

  it('tells on the object who was refused because it was there first, each once', async () => {
    cluster.apply([web, ingress('one'), ingress('two')].join('---'))
    start()
    await until('both', () => ids() === 'shop/one,shop/two')
    const lists = () => control.calls.filter((call) => call === 'list').length
    const more = async () => {
      const before = lists()
      await until('two lists more', () => lists() > before + 2)
    }
    control.claims.set('shop/one', 'route/late/default says the same on one.example.')
    await more()
    const first = 'Conflict: route/late/default says the same on one.example.'
    expect(cluster.events()).toEqual([first])
    await stop()
    start([], 'eu-1-b')
    await more()
    expect(cluster.events()).toEqual([first])
    control.claims.set('shop/one', 'route/later/default says the same on one.example.')
    await more()
    expect(cluster.events()).toEqual([
      first,
      'Conflict: route/later/default says the same on one.example.',
    ])
  })

  it('tells control when an object is gone that was refused', async () => {
    const refusal = { code: 'route-conflict', detail: 'route/shop/default has it.' }
    control.refusals.set('shop/one', refusal)
    cluster.apply([web, ingress('one')].join('---'))
    start()
    await until('it is refused', () => cluster.events().length === 1)
    cluster.remove('Ingress', 'one')
    await until('control knows', () => control.calls.includes('remove shop/one'))
  })

  it('does without Events and status where it may not write them, and says so once', async () => {
    cluster.closed.add('shop')
    control.serve(true)
    cluster.apply(
      [web, ingress('one', { annotations: '"haproxy.org/cors-enable": "true"' })].join('---'),
    )
    start()
    await until('it is there', () => ids() === 'shop/one')
    await until('it says so', () => said.length === 2)
    expect(said[0]).toMatch(/^ingress-trouble: Events in shop: .*403/)
    expect(said[1]).toMatch(/^ingress-trouble: the status of Ingresses in shop: .*403/)
  })

  it('waits for control, and for the Lease', async () => {
    holder = false
    control.leave(true)
    cluster.apply([web, ingress('one')].join('---'))
    start()
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(cluster.watchCount()).toBe(0)
    holder = true
    await until(
      'it says that control is away',
      () => said.join() === 'ingress-trouble: control is away',
    )
    control.leave(false)
    await until('it is there', () => ids() === 'shop/one')
    holder = false
    await until('no watch is left', () => cluster.watchCount() === 0)
    const { length } = control.calls
    cluster.apply(ingress('two'))
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(control.calls.length).toBe(length)
  })
})

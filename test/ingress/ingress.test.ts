/**
 * Ingress objects of a real API server, with its own controllers: the shape of HAProxy's blue-green post, applied
 * with our class, becomes routes; the selector flip moves endpoints; statuses and Events are on the objects.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { explain } from '#router/reference.ts'
import type { RouteObject, SnapshotObject } from '#wire/object.ts'
import type { Endpoints } from '../../agent/link.ts'
import { createIngressDesk } from '../../agent/pilot/session/ingress-desk.ts'
import {
  createKubernetesClient,
  type KubernetesClient,
} from '../../agent/platform/kubernetes/api/client.ts'
import { followObjects } from '../../agent/platform/kubernetes/api/list-watch.ts'
import { followedEndpoints } from '../../agent/platform/kubernetes/endpoints/followed-endpoints.ts'
import { blueGreen } from '../../agent/platform/kubernetes/ingress/ingress.fixture.ts'
import { keepIngresses } from '../../agent/platform/kubernetes/ingress/keeper.ts'
import { type AgentUnderTest, enrolAgent } from '../../control/agent-under-test.ts'
import { type ControlUnderTest, shop, startControl } from '../../control/control-under-test.ts'
import { until } from '../../deploy/local/until.ts'
import { whyNoLab } from '../lab/availability.ts'
import { type Cluster, startCluster } from '../lab/start-cluster.ts'

const flips = 20

describe.skipIf(whyNoLab({ nodes: false }))('Ingress objects', { timeout: 120_000 }, () => {
  const stopping = new AbortController()
  const running: Promise<unknown>[] = []
  let cluster: Cluster
  let client: KubernetesClient
  let control: ControlUnderTest
  let agent: AgentUnderTest
  let told: Endpoints = {}
  let onTold = () => {}
  const said: string[] = []

  beforeAll(async () => {
    cluster = await startCluster({ name: 'ingress', nodes: false })
    client = await createKubernetesClient(cluster.kubeconfig)
    control = await startControl(['eu-1'])
    agent = await enrolAgent(control, 'eu-1', 'eu-1-a')
    await agent.report()
    await cluster.kubectl(['create', 'namespace', 'shop'])
    const { url } = control
    const endpoints = followedEndpoints(
      'eu-1',
      {
        onEndpoints(next) {
          told = next
          onTold()
        },
        onTrouble: (text) => said.push(text),
      },
      (code, text) => said.push(`${code}: ${text}`),
    )
    endpoints.setBackends([], [], ['shop/app:port-1', 'shop/app-bg:port-1'])
    running.push(endpoints.follow(client, stopping.signal))
    running.push(
      keepIngresses(
        {
          client,
          desk: createIngressDesk({ url, cluster: 'eu-1', token: agent.token }),
          isHolder: () => true,
          name: 'eu-1-a',
          classes: ['switchyard'],
          addresses: ['192.0.2.7', 'edge.example'],
          log: (code, text) => said.push(`${code}: ${text}`),
          timing: { leaseMs: 100, restingMs: 500, servingMs: 100 },
        },
        stopping.signal,
      ),
    )
  }, 300_000)
  afterAll(async () => {
    stopping.abort()
    await Promise.all(running)
    client?.close()
    await control?.stop()
    await cluster?.stop()
  })

  const apply = (yaml: string) =>
    cluster.kubectl(['apply', '-n', 'shop', '--validate=strict', '-f', '-'], yaml)
  const json = async (...args: string[]) =>
    JSON.parse(await cluster.kubectl(['get', '-n', 'shop', '-o', 'json', ...args]))
  const shown = async () =>
    (await control.call('GET', '/v1/clusters/eu-1/ingresses')).body.ingresses as unknown as {
      name: string
      served?: boolean
      warnings?: string[]
      refused: { code: string } | null
    }[]
  const objects = async () =>
    (await control.call('GET', '/v1/clusters/eu-1/snapshot')).body
      .objects as unknown as SnapshotObject[]
  const addresses = (id: string) => (told[id] ?? []).map(({ address }) => address).join()

  const untilTrue = (what: string, look: () => boolean) => until(what, look, (is) => is)

  /** Nobody runs the pods here: they are said to be on a node, and ready, each at an address of its own. */
  async function readyPods(): Promise<void> {
    const pods = await until(
      'the pods',
      async () => (await json('pods')).items as { metadata: { name: string } }[],
      (items) => items.length === 10,
    )
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'nowhere' } }
    await client.call({ method: 'POST', path: '/api/v1/nodes', body: node })
    for (const [n, { metadata }] of pods.entries()) {
      const pod = `/api/v1/namespaces/shop/pods/${metadata.name}`
      const target = { kind: 'Node', name: 'nowhere' }
      const body = {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name: metadata.name },
        target,
      }
      await client.call({ method: 'POST', path: `${pod}/binding`, body })
      const isGreen = metadata.name.startsWith('app-green')
      const podIP = `10.1.${isGreen ? 1 : 0}.${n + 1}`
      await client.call({
        method: 'PATCH',
        path: `${pod}/status`,
        contentType: 'application/strategic-merge-patch+json',
        body: {
          status: {
            phase: 'Running',
            podIP,
            podIPs: [{ ip: podIP }],
            conditions: [{ type: 'Ready', status: 'True' }],
          },
        },
      })
    }
  }
  const colours = (id: string) =>
    new Set(
      (told[id] ?? []).map(({ address }) => (address.startsWith('10.1.1.') ? 'green' : 'blue')),
    )
  const isAll = (id: string, colour: string) =>
    told[id]?.length === 5 && [...colours(id)].join() === colour

  test('of our class are routes; their Services have the ready pods', async () => {
    await apply(blueGreen())
    await readyPods()
    await until('both are known', shown, (all) => all.length === 2)
    const routes = (await objects()).filter((one): one is RouteObject => one.kind === 'route')
    const ask = (path: string) => {
      const request = { method: 'GET', host: '192.168.99.100', path, headers: [] }
      const { releases, target } = explain(routes, request).destination!
      return `${releases[0]!.release} ${target}`
    }
    expect(ask('/cart')).toBe('shop/app:port-1 /cart')
    expect(ask('/test')).toBe('shop/app-bg:port-1 /')
    expect((await shown()).flatMap(({ warnings }) => warnings)).toEqual([])
    await untilTrue('blue', () => isAll('shop/app:port-1', 'blue'))
    await untilTrue('green', () => isAll('shop/app-bg:port-1', 'green'))
  })

  test('have the addresses in their status once every agent serves them', async () => {
    expect((await json('ingress', 'app')).status.loadBalancer).toEqual({})
    await agent.report()
    const ingress = await until(
      'the status',
      () => json('ingress', 'app'),
      ({ status }) => status.loadBalancer.ingress !== undefined,
    )
    expect(ingress.status.loadBalancer.ingress).toEqual([
      { ip: '192.0.2.7' },
      { hostname: 'edge.example' },
    ])
    // Our own write makes no new hash: nothing is put again.
    const { length } = await history()
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect((await history()).length).toBe(length)
  })
  const history = async () =>
    (await control.call('GET', '/v1/audit?type=put-ingress&limit=100')).body
      .entries as unknown as unknown[]

  test(`follow a Service whose selector flips, ${flips} times, control aside`, async () => {
    const seen = followedSlices(client, stopping.signal)
    running.push(seen.ended)
    const ownMs: number[] = []
    const theirMs: number[] = []
    const revision = control.head()
    for (let n = 0; n < flips; n++) {
      const to = n % 2 === 0 ? ['0.0.2', 'green'] : ['0.0.1', 'blue']
      const moved = Promise.withResolvers<number>()
      onTold = () => {
        if (isAll('shop/app:port-1', to[1]!)) moved.resolve(performance.now())
      }
      const patch = { spec: { selector: { run: 'app', version: to[0] } } }
      const atMs = performance.now()
      const path = '/api/v1/namespaces/shop/services/app'
      const contentType = 'application/merge-patch+json'
      await client.call({ method: 'PATCH', path, contentType, body: patch })
      const toldMs = await moved.promise
      const eventMs = await seen.firstAfter('app', atMs)
      ownMs.push(Math.max(0, toldMs - eventMs))
      theirMs.push(eventMs - atMs)
    }
    const list = (ms: number[]) =>
      ms
        .toSorted((a, b) => a - b)
        .map((one) => one.toFixed(1))
        .join(' ')
    console.log(`from the EndpointSlice's event to the agent's endpoints, ms: ${list(ownMs)}`)
    console.log(
      `from the call to the EndpointSlice's event (Kubernetes' own), ms: ${list(theirMs)}`,
    )
    expect(Math.max(...ownMs)).toBeLessThan(20)
    expect(control.head()).toBe(revision)
  })

  test('that meet the route of an app are refused; both the object and the API say so', async () => {
    await control.call('PUT', '/v1/apps/shop', {
      body: { ...shop, clusters: ['eu-1'], hosts: ['shop.example'] },
    })
    await apply(ingress('late', 'shop.example', '"haproxy.org/cors-enable": "true"'))
    await until('the refusal', shown, (all) =>
      all.some(({ name, refused }) => name === 'late' && refused?.code === 'route-conflict'),
    )
    const notes = await until(
      'both Events',
      () => notesOn('late'),
      ({ length }) => length === 2,
    )
    expect(notes.sort()).toEqual([
      'Warning NotDone haproxy.org/cors-enable is not done.',
      expect.stringMatching(/^Warning Refused route-conflict: .*route\/shop\//),
    ])
    expect((await json('ingress', 'late')).status.loadBalancer).toEqual({})
    // It goes on trying; when the older route is gone it is taken.
    await control.call('DELETE', '/v1/apps/shop')
    await until('it is taken', shown, (all) =>
      all.some(({ name, refused }) => name === 'late' && refused === null),
    )
  })

  test('have what their annotations ask for; what no route can have is named', async () => {
    await apply(
      ingress(
        'asks',
        'asks.example',
        [
          `"haproxy.org/response-set-header": "X-Frame-Options DENY"`,
          `"haproxy.org/timeout-server": "2500ms"`,
          `"haproxy.org/timeout-queue": "5s"`,
          `"haproxy.org/load-balance": "source"`,
        ].join(),
      ),
    )
    await until('it is known', shown, (all) => all.some(({ name }) => name === 'asks'))
    const route = (await objects()).find(({ key }) => key === 'ingress/shop/asks/asks.example/')
    expect(route).toMatchObject({
      responseHeaders: { set: [{ name: 'x-frame-options', value: 'DENY' }] },
      timeouts: { idleMs: 2_500 },
      loadBalance: { type: 'client-address' },
    })
    // Its Service says otherwise, and comes first.
    const onService = (annotation: string) =>
      cluster.kubectl(['annotate', '-n', 'shop', 'service', 'app', annotation])
    await onService('haproxy.org/timeout-server=9s')
    await until('the Service is heard', objects, (all) =>
      all.some((one) => one.kind === 'route' && one.timeouts?.idleMs === 9_000),
    )
    await onService('haproxy.org/timeout-server-')
    const [note, ...more] = await until(
      'the Event',
      () => notesOn('asks'),
      ({ length }) => length > 0,
    )
    expect(more).toEqual([])
    expect(note).toMatch(/^Warning NotDone haproxy\.org\/timeout-queue is not done: no request is/)
    await cluster.kubectl(['delete', 'ingress', '-n', 'shop', 'asks'])
    await until('it is gone', shown, (all) => all.every(({ name }) => name !== 'asks'))
  })
  const notesOn = async (name: string) =>
    (
      (await json('events.events.k8s.io')).items as {
        reason: string
        type: string
        note: string
        regarding: { kind: string; name: string }
      }[]
    )
      .filter(({ regarding }) => regarding.kind === 'Ingress' && regarding.name === name)
      .map(({ type, reason, note }) => `${type} ${reason} ${note}`)

  test('that are deleted, or get another class, are routes no more', async () => {
    await cluster.kubectl(['delete', 'ingress', '-n', 'shop', 'late'])
    const patch = '{"spec":{"ingressClassName":"nginx"}}'
    await cluster.kubectl(['patch', 'ingress', '-n', 'shop', 'test', '-p', patch])
    await until('one is left', shown, (all) => all.map(({ name }) => name).join() === 'app')
    expect((await objects()).map(({ key }) => key)).toEqual(['ingress/shop/app/*/'])
    expect(addresses('shop/app:port-1')).not.toBe('')
  })

  test('nothing else was said', () => {
    expect(said.filter((text) => !text.startsWith('ingress-refused'))).toEqual([])
  })
})

const ingress = (name: string, host: string, annotations: string) => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: ${name}
  annotations: { ${annotations} }
spec:
  ingressClassName: switchyard
  rules:
    - host: ${host}
      http:
        paths:
          - { path: /, pathType: Prefix, backend: { service: { name: app, port: { number: 80 } } } }
`

/** When events of a Service's slices came, by a watch of the test's own. */
function followedSlices(client: KubernetesClient, signal: AbortSignal) {
  const events: { readonly service: string; readonly atMs: number }[] = []
  const followed = {
    path: '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices',
    read: (object: unknown) =>
      (object as { metadata: { labels: Record<string, string> } }).metadata.labels[
        'kubernetes.io/service-name'
      ] ?? '',
    onListed() {},
    onChanged: (service: string) => void events.push({ service, atMs: performance.now() }),
    onRemoved() {},
    onTrouble() {},
  }
  const ended = followObjects(client, followed, signal)
  const firstAfter = async (service: string, sinceMs: number) => {
    const look = () => events.find((one) => one.service === service && one.atMs > sinceMs)
    return (await until('the event', look, (found) => found !== undefined, 15_000, 1))!.atMs
  }
  return { ended, firstAfter }
}

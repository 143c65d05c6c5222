/**
 * A whole agent (supervisor, pilot, a worker) in front of a Service: control has its Ingress, an API server its
 * EndpointSlices, and real requests go where the Service's selector points, through every flip.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, createServer, type IncomingHttpHeaders, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOf } from '#wire/digest.ts'
import { createIngressDesk } from '../../agent/pilot/session/ingress-desk.ts'
import {
  type FakeApiServer,
  startFakeApiServer,
} from '../../agent/platform/kubernetes/api/api-server.fixture.ts'
import { sliceOf } from '../../agent/platform/kubernetes/endpoints/slices/slices.fixture.ts'
import { type Supervisor, startSupervisor } from '../../agent/supervisor.ts'
import { enrolAgent } from '../../control/agent-under-test.ts'
import { type ControlUnderTest, startControl } from '../../control/control-under-test.ts'
import { freePorts } from '../../deploy/local/ports.ts'
import { until } from '../../deploy/local/until.ts'

const flips = 50

interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

describe('an agent in front of a Service', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'swy-ingress-'))
  const keepAlive = new Agent({ keepAlive: true })
  const stopping = new AbortController()
  let control: ControlUnderTest
  let kubernetes: FakeApiServer
  let blue: Server
  let green: Server
  let agent: Supervisor
  let adminPort: number

  beforeAll(async () => {
    adminPort = (await freePorts(['eu-1'], 1)).agents['eu-1-a']!.admin
    ;[blue, green] = await Promise.all([startPod('blue'), startPod('green')])
    kubernetes = await startFakeApiServer()
    control = await startControl(['eu-1'])
    const free = { host: '127.0.0.1', port: 0 }
    agent = startSupervisor(
      {
        cluster: 'eu-1',
        name: 'eu-1-a',
        stateFolder: join(folder, 'agent'),
        listen: free,
        probe: free,
        admin: { host: '127.0.0.1', port: adminPort },
        workers: 1,
        control: { url: control.url, enrolmentToken: control.enrolmentToken('eu-1') },
        nats: null,
        platform: { type: 'kubernetes', kubeconfig: kubernetes.kubeconfig },
        ingress: { classes: ['switchyard'], addresses: [] },
      },
      { log: () => {} },
    )
    await agent.listening
    select('app', blue)
    select('app-bg', green)
    // Whoever holds the Lease brings the object: here an agent that is a token alone, and soon forgotten.
    const leader = await enrolAgent(control, 'eu-1', 'eu-1-b')
    const { url } = control
    const desk = createIngressDesk({ url, cluster: 'eu-1', token: leader.token })
    const put = (name: string, path: string, service: string, rewrite: object) => {
      const route = { host: '*', path: { type: 'PathPrefix' as const, value: path }, service }
      const intent = {
        uid: name,
        hash: digestOf(name),
        class: 'switchyard',
        routes: [{ ...route, ...rewrite }],
        warnings: [],
      }
      return desk.put('shop', name, intent, stopping.signal)
    }
    expect(await put('app', '/', 'shop/app:http', {})).toBeNull()
    const whole = { rewrite: { path: { type: 'ReplaceFullPath', value: '/' } } }
    expect(await put('test', '/test', 'shop/app-bg:http', whole)).toBeNull()
    const filters = {
      responseHeaders: { set: [{ name: 'x-served-by', value: 'shop' }], remove: ['x-pod'] },
      timeouts: { idleMs: 2_000 },
      loadBalance: { type: 'client-address' },
    }
    expect(await put('slow', '/slow', 'shop/app:http', filters)).toBeNull()
    await control.call('DELETE', '/v1/clusters/eu-1/agents/eu-1-b')
  })
  afterAll(async () => {
    keepAlive.destroy()
    await agent?.stop()
    await control?.stop()
    await kubernetes?.stop()
    blue?.close()
    green?.close()
    rmSync(folder, { recursive: true })
  })

  /** As if the Service's selector had been changed, and Kubernetes had written its slice. */
  function select(service: string, pod: Server): void {
    kubernetes.put(
      sliceOf({
        name: `${service}-x`,
        labels: { 'kubernetes.io/service-name': service },
        ports: [{ name: 'http', port: (pod.address() as AddressInfo).port, protocol: 'TCP' }],
        endpoints: ['127.0.0.1'],
      }),
    )
  }
  function get(path: string, connection: Agent | false = false): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const options = { ...agent.listen, path, agent: connection, headers: { host: 'any.test' } }
      const asked = request(options, (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }),
        )
      })
      asked.on('error', reject)
      asked.end()
    })
  }

  test('answers from the pods that the Service selects, with the path that was asked for', async () => {
    await until(
      'blue',
      () => get('/cart?q=1'),
      ({ text }) => text === 'blue /cart?q=1',
    )
    await until(
      'the preview',
      () => get('/test/cart'),
      ({ text }) => text === 'green /',
    )
  })

  test('is served, as control sees it by its report', async () => {
    const shown = async () => (await control.call('GET', '/v1/clusters/eu-1/ingresses')).body
    await until('served', shown, ({ ingresses }) =>
      (ingresses as unknown as { served: boolean }[]).every(({ served }) => served),
    )
    const agents = (await control.call('GET', '/v1/clusters/eu-1/agents')).body.agents
    expect(agents).toMatchObject([{ condition: 'current', readyEndpoints: {}, inUse: {} }])
  })

  test('changes responses of the path that asks for it, and of no other', async () => {
    const changed = await get('/slow/not')
    expect([changed.status, changed.headers['x-served-by'], changed.headers['x-pod']]).toEqual([
      200,
      'shop',
      undefined,
    ])
    const plain = await get('/')
    expect([plain.headers['x-served-by'], plain.headers['x-pod']]).toEqual([undefined, 'blue'])
  })

  test('waits for a pod as long as the path asks, and counts what it gave up', async () => {
    expect((await get('/slow/never')).status).toBe(504)
    const failed = /failures_total\{[^}]*reason="response-timeout"[^}]*\} 1\b/
    await until('the metric', metrics, (text) => failed.test(text))
  })
  const metrics = async () => {
    const answer = await fetch(`http://127.0.0.1:${adminPort}/metrics`)
    return answer.text()
  }

  test(`loses and misroutes no request in ${flips} flips`, async () => {
    const tookMs: number[] = []
    const faults: string[] = []
    let count = 0
    let old = ''
    let asking = true
    const clients = Array.from({ length: 4 }, async (_, n) => {
      while (asking) {
        const { status, text } = await get('/', n % 2 === 0 ? keepAlive : false)
        count++
        if (status !== 200 || text === `${old} /`) faults.push(`${status} ${text}`)
      }
    })
    for (let n = 0; n < flips; n++) {
      const [to, from] = n % 2 === 0 ? ([green, 'blue'] as const) : ([blue, 'green'] as const)
      old = ''
      const atMs = performance.now()
      select('app', to)
      const is = (text: string) => text !== '' && !text.startsWith(from)
      await until(
        'the flip',
        () => get('/'),
        ({ text }) => is(text),
        5_000,
        0,
      )
      tookMs.push(performance.now() - atMs)
      // What was on its way may still be answered by the old one; then nobody is.
      await new Promise((resolve) => setTimeout(resolve, 50))
      old = from
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    asking = false
    await Promise.all(clients)
    const sorted = tookMs.toSorted((a, b) => a - b)
    const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]!.toFixed(1)
    console.log(
      `${count} requests; from the slice to the first answer of the other pods: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`,
    )
    expect(faults).toEqual([])
    expect(count).toBeGreaterThan(flips * 10)
  })
})

async function startPod(colour: string): Promise<Server> {
  const server = createServer((asked, answer) => {
    answer.setHeader('x-pod', colour)
    if (!asked.url?.endsWith('/never')) answer.end(`${colour} ${asked.url}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

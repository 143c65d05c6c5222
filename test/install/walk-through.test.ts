/**
 * What docs/install.md and docs/kubernetes.md show, on a real node: images as users build them, the manifests as
 * users apply them, version 1, version 2, and back; blue and green that were there before.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../deploy/local/until.ts'
import { whyNoLab } from '../lab/availability.ts'
import { refusedIn, usedIn, writersIn } from './audit.ts'
import { initAgainCases } from './init-again.cases.ts'
import { type Installed, install, shops } from './installed.ts'
import { podsCases } from './pods.cases.ts'
import { recoveryCases } from './recovery.cases.ts'
import { deploy, grantedBy, manifestsOf, render } from './rendered.ts'

const lost = {
  apiVersion: 'switchyard.dev/v1',
  kind: 'App',
  metadata: { name: 'lost' },
  spec: {
    clusters: ['eu-1'],
    hosts: ['lost.example'],
    platform: { type: 'kubernetes', namespace: 'nowhere', port: 8_080 },
    copies: 1,
  },
}

/** Clients inside the cluster call its own Service, which follows what is live. */
const inside = {
  app: {
    ...lost,
    metadata: { name: 'inside' },
    spec: {
      ...lost.spec,
      hosts: ['inside.example'],
      platform: { ...lost.spec.platform, namespace: 'shop', template: 'shop', service: 'inside' },
    },
  },
  service: {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'inside' },
    spec: { selector: { nobody: 'yet' }, ports: [{ port: 80, targetPort: 8_080 }] },
  },
}

/** A Service of somebody's own, and an Ingress that leads to it. */
const web = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: {
        selector: { run: 'app', version: '0.0.1' },
        ports: [{ name: 'http', port: 80, targetPort: 8_080 }],
      },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'web' },
      spec: {
        ingressClassName: 'switchyard',
        rules: [
          {
            host: 'web.example',
            http: {
              paths: [
                {
                  path: '/',
                  pathType: 'Prefix',
                  backend: { service: { name: 'web', port: { number: 80 } } },
                },
              ],
            },
          },
        ],
      },
    },
  ],
}

const documents = (name: string) => ['apply', '-f', join(deploy, 'shop/apps', name), '--watch']

describe.skipIf(whyNoLab({ nodes: true, images: true }))(
  'the walk-through',
  { timeout: 180_000 },
  () => {
    let installed: Installed

    beforeAll(async () => {
      installed = await install()
    }, 1_500_000)
    afterAll(() => installed?.stop())

    test('version 1 at the agents, one POST, version 2, and back', async () => {
      const { switchyard, versionAt } = installed
      await switchyard(...documents('shop.yaml'))
      expect(await versionAt('shop.example')).toBe('0.0.1')
      const body = {
        app: 'shop',
        version: '0.0.2',
        image: 'switchyard-shop:0.0.2',
        autoPromote: true,
      }
      const headers = {
        authorization: `Bearer ${installed.token}`,
        'content-type': 'application/json',
      }
      const asked = await fetch(`${installed.control}/v1/releases`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      })
      expect(asked.status).toBe(201)
      await switchyard('release', 'watch', 'shop-r2')
      expect(await versionAt('shop.example')).toBe('0.0.2')
      await switchyard('release', 'rollback', 'shop-r2')
      expect(await versionAt('shop.example')).toBe('0.0.1')
    })

    test('blue and green as they are: preview, promote, back', async () => {
      const { cluster, switchyard, versionAt } = installed
      await switchyard(...documents('app.yaml'))
      const create = ['release', 'create', 'app', '0.0.2', '--deployment', 'app-green']
      await switchyard(...create, '--preview-path', '/test', '--watch', '--until', 'ready')
      expect([await versionAt('app.example'), await versionAt('app.example', '/test')]).toEqual(
        shops,
      )
      await switchyard('release', 'promote', 'app-r2', '--watch')
      expect(await versionAt('app.example')).toBe('0.0.2')
      // It follows within a second or so, and tells nothing of what was undone meanwhile.
      const untilTold = (live: string, other: string) =>
        until(
          `kubectl tells that ${live} is live, as the API does`,
          () => cluster.kubectl(['-n', 'shop', 'get', 'deploy', '-L', 'switchyard.dev/share']),
          (table) =>
            new RegExp(`^${live} .* 100$`, 'm').test(table) &&
            new RegExp(`^${other} .* 0$`, 'm').test(table),
          10_000,
        )
      await untilTold('app-green', 'app-blue')
      await switchyard('release', 'rollback', 'app-r2')
      expect(await versionAt('app.example')).toBe('0.0.1')
      await untilTold('app-blue', 'app-green')
      await until(
        'and Events tell how it came to that',
        () => cluster.kubectl(['-n', 'shop', 'describe', 'deploy', 'app-green']),
        (text) =>
          [...text.matchAll(/ (Serving|NotServing) .* (\d+) % of the users of app/g)]
            .map(([, reason, share]) => `${reason} ${share}`)
            .sort()
            .join() === 'NotServing 0,Serving 100',
        10_000,
      )
    })

    test('what is left of it: decommission, copies replaced, an Ingress', async () => {
      const { cluster, switchyard, versionAt } = installed
      await switchyard('release', 'decommission', 'shop-r2')
      await until(
        'its Deployment and its Service are gone',
        () => cluster.kubectl(['-n', 'shop', 'get', 'deploy,svc', '-o', 'name']),
        (names) => !names.includes('/shop-r2'),
        60_000,
      )
      const rolling = ['release', 'create', 'shop', '0.0.2', '--image', 'switchyard-shop:0.0.2']
      await switchyard(...rolling, '--strategy', 'rolling', '--auto-promote', '--watch')
      expect(await versionAt('shop.example')).toBe('0.0.2')

      // What a load balancer of the cluster would do.
      const address = { status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } }
      const patch = ['--subresource=status', '--type=merge', '-p', JSON.stringify(address)]
      await cluster.kubectl([
        ...['-n', 'switchyard', 'patch', 'service', 'switchyard-agent'],
        ...patch,
      ])
      await cluster.kubectl(['-n', 'shop', 'apply', '-f', '-'], JSON.stringify(web))
      await until(
        'the status of the Ingress',
        () => cluster.kubectl(['-n', 'shop', 'get', 'ingress', 'web', '-o', 'json']),
        (text) => text.includes('192.0.2.1'),
        60_000,
      )
      expect(await versionAt('web.example')).toBe('0.0.1')
    })

    test("an app's own Service selects what is live", async () => {
      const { cluster, switchyard } = installed
      const file = join(cluster.folder, 'inside.json')
      writeFileSync(file, JSON.stringify(inside.app))
      await cluster.kubectl(['-n', 'shop', 'apply', '-f', '-'], JSON.stringify(inside.service))
      await switchyard('apply', '-f', file)
      const image = ['--image', 'switchyard-shop:0.0.1']
      await switchyard('release', 'create', 'inside', '0.0.1', ...image, '--watch')
      await until(
        'the selector',
        () => cluster.kubectl(['-n', 'shop', 'get', 'service', 'inside', '-o', 'json']),
        (text) => text.includes('"switchyard.dev/deployment": "inside-r1"'),
        60_000,
      )
    })

    test('a namespace that is not there is named while a release waits for it', async () => {
      const { cluster, switchyard } = installed
      const file = join(cluster.folder, 'lost.json')
      writeFileSync(file, JSON.stringify(lost))
      await switchyard('apply', '-f', file)
      await switchyard('release', 'create', 'lost', '1', '--image', 'switchyard-shop:0.0.1')
      const shown = () => switchyard('release', 'show', 'lost-r1')
      const words = 'kubectl create namespace nowhere'
      await until('what to do', shown, (text) => text.includes(words), 60_000)
      await switchyard('release', 'abort', 'lost-r1')
    })

    test('a pod of an agent that is replaced comes back under its name', async () => {
      const { cluster, switchyard } = installed
      const agent = async () => {
        const list = JSON.parse(await switchyard('agent', 'list', 'eu-1', '-o', 'json')) as {
          agents: { agent: string; condition: string; enrolledAtMs: number }[]
        }
        expect(list.agents.map((one) => one.agent).sort()).toEqual([
          'switchyard-agent-0',
          'switchyard-agent-1',
        ])
        return list.agents.find((one) => one.agent === 'switchyard-agent-1')!
      }
      const before = await agent()
      await cluster.kubectl(['-n', 'switchyard', 'delete', 'pod', 'switchyard-agent-1'])
      await until(
        'the agent with a new key',
        agent,
        ({ enrolledAtMs, condition }) =>
          enrolledAtMs > before.enrolledAtMs && condition === 'current',
        60_000,
      )
    })

    initAgainCases(() => installed)

    recoveryCases(() => installed)

    podsCases(() => installed.cluster)

    test('whoever wrote had the Lease, by the pod that the API server names', () => {
      const { cluster } = installed
      const agent = 'system:serviceaccount:switchyard:switchyard-agent'
      const { writes, holders, byOthers } = writersIn(cluster.auditLog!, agent)
      expect(byOthers).toEqual([])
      expect(writes).toEqual(
        expect.arrayContaining([
          'create apps/deployments',
          'create events.k8s.io/events',
          'patch /services',
          'patch networking.k8s.io/ingresses/status',
        ]),
      )
      expect(holders, 'both agents have led').toEqual(['switchyard-agent-0', 'switchyard-agent-1'])
    })

    test('verbs used are verbs granted, of agents and of the init Job, and nothing was refused', async () => {
      const { cluster } = installed
      const manifests = [
        ...manifestsOf(await render('all-in-one')),
        ...manifestsOf(await render('shop')),
      ]
      for (const account of ['switchyard-agent', 'switchyard-init']) {
        const user = `system:serviceaccount:switchyard:${account}`
        expect(refusedIn(cluster.auditLog!, user), account).toEqual([])
        expect(usedIn(cluster.auditLog!, user), account).toEqual(grantedBy(manifests, account))
      }
    })
  },
)

/**
 * What docs/install.md and docs/kubernetes.md show, on a real node: images as users build them, the manifests as
 * users apply them, version 1, version 2, and back; blue and green that were there before.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findNatsServer } from '../../deploy/local/nats-server.ts'
import { until } from '../../deploy/local/until.ts'
import { whyNoLab } from '../lab/availability.ts'
import { buildImage } from '../lab/images.ts'
import { writeProgramImage } from '../lab/oci-archive.ts'
import { type Cluster, startCluster } from '../lab/start-cluster.ts'
import { refusedIn, usedIn, writersIn } from './audit.ts'
import { podsCases } from './pods.cases.ts'
import { pageBlock, recoveryCases } from './recovery.cases.ts'
import { deploy, grantedBy, manifestsOf, render, writeOverlay } from './rendered.ts'

const root = resolve(deploy, '..')
const run = promisify(execFile)
const shops = ['0.0.1', '0.0.2']
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

const withLeaf = `
resources: [../switchyard/deploy/all-in-one]
configMapGenerator:
  - name: switchyard-fleet
    behavior: merge
    literals: [SWITCHYARD_CLUSTERS=us-1, SWITCHYARD_LEAVES=us-1]
`

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

describe.skipIf(whyNoLab({ nodes: true, images: true }))(
  'the walk-through',
  { timeout: 180_000 },
  () => {
    let cluster: Cluster
    let control: string
    let agents: string
    let token: string
    const forwards: ChildProcess[] = []

    beforeAll(async () => {
      const archives: string[] = []
      for (const target of ['control', 'agent']) archives.push(await image(target, '0.1.0'))
      for (const version of shops) archives.push(await image('shop', version))
      cluster = await startCluster({ name: 'walk', audit: true })
      const nats = join(cluster.folder, 'nats.tar')
      const program = await findNatsServer()
      await writeProgramImage({ reference: 'nats:2.15.2', program, at: 'nats-server' }, nats)
      for (const archive of [...archives, nats]) await cluster.loadImage(archive)
      await cluster.kubectl(['apply', '-k', join(deploy, 'all-in-one')])
      await cluster.kubectl(['apply', '-k', join(deploy, 'shop')])
      const ready = [
        'wait',
        '--for=condition=Ready',
        'pod',
        '-l',
        'app.kubernetes.io/component=agent',
      ]
      await cluster.kubectl(['-n', 'switchyard', ...ready, '--timeout=120s'])
      control = await forward('service/switchyard-control', 7_700)
      agents = await forward('service/switchyard-agent', 80)
      const secret = ['get', 'secret', 'switchyard-admin', '-o', 'jsonpath={.data.token}']
      const encoded = await cluster.kubectl(['-n', 'switchyard', ...secret])
      token = Buffer.from(encoded, 'base64').toString()
    }, 1_500_000)

    afterAll(async () => {
      for (const child of forwards) child.kill()
      await cluster?.stop()
    })

    const image = (target: string, version: string) =>
      buildImage({
        dockerfile: join(deploy, 'images/Dockerfile'),
        context: root,
        name: `switchyard-${target}:${version}`,
        target,
        ...(target === 'shop' && { buildArguments: { VERSION: version } }),
      })

    /** The address on this machine; kubectl chooses the port. */
    function forward(service: string, port: number): Promise<string> {
      const env = { ...process.env, KUBECONFIG: cluster.kubeconfig }
      const args = ['-n', 'switchyard', 'port-forward', service, `:${port}`]
      const child = spawn(cluster.programs.kubectl!, args, { env })
      forwards.push(child)
      return new Promise((done, fail) => {
        child.stdout.on('data', (bytes: Buffer) => {
          const found = /127\.0\.0\.1:\d+/.exec(bytes.toString())
          if (found) done(`http://${found[0]}`)
        })
        child.once('exit', (code) => fail(new Error(`kubectl port-forward ended with ${code}`)))
      })
    }

    /** Its pod may have to come first. */
    const reached = (service: string, port: number) =>
      until(`${service} can be reached`, () => forward(service, port), Boolean, 60_000, 500)

    const switchyard = async (...args: string[]) => {
      const env = { ...process.env, SWITCHYARD_URL: control, SWITCHYARD_TOKEN: token }
      return (await run(process.execPath, [join(root, 'cli/main.ts'), ...args], { env })).stdout
    }
    const versionAt = async (host: string, path = '/') => {
      const { stdout } = await run('curl', ['-s', '-m', '10', '-H', `host: ${host}`, agents + path])
      return (JSON.parse(stdout) as { version: string }).version
    }
    const documents = (name: string) => ['apply', '-f', join(deploy, 'shop/apps', name), '--watch']

    test('version 1 at the agents, one POST, version 2, and back', async () => {
      await switchyard(...documents('shop.yaml'))
      expect(await versionAt('shop.example')).toBe('0.0.1')
      const body = {
        app: 'shop',
        version: '0.0.2',
        image: 'switchyard-shop:0.0.2',
        autoPromote: true,
      }
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      const asked = await fetch(`${control}/v1/releases`, {
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

    test('control comes back on its volume; the init Job of a second apply changes nothing', async () => {
      const part = ['-n', 'switchyard', '-l', 'app.kubernetes.io/component=control']
      await cluster.kubectl(['delete', 'pod', ...part])
      await cluster.kubectl(['-n', 'switchyard', 'delete', 'job', 'switchyard-init'])
      await cluster.kubectl(['apply', '-k', join(deploy, 'all-in-one')])
      const job = ['wait', '--for=condition=Complete', 'job/switchyard-init', '--timeout=60s']
      await cluster.kubectl(['-n', 'switchyard', ...job])
      const said = await cluster.kubectl(['-n', 'switchyard', 'logs', 'job/switchyard-init'])
      expect(said.match(/: kept$/gm)?.length).toBe(4)
      await cluster.kubectl(['wait', '--for=condition=Ready', 'pod', ...part, '--timeout=60s'])
      control = await forward('service/switchyard-control', 7_700)
      expect(await switchyard('release', 'list', 'shop')).toContain('shop-r2')
    })

    test('named anew later: the Job refuses, agents serve on, and setting it back is all', async () => {
      const renamed = join(cluster.folder, 'renamed')
      mkdirSync(renamed)
      writeOverlay(renamed, pageBlock('yaml', 'SWITCHYARD_CLUSTER=fra-1'))
      const inSwitchyard = ['-n', 'switchyard']
      const apply = async (folder: string) => {
        await cluster.kubectl([...inSwitchyard, 'delete', 'job', 'switchyard-init'])
        await cluster.kubectl(['apply', '-k', folder])
      }
      await apply(renamed)
      await until(
        'the Job says why',
        () => cluster.kubectl([...inSwitchyard, 'logs', 'job/switchyard-init']),
        (said) => said.includes('is called "eu-1" and cannot become "fra-1"'),
        60_000,
      )
      await until(
        'an agent says what it waits for',
        () => cluster.kubectl([...inSwitchyard, 'get', 'pods', '-o', 'json']),
        (said) => said.includes("couldn't find key fra-1 in Secret switchyard/switchyard-enrol"),
        90_000,
      )
      agents = await forward('service/switchyard-agent', 80)
      expect(await versionAt('shop.example')).toBe('0.0.2')
      await apply(join(deploy, 'all-in-one'))
      const restarted = ['rollout', 'status', 'statefulset/switchyard-agent', '--timeout=120s']
      await cluster.kubectl([...inSwitchyard, ...restarted])
    })

    test('another cluster, which has a leaf: the Job completes, and control introduces it', async () => {
      const overlay = join(cluster.folder, 'overlay')
      mkdirSync(overlay)
      writeOverlay(overlay, withLeaf)
      const inSwitchyard = ['-n', 'switchyard']
      const job = ['wait', '--for=condition=Complete', 'job/switchyard-init', '--timeout=60s']
      await cluster.kubectl([...inSwitchyard, 'delete', 'job', 'switchyard-init'])
      await cluster.kubectl(['apply', '-k', overlay])
      await cluster.kubectl([...inSwitchyard, ...job])
      const said = await cluster.kubectl([...inSwitchyard, 'logs', 'job/switchyard-init'])
      expect(said.match(/: completed$/gm)?.length).toBe(2)
      const parts = ['-l', 'app.kubernetes.io/component in (control, nats)']
      await cluster.kubectl([...inSwitchyard, 'delete', 'pod', ...parts])
      const ready = ['wait', '--for=condition=Ready', 'pod', ...parts, '--timeout=60s']
      await until(
        'both are back',
        () => cluster.kubectl([...inSwitchyard, ...ready]),
        Boolean,
        90_000,
      )
      control = await forward('service/switchyard-control', 7_700)
      const introduce = ['node', 'deploy/nats/introduce.ts', 'us-1', '--hub', 'nats.example:7422']
      const exec = ['exec', 'deploy/switchyard-control', '-c', 'control', '--', ...introduce]
      const secret = JSON.parse(await cluster.kubectl([...inSwitchyard, ...exec]))
      expect(JSON.parse(secret.stringData['introduction.json'])).toMatchObject({ cluster: 'us-1' })
    })

    recoveryCases(() => ({
      cluster,
      switchyard,
      versionAt,
      async reconnect() {
        control = await reached('service/switchyard-control', 7_700)
        agents = await reached('service/switchyard-agent', 80)
      },
    }))

    podsCases(() => cluster)

    test('whoever wrote had the Lease, by the pod that the API server names', () => {
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

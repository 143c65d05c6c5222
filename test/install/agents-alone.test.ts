/**
 * Clusters that only run agents, on a real node, with control and the fleet's NATS outside of it: agents with a
 * NATS leaf (docs/install.md, ADR 17), behind a load balancer, and on every node. What the page shows is what is applied.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Child, createChild } from '../../deploy/local/child.ts'
import { type ControlClient, createControlClient } from '../../deploy/local/control-client.ts'
import { findNatsServer } from '../../deploy/local/nats-server.ts'
import { ownSource } from '../../deploy/local/programs.ts'
import { until, untilPhase } from '../../deploy/local/until.ts'
import { completeCredentials, serverConfig } from '../../deploy/nats/config.ts'
import { type Gate, openGate } from '../kubernetes/gate.ts'
import { whyNoLab } from '../lab/availability.ts'
import { outputOf } from '../lab/command.ts'
import { demoDeployment, loadDemoImage } from '../lab/demo-image.ts'
import { type FarClient, openFarClient } from '../lab/far-client.ts'
import { buildImage } from '../lab/images.ts'
import { writeProgramImage } from '../lab/oci-archive.ts'
import { type Cluster, startCluster } from '../lab/start-cluster.ts'
import { deploy, writeOverlay } from './rendered.ts'

const name = 'us-1'
const page = readFileSync(join(ownSource, 'docs/install.md'), 'utf8')
const inSwitchyard = ['-n', 'switchyard']
const withinMs = 90_000
/** Of RFC 5737: nobody has it but the Service, once a load balancer of the cluster would have given it. */
const balancerAddress = '198.51.100.7'

interface Agent {
  readonly agent: string
  readonly condition: string
  readonly enrolledAtMs: number
}

describe.skipIf(whyNoLab({ nodes: true, images: true }))(
  'a cluster that only runs agents',
  { timeout: 240_000 },
  () => {
    let cluster: Cluster
    let state: string
    let client: ControlClient
    let control: Child
    let hub: ChildProcess
    let gate: Gate
    let far: FarClient

    beforeAll(async () => {
      const archive = await buildImage({
        dockerfile: join(deploy, 'images/Dockerfile'),
        context: ownSource,
        name: 'switchyard-agent:0.1.0',
        target: 'agent',
      })
      cluster = await startCluster({ name: 'alone' })
      gate = openGate(cluster.run)
      far = await openFarClient(cluster)
      state = join(cluster.folder, 'fleet')
      mkdirSync(state)
      const nats = join(state, 'nats.tar')
      const program = await findNatsServer()
      await writeProgramImage({ reference: 'nats:2.15.2', program, at: 'nats-server' }, nats)
      for (const one of [archive, nats]) await cluster.loadImage(one)
      for (const version of ['1', '2']) {
        await loadDemoImage(cluster, `lab/demo:${version}`, { VERSION: version })
      }
      await startControl()
      await prepareNamespaces()
    }, 1_500_000)

    afterAll(async () => {
      gate?.close()
      await cluster?.stop()
    })

    const at = (port: number) => `${cluster.plan.nodeAddress}:${port}`
    const users = () => join(state, 'users.json')

    /** As an operator would elsewhere: control and the fleet's NATS, which takes the cluster's leaf. */
    async function startControl(): Promise<void> {
      const credentials = completeCredentials(null, [name], [name])
      const place = { listen: at(4_222), leafListen: at(7_422), storeFolder: join(state, 'hub') }
      writeFileSync(users(), JSON.stringify(credentials))
      writeFileSync(join(state, 'hub.conf'), serverConfig(place, credentials))
      await startHub()
      const init = controlProgram('control init', ['init', '--cluster', name])
      init.start()
      expect(await init.exitCode()).toBe(0)
      control = controlProgram('control', [
        ...['start', '--listen', '0.0.0.0:7700', '--log-format', 'text'],
        ...['--nats', `nats://${at(4_222)}`, '--nats-credentials', users()],
      ])
      control.start()
      const token = readFileSync(join(state, 'control/admin.token'), 'utf8').trim()
      client = createControlClient(`http://127.0.0.1:${await gate.open('127.0.0.1', 7_700)}`, token)
      await until('control answers', () => client.clusters(), Boolean, withinMs)
    }
    async function startHub(): Promise<void> {
      const args = ['--config', join(state, 'hub.conf')]
      hub = cluster.run(await findNatsServer(), args, { stdio: 'ignore' })
    }
    const controlProgram = (called: string, [command, ...flags]: readonly string[]) =>
      createChild({
        name: called,
        program: () => ({
          script: join(ownSource, 'control/main.ts'),
          args: [command!, '--state', join(state, 'control'), ...flags],
        }),
        logFile: join(state, `${called}.log`),
        launch: cluster.run,
      })

    async function prepareNamespaces(): Promise<void> {
      await cluster.kubectl(['create', 'namespace', 'shop'])
      await cluster.kubectl(['label', 'namespace', 'shop', 'switchyard.dev/managed=true'])
      await cluster.kubectl(['create', 'namespace', 'switchyard'])
      const token = join(state, 'control', `enrol-${name}.token`)
      const secret = [
        'create',
        'secret',
        'generic',
        'switchyard-enrol',
        `--from-file=us-1=${token}`,
      ]
      await cluster.kubectl([...inSwitchyard, ...secret])
    }
    async function apply(called: string, overlay: string): Promise<void> {
      const folder = join(state, called)
      mkdirSync(folder)
      writeOverlay(folder, overlay.replace('https://control.example', `http://${at(7_700)}`))
      await cluster.kubectl(['apply', '-k', folder])
      await cluster.kubectl(['apply', '-n', 'shop', '-k', join(deploy, 'namespace')])
    }
    const overlayOf = (resource: string) => {
      const blocks = [...page.matchAll(/```yaml\n([^`]*)```/g)].map(([, text]) => text!)
      return blocks.find((text) => text.includes(`deploy/${resource}]`))!
    }

    /** By name: the API lists them as they enrolled. */
    const agents = async () =>
      ((await client.agents(name)) as { agents: Agent[] }).agents.toSorted((one, other) =>
        one.agent.localeCompare(other.agent),
      )
    const current = (...names: readonly string[]) =>
      until(
        `${names} to be current`,
        agents,
        (list) =>
          list.map(({ agent }) => agent).join() === names.join() &&
          list.every(({ condition }) => condition === 'current'),
        withinMs,
      )
    const podOf = async (pod: string) =>
      JSON.parse(await cluster.kubectl([...inSwitchyard, 'get', 'pod', pod, '-o', 'json'])) as {
        metadata: { uid: string }
        status: { podIP: string; conditions: { type: string; status: string }[] }
      }
    const isReady = ({ status }: Awaited<ReturnType<typeof podOf>>) =>
      status.conditions.some((one) => one.type === 'Ready' && one.status === 'True')
    const get = async <Answer>(address: string): Promise<Answer> => {
      const args = ['-s', '-m', '10', '-H', 'host: shop.example', `http://${address}`]
      return JSON.parse(await outputOf(cluster.run('curl', args), `curl ${address}`))
    }
    const versionAt = async (address: string) => (await get<{ version: string }>(address)).version
    /** As the application was told it. */
    const addressSeenAt = async (address: string) =>
      (JSON.parse(await far.get(`http://${address}/`, 'shop.example')) as { forwardedFor: string })
        .forwardedFor
    const patchService = (patch: object, ...flags: readonly string[]) =>
      cluster.kubectl([
        ...[...inSwitchyard, 'patch', 'service', 'switchyard-agent', '--type=merge', ...flags],
        ...['-p', JSON.stringify(patch)],
      ])
    const release = async (version: string) => {
      const intent = { app: 'shop', version, image: `lab/demo:${version}`, autoPromote: true }
      const { id } = await client.createRelease(intent)
      await untilPhase(client, id, 'live', withinMs)
    }

    test('agents with a leaf, introduced as the page says, serve version 1', async () => {
      const introduce = [
        ...[join(deploy, 'nats/introduce.ts'), name, '--hub', at(7_422)],
        ...['--state', join(state, 'control'), '--nats-credentials', users()],
      ]
      const secret = await outputOf(spawn(process.execPath, introduce), 'introduce.ts')
      await cluster.kubectl([...inSwitchyard, 'apply', '-f', '-'], secret)
      await apply('leaf', overlayOf('agent-only').replace('agent-only', 'agent-leaf'))
      await current('switchyard-agent-0', 'switchyard-agent-1')
      const template = demoDeployment({ name: 'shop', replicas: 0 })
      await cluster.kubectl(['apply', '-n', 'shop', '-f', '-'], JSON.stringify(template))
      await client.putApp('shop', {
        clusters: [name],
        hosts: ['shop.example'],
        platform: { type: 'kubernetes', namespace: 'shop', port: 8_080 },
        copies: 1,
      })
      await release('1')
      expect(await versionAt(`${(await podOf('switchyard-agent-0')).status.podIP}:8080/`)).toBe('1')
    })

    test('control and the hub away: an agent on an empty disk begins from the leaf', async () => {
      const before = await podOf('switchyard-agent-0')
      const enrolled = (await agents())[0]!.enrolledAtMs
      await control.kill('SIGKILL')
      const gone = once(hub, 'exit')
      hub.kill('SIGKILL')
      await gone
      await cluster.kubectl([
        ...[...inSwitchyard, 'delete', 'pod', 'switchyard-agent-0', '--grace-period=1'],
      ])
      const after = await until(
        'the new pod is ready',
        () => podOf('switchyard-agent-0'),
        (pod) => pod.metadata.uid !== before.metadata.uid && isReady(pod),
        withinMs,
      )
      const { podIP } = after.status
      expect(await versionAt(`${podIP}:8080/`)).toBe('1')
      expect(await get(`${podIP}:8082/table`)).toMatchObject({ stale: true, equal: true })

      await startHub()
      control.start()
      const list = await current('switchyard-agent-0', 'switchyard-agent-1')
      expect(list[0]!.enrolledAtMs).toBeGreaterThan(enrolled)
      await release('2')
      expect(await versionAt(`${podIP}:8080/`)).toBe('2')
    })

    test("behind a load balancer the application is told the client's own address", async () => {
      const ingress = [{ ip: balancerAddress }]
      await patchService({ status: { loadBalancer: { ingress } } }, '--subresource=status')
      const untilSeen = (holds: (address: string) => boolean) =>
        until('an address', () => addressSeenAt(balancerAddress), holds, withinMs, 200)
      await untilSeen((address) => address === far.address)
      // What the Service says is what keeps it.
      await patchService({ spec: { externalTrafficPolicy: 'Cluster' } })
      await untilSeen((address) => address !== far.address)
      await patchService({ spec: { externalTrafficPolicy: 'Local' } })
      await untilSeen((address) => address === far.address)
    })

    test('a node whose agents go is given up by load balancers while they still serve', async () => {
      const path = 'jsonpath={.spec.healthCheckNodePort}'
      const service = ['get', 'service', 'switchyard-agent', '-o', path]
      const port = Number(await cluster.kubectl([...inSwitchyard, ...service]))
      const health = () => far.status(`http://${at(port)}/healthz`)
      expect(await health()).toBe(200)
      await cluster.kubectl([
        ...[...inSwitchyard, 'delete', 'statefulset', 'switchyard-agent', '--wait=false'],
      ])
      await until('a node without agents', health, (status) => status === 503, 8_000)
      expect(await addressSeenAt(balancerAddress)).toBe(far.address)
    })

    test('agents on every node take its port 80, under its name', async () => {
      await apply('daemonset', overlayOf('agent-daemonset'))
      await cluster.kubectl([...inSwitchyard, 'delete', 'statefulset', 'switchyard-nats'])
      const node = cluster.plan.name
      await until(
        'the node has an agent',
        agents,
        (list) => list.some((one) => one.agent === node),
        withinMs,
      )
      for (const { agent } of await agents()) {
        if (agent !== node) await client.call('DELETE', `/v1/clusters/${name}/agents/${agent}`)
      }
      await current(node)
      expect(await versionAt(at(80))).toBe('2')
      expect(await addressSeenAt(at(80))).toBe(far.address)
    })
  },
)

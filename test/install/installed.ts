/** All in one on a real node, as docs/install.md has it: images as users build them, manifests as users apply them. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { findNatsServer } from '../../deploy/local/nats-server.ts'
import { until } from '../../deploy/local/until.ts'
import { buildImage } from '../lab/images.ts'
import { writeProgramImage } from '../lab/oci-archive.ts'
import { type Cluster, startCluster } from '../lab/start-cluster.ts'
import { deploy } from './rendered.ts'

export interface Installed {
  readonly cluster: Cluster
  /** The API of control on this machine, and the admin's token. */
  readonly control: string
  readonly token: string
  /** The command line, by that token. */
  switchyard(...args: string[]): Promise<string>
  /** Which version answers this host at an agent. */
  versionAt(host: string, path?: string): Promise<string>
  /** After their pods were replaced. */
  reachControl(): Promise<void>
  reachAgents(): Promise<void>
  stop(): Promise<void>
}

const root = resolve(deploy, '..')
const run = promisify(execFile)
/** Versions of the demo application whose images are there. */
export const shops = ['0.0.1', '0.0.2']

export async function install(): Promise<Installed> {
  const archives: string[] = []
  for (const target of ['control', 'agent']) archives.push(await image(target, '0.1.0'))
  for (const version of shops) archives.push(await image('shop', version))
  const cluster = await startCluster({ name: 'walk', audit: true })
  const reach = createForwards(cluster)
  let control = ''
  let agents = ''
  let token = ''
  const installed: Installed = {
    cluster,
    get control() {
      return control
    },
    get token() {
      return token
    },
    async switchyard(...args) {
      const env = { ...process.env, SWITCHYARD_URL: control, SWITCHYARD_TOKEN: token }
      return (await run(process.execPath, [join(root, 'cli/main.ts'), ...args], { env })).stdout
    },
    async versionAt(host, path = '/') {
      const { stdout } = await run('curl', ['-s', '-m', '10', '-H', `host: ${host}`, agents + path])
      return (JSON.parse(stdout) as { version: string }).version
    },
    async reachControl() {
      control = await reach.address('service/switchyard-control', 7_700)
    },
    async reachAgents() {
      agents = await reach.address('service/switchyard-agent', 80)
    },
    async stop() {
      reach.close()
      await cluster.stop()
    },
  }
  try {
    const nats = join(cluster.folder, 'nats.tar')
    const program = await findNatsServer()
    await writeProgramImage({ reference: 'nats:2.15.2', program, at: 'nats-server' }, nats)
    for (const archive of [...archives, nats]) await cluster.loadImage(archive)
    await cluster.kubectl(['apply', '-k', join(deploy, 'all-in-one')])
    await cluster.kubectl(['apply', '-k', join(deploy, 'shop')])
    const agentsOf = ['pod', '-l', 'app.kubernetes.io/component=agent', '--timeout=120s']
    await cluster.kubectl(['-n', 'switchyard', 'wait', '--for=condition=Ready', ...agentsOf])
    await installed.reachControl()
    await installed.reachAgents()
    const secret = ['get', 'secret', 'switchyard-admin', '-o', 'jsonpath={.data.token}']
    const encoded = await cluster.kubectl(['-n', 'switchyard', ...secret])
    token = Buffer.from(encoded, 'base64').toString()
  } catch (error) {
    await installed.stop()
    throw error
  }
  return installed
}

const image = (target: string, version: string) =>
  buildImage({
    dockerfile: join(deploy, 'images/Dockerfile'),
    context: root,
    name: `switchyard-${target}:${version}`,
    target,
    ...(target === 'shop' && { buildArguments: { VERSION: version } }),
  })

function createForwards(cluster: Cluster) {
  const forwards: ChildProcess[] = []
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
  return {
    /** Its pod may have to come first. */
    address: (service: string, port: number) =>
      until(`${service} can be reached`, () => forward(service, port), Boolean, 60_000, 500),
    close() {
      for (const child of forwards) child.kill()
    },
  }
}

/**
 * A fleet whose cluster `eu-1` has a NATS leaf of its own: control is connected to the hub, the sessions of
 * eu-1 to the leaf; `us-1` has none. Either server may go away, be wiped, and come back.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type NatsConnection } from 'nats'
import { freePort } from '../../agent/free-port.ts'
import { createNatsSession } from '../../agent/pilot/session/nats.ts'
import { createNatsTransport } from '../../control/delivery/nats.ts'
import { leavesOf, natsCredentials } from '../../control/delivery/nats-credentials.ts'
import { type LocalNats, runServer, startLeaf, startNats } from '../../deploy/local/nats.ts'
import { until } from '../../deploy/local/until.ts'
import { leafConfig } from '../../deploy/nats/config.ts'
import { clusters, type Rig } from './rig.ts'

export const leafCluster = 'eu-1'

export interface LeafRig extends Rig {
  readonly hub: Server
  readonly leaf: Server
  user(cluster: string): { user: string; password: string }
  /** A client of another server that is connected to the hub as the leaf is, and may say anything there. */
  forgingLeaf(): Promise<NatsConnection>
}

export interface Server {
  servers(): string
  kill(): Promise<void>
  start(): Promise<void>
  /** What it has stored is gone; only while it is away. */
  wipe(): Promise<void>
}

export async function openLeafRig(): Promise<LeafRig> {
  const stateFolder = await mkdtemp(join(tmpdir(), 'swy-leaf-'))
  const hubLeafPort = await freePort()
  const hubOptions = { stateFolder: join(stateFolder, 'hub'), port: await freePort() }
  const leaves = { clusters: [leafCluster], port: hubLeafPort }
  const hub = await server(() => startNats({ ...hubOptions, clusters: [...clusters], leaves }))
  const file = join(hubOptions.stateFolder, 'nats-users.json')
  const credentials = natsCredentials.parse(JSON.parse(await readFile(file, 'utf8')))
  const user = (cluster: string) => {
    const { user, password } = credentials.clusters[cluster]!
    return { user, password }
  }
  const leafOptions = { stateFolder: join(stateFolder, 'leaf'), port: await freePort() }
  const asLeaf = { cluster: leafCluster, user: user(leafCluster), hub: `127.0.0.1:${hubLeafPort}` }
  const leaf = await server(() => startLeaf(leafOptions, asLeaf))
  const forgers: LocalNats[] = []
  return {
    name: 'nats',
    keepsHeaders: true,
    hub,
    leaf,
    user,
    async forgingLeaf() {
      const forgerOptions = { stateFolder: join(stateFolder, 'forger'), port: await freePort() }
      const forger = await runServer(forgerOptions, (place) => {
        const { leafnodes, server_name, listen } = JSON.parse(leafConfig(place, asLeaf))
        return JSON.stringify({ leafnodes, server_name, listen })
      })
      forgers.push(forger)
      return connect({ servers: forger.servers, reconnect: false })
    },
    async transport() {
      const leaves = leavesOf(credentials)
      const transport = createNatsTransport({
        servers: hub.servers(),
        ...credentials.control,
        leaves,
      })
      await until('NATS is connected', transport.connected, Boolean)
      const reached = () => transport.readHeader(leafCluster).then(Boolean, () => null)
      await until('the leaf answers', reached, (found) => found !== null)
      return transport
    },
    session(cluster, agent) {
      const { servers } = cluster === leafCluster ? leaf : hub
      return createNatsSession({ servers: [servers()], ...user(cluster), cluster, agent })
    },
    async close() {
      await Promise.all([hub, leaf, ...forgers].map((one) => one.kill()))
      await rm(stateFolder, { recursive: true, force: true })
    },
  }
}

async function server(open: () => ReturnType<typeof startNats>): Promise<Server> {
  let current = await open()
  return {
    servers: () => current.servers,
    kill: () => current.kill(),
    async start() {
      current = await open()
    },
    wipe: () => rm(current.storeFolder, { recursive: true }),
  }
}

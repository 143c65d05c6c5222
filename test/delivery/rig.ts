/**
 * What the suite needs of a transport: control's side of it, which can be made anew as after a restart,
 * and sessions of agents. `http` is a real server on loopback, `nats` a real NATS server.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServerType, serve } from '@hono/node-server'
import { freePort } from '../../agent/free-port.ts'
import { createHttpSession } from '../../agent/pilot/session/http.ts'
import { createNatsSession } from '../../agent/pilot/session/nats.ts'
import type { Session } from '../../agent/pilot/session/session.ts'
import { createHttpTransport, type HttpTransport } from '../../control/delivery/http.ts'
import { createNatsTransport } from '../../control/delivery/nats.ts'
import { natsCredentials } from '../../control/delivery/nats-credentials.ts'
import type { Transport } from '../../control/delivery/transport.ts'
import { type LocalNats, startNats } from '../../deploy/local/nats.ts'
import { until } from '../../deploy/local/until.ts'

export interface Rig {
  readonly name: 'http' | 'nats'
  /** A stored header outlives control; over `http` a restarted control has to write it again. */
  readonly keepsHeaders: boolean
  /** Control's side; a later one takes the place of the former. */
  transport(): Promise<Transport>
  session(cluster: string, agent: string): Session
  close(): Promise<void>
}

export const clusters = ['eu-1', 'us-1'] as const

export interface HttpRig extends Rig {
  readonly url: string
}

export async function openHttpRig(): Promise<HttpRig> {
  let current: HttpTransport | null = null
  const server = await new Promise<ServerType>((resolve) => {
    const made = serve({ fetch: answer, port: 0, hostname: '127.0.0.1' }, () => resolve(made))
  })
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const url = `http://127.0.0.1:${port}`

  async function answer(request: Request): Promise<Response> {
    const cluster = /^\/v1\/agents\/([^/]+)\//.exec(new URL(request.url).pathname)?.[1] ?? ''
    return current ? current.respond(cluster, request) : new Response(null, { status: 503 })
  }
  return {
    name: 'http',
    keepsHeaders: false,
    url,
    async transport() {
      await current?.close()
      current = createHttpTransport({ heartbeatMs: 200 })
      return current
    },
    session: (cluster, agent) =>
      createHttpSession({ url, cluster, agent, token: 'test', silentAfterMs: 2_000 }),
    async close() {
      await current?.close()
      await new Promise((resolve) => {
        server.close(resolve)
        if ('closeAllConnections' in server) server.closeAllConnections()
      })
    },
  }
}

export interface NatsRig extends Rig {
  readonly stateFolder: string
  server(): LocalNats
  /** Stops the server, does something to its data, starts it again. */
  outage(away: () => Promise<void>, how?: 'stop' | 'kill'): Promise<void>
  user(cluster: string): Promise<{ user: string; password: string }>
}

export async function openNatsRig(): Promise<NatsRig> {
  const stateFolder = await mkdtemp(join(tmpdir(), 'swy-nats-'))
  const options = { stateFolder, port: await freePort(), clusters: [...clusters] }
  let nats = await startNats(options)
  const { servers } = nats
  const credentials = natsCredentials.parse(
    JSON.parse(await readFile(nats.credentialsFile, 'utf8')),
  )
  const user = (cluster: string) => credentials.clusters[cluster]!
  return {
    name: 'nats',
    keepsHeaders: true,
    stateFolder,
    server: () => nats,
    user: async (cluster) => user(cluster),
    async outage(away, how = 'stop') {
      await nats[how]()
      await away()
      nats = await startNats(options)
    },
    async transport() {
      const transport = createNatsTransport({ servers, ...credentials.control })
      await until('NATS is connected', transport.connected, Boolean)
      return transport
    },
    session: (cluster, agent) =>
      createNatsSession({ servers: [servers], ...user(cluster), cluster, agent }),
    async close() {
      await nats.kill()
      await rm(stateFolder, { recursive: true, force: true })
    },
  }
}

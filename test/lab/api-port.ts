/**
 * The API server's port on the machine's loopback, carried into the lab's own network through the Unix socket of
 * its first process. Inside and outside it is the same address, so that one kubeconfig serves both.
 */
import { once } from 'node:events'
import { request } from 'node:https'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Kubeconfig } from './credentials.ts'

export interface ApiPort {
  readonly port: number
  close(): Promise<void>
}

export async function openApiPort(socketFile: string): Promise<ApiPort> {
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const inner = connect({ path: socketFile, allowHalfOpen: true })
    for (const [from, to] of [
      [client, inner],
      [inner, client],
    ] as const) {
      open.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        open.delete(from)
        to.destroy()
      })
      from.pipe(to)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close()
      for (const socket of open) socket.destroy()
      await once(server, 'close')
    },
  }
}

/** Status of one GET. */
export function statusOf(kubeconfig: Kubeconfig, path: string, withinMs = 2_000): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const asking = request(
    `${kubeconfig.server}${path}`,
    {
      ca: kubeconfig.certificate,
      headers: { authorization: `Bearer ${kubeconfig.token}` },
      agent: false,
      signal: AbortSignal.timeout(withinMs),
    },
    (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    },
  )
  asking.on('error', reject)
  asking.end()
  return promise
}

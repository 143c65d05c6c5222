/** For tests: a TCP proxy in front of NATS that counts connections and can be slow, as a bad network is. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface NatsProxy {
  /** `nats://127.0.0.1:<port>` */
  readonly servers: string
  /** Connections open now, and since the start. */
  open(): number
  seen(): number
  /** From now on every piece of bytes, in both directions, comes so much later. */
  slowBy(ms: number): void
  close(): Promise<void>
}

export async function startNatsProxy(port: number): Promise<NatsProxy> {
  const sockets = new Set<Socket>()
  let pairs = 0
  let seen = 0
  let slowMs = 0
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port })
    pairs++
    seen++
    let ended = false
    const end = () => {
      near.destroy()
      far.destroy()
      if (!ended) pairs--
      ended = true
    }
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      const pass = (bytes: Buffer) => !to.destroyed && to.write(bytes)
      from.on('data', (bytes: Buffer) => {
        if (slowMs === 0) pass(bytes)
        else setTimeout(() => pass(bytes), slowMs)
      })
      from.on('error', end)
      from.on('close', () => {
        sockets.delete(from)
        end()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    servers: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open: () => pairs,
    seen: () => seen,
    slowBy(ms) {
      slowMs = ms
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

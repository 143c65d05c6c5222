/**
 * A data path on a real socket with real backends, for the tests of this folder: one app `shop` on
 * `shop.test`, its release `shop-r1` public, `shop-r2` under `/test`.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach } from 'vitest'
import { createRouter, type Router } from '#router/router.ts'
import { createDataPath, type DataPath } from './data-path.ts'
import type { WorkerLimits } from './limits.ts'
import { createServed } from './served.ts'
import { shopPosition, shopTable } from './shop-table.ts'
import { zonesFor } from './zones.ts'

export interface Stage {
  readonly path: DataPath
  readonly router: Router
  readonly port: number
  /** Sets the endpoints of `shop-r1`. */
  endpoints(...backends: readonly { readonly port: number }[]): void
  stop(): void
}

export interface StageOptions {
  /** Left out: that of `shop-table.ts`. */
  readonly table?: Uint8Array
  /** `control-keys.json`. */
  readonly keysFile?: string
  readonly limits?: Partial<WorkerLimits>
  readonly outZones?: number
  /** Hosts of the app; `shop.test` when left out. */
  readonly hosts?: readonly string[]
  readonly takeover?: boolean
}

const cleanups: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** Stops a thing when the present test ends; the newest first. */
export function kept<T extends { stop(): void | Promise<void> }>(thing: T): T {
  cleanups.push(() => thing.stop())
  return thing
}

const loopback = '127.0.0.1'

export async function startStage(options: StageOptions = {}): Promise<Stage> {
  const router: Router = createRouter({
    wasm: readFileSync(new URL('../../router-wasm/build/router.wasm', import.meta.url)),
    zones: zonesFor(options.outZones ?? 4),
  })
  const refused = router.loadTable(options.table ?? shopTable(options.hosts))
  if (refused !== null) throw new Error(refused)
  router.setPositions([shopPosition('shop-r1', 1)])
  const { limits, takeover } = options
  const path = createDataPath({
    router,
    limits: { sweepMs: 10, ...limits },
    ...(takeover === undefined ? {} : { takeover }),
    ...(options.keysFile && { keysFile: options.keysFile }),
  })
  const served = createServed(path, () => {})
  path.server.listen(0, loopback)
  await once(path.server, 'listening')
  return {
    path,
    router,
    port: portOf(path.server),
    endpoints(...backends) {
      const list = backends.map(({ port }) => ({ address: loopback, port }))
      served.changeEndpoints({ 'shop-r1': list }, 1)
    },
    stop: () => path.stop(),
  }
}

export const portOf = (server: Server): number => (server.address() as { port: number }).port

/** A backend that speaks bytes, so that it can do what no HTTP library would. */
export interface RawBackend {
  readonly port: number
  /** Sockets accepted so far, in order. */
  readonly sockets: readonly Socket[]
  /** Everything received, by connection. */
  readonly received: readonly string[]
  stop(): void
}

/** `answer` is called for each piece received, with all that its connection has received and its number. */
export async function rawBackend(
  answer: (socket: Socket, text: string, connection: number) => void,
): Promise<RawBackend> {
  const sockets: Socket[] = []
  const received: string[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection = sockets.push(socket) - 1
    received[connection] = ''
    socket.on('error', () => {})
    socket.on('end', () => socket.end())
    socket.on('data', (chunk) => {
      received[connection] += chunk.toString('latin1')
      answer(socket, received[connection] ?? '', connection)
    })
  })
  server.listen(0, loopback)
  await once(server, 'listening')
  const stop = () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  return { port: portOf(server), sockets, received, stop }
}

/** A backend that answers every bodiless request at once with `body`. */
export const plainBackend = (body: string): Promise<RawBackend> =>
  rawBackend((socket, text) => {
    if (text.endsWith('\r\n\r\n')) {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    }
  })

/** A client that speaks bytes. */
export interface RawClient {
  readonly socket: Socket
  text(): string
  send(text: string | Uint8Array): void
  /** Resolves with all that was received once it matches. */
  until(pattern: RegExp | string, boundMs?: number): Promise<string>
  /** How the connection ended: by FIN, or by RST. */
  ended(boundMs?: number): Promise<'end' | 'reset'>
}

export async function rawClient(port: number): Promise<RawClient> {
  const socket = connect({ port, host: loopback, allowHalfOpen: true })
  let text = ''
  let how: 'end' | 'reset' | null = null
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  socket.on('end', () => {
    how ??= 'end'
  })
  socket.on('error', () => {
    how = 'reset'
  })
  kept({ stop: () => void socket.destroy() })
  await once(socket, 'connect')
  return {
    socket,
    text: () => text,
    send: (bytes) => void socket.write(bytes),
    async until(pattern, boundMs = 15_000) {
      const matches = () =>
        typeof pattern === 'string' ? text.includes(pattern) : pattern.test(text)
      const seen = () => `${pattern} in ${JSON.stringify(text.slice(-400))}`
      await eventually(matches, seen, boundMs)
      return text
    },
    async ended(boundMs = 15_000) {
      await eventually(() => how !== null, 'the connection to end', boundMs)
      return how!
    },
  }
}

/** Polls, with a bound. */
export async function eventually(
  holds: () => boolean,
  what: string | (() => string),
  boundMs = 15_000,
): Promise<void> {
  const endMs = performance.now() + boundMs
  while (!holds()) {
    if (performance.now() > endMs) {
      throw new Error(`timed out: ${typeof what === 'string' ? what : what()}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** A stage with these backends as the endpoints of `shop-r1`; stopped with the test. */
export async function between(
  backends: readonly { readonly port: number }[],
  options?: StageOptions,
): Promise<Stage> {
  const stage = kept(await startStage(options))
  stage.endpoints(...backends)
  return stage
}

export const get = (target: string, fields = ''): string =>
  `GET ${target} HTTP/1.1\r\nHost: shop.test\r\n${fields}\r\n`

export const ok = (body: string, fields = ''): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`

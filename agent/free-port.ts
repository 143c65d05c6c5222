/** Ports that are free now, for programs that cannot be given 0. */
import { createServer } from 'node:net'

/** Below those that outgoing connections take for themselves, so that a port stays free until it is used. */
export const freePortsFrom = 11_000
export const freePortsTo = 32_000

const span = freePortsTo - freePortsFrom
let asked = Math.floor(Math.random() * span)

/** No port twice, until all have had their turn. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < span; attempt++) {
    const port = freePortsFrom + (asked++ % span)
    if (await isFree(port, host)) return port
  }
  throw new Error(`no port of ${host} from ${freePortsFrom} to ${freePortsTo} is free`)
}

const taken = new Set(['EADDRINUSE', 'EACCES'])

/** Throws when that is not the port's fault: no such address here, no descriptor left. */
export function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) =>
      taken.has(error.code ?? '') ? resolve(false) : reject(error),
    )
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

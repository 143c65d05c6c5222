/**
 * Runs inside the lab and lets the machine reach its ports: listeners that were opened on the machine are handed
 * in, and whoever connects to one is connected to an address in here. It ends when the one who started it does.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Launch } from '../../deploy/local/child.ts'

export interface Gate {
  /** A port of the machine, on 127.0.0.1, that leads to this address of the lab. */
  open(host: string, port: number): Promise<number>
  close(): void
}

interface Opened {
  readonly host: string
  readonly port: number
}

export function openGate(launch: Launch = spawn): Gate {
  const child: ChildProcess = launch(process.execPath, [import.meta.filename], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  return {
    async open(host, port) {
      const server = createServer()
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port: outer } = server.address() as AddressInfo
      const opened: Opened = { host, port }
      await new Promise<void>((resolve, reject) =>
        child.send(opened, server, (error) => (error ? reject(error) : resolve())),
      )
      server.close()
      return outer
    },
    close: () => void child.kill('SIGKILL'),
  }
}

function lead(outer: Socket, { host, port }: Opened): void {
  const inner = connect({ host, port, noDelay: true })
  for (const [one, other] of [
    [outer, inner],
    [inner, outer],
  ] as const) {
    one.on('error', () => other.destroy())
    one.on('close', () => other.destroy())
  }
  outer.setNoDelay(true)
  outer.pipe(inner).pipe(outer)
}

if (import.meta.main) {
  process.once('disconnect', () => process.exit(0))
  process.on('message', (opened: Opened, server: Server) => {
    server.on('connection', (socket) => lead(socket, opened))
  })
}

/**
 * Accepted sockets whose reads land in memory that we choose. Node offers this for sockets that connect
 * (`onread`), not for accepted ones, so the handle is moved to a new socket. This is the only place that
 * touches the private `_handle`; `takeover.test.ts` fails loudly when a Node changes it, and
 * `takeover: false` is the public way at 5-15 % more CPU a request.
 */
import {
  type BoundSocket,
  createServer,
  type Server,
  Socket,
  type SocketConstructorOpts,
} from 'node:net'

/** Called for each read with the bytes in the landing; `false` stops reading until `socket.resume()`. */
export type OnRead = (bytes: number) => boolean

export interface AcceptOptions {
  readonly landing: Uint8Array
  /** Gives the reader of a new socket, or null to refuse it (it is then destroyed). */
  readonly onSocket: (socket: Socket) => OnRead | null
  readonly takeover?: boolean
}

export function createLandingServer(options: AcceptOptions): Server {
  const { landing, onSocket, takeover = true } = options
  const settings = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true }
  return createServer(settings, (accepted) => {
    if (takeover) adopt(accepted, landing, onSocket)
    else copyReads(accepted, landing, onSocket)
  })
}

/** Early bytes and an early FIN wait in the kernel: nothing has been read yet. */
function adopt(accepted: Socket, landing: Uint8Array, onSocket: AcceptOptions['onSocket']): void {
  const holder = accepted as unknown as { _handle: object | null }
  const handle = holder._handle
  if (!handle) return
  holder._handle = null
  accepted.destroy()
  let onRead: OnRead | null = null
  // A handle of its own is what Node itself passes here; the types name only a part of it.
  const options: SocketConstructorOpts = {
    handle: handle as BoundSocket,
    allowHalfOpen: true,
    onread: { buffer: landing, callback: (bytes) => onRead?.(bytes) ?? false },
  }
  const socket = new Socket(options)
  onRead = onSocket(socket)
  if (!onRead) socket.resetAndDestroy()
}

function copyReads(socket: Socket, landing: Uint8Array, onSocket: AcceptOptions['onSocket']): void {
  const onRead = onSocket(socket)
  if (!onRead) {
    socket.resetAndDestroy()
    return
  }
  socket.on('data', (chunk: Buffer) => {
    landing.set(chunk)
    if (!onRead(chunk.length)) socket.pause()
  })
  socket.resume()
}

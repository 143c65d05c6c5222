/**
 * A worker's end of the link: dials the pilot's socket for ever, with a growing and jittered pause, and
 * hands over its messages one after another. Traffic does not depend on it.
 */
import { connect, type Socket } from 'node:net'
import type { Say } from '#wire/log-line.ts'
import { linkLine, linkReader, type PilotMessage, type WorkerMessage } from '../link.ts'

export interface PilotLink {
  send(message: WorkerMessage): void
  connected(): boolean
  /** Monotonic time since when the pilot has been out of reach; null while it is connected. */
  absentSinceMs(): number | null
  stop(): void
}

export interface PilotLinkOptions {
  readonly socketPath: string
  readonly onConnect: () => void
  /** Called in order; the next message waits for the former one. */
  readonly onMessage: (message: PilotMessage) => Promise<void>
  readonly log: Say
}

const pauseFirstMs = 20
const pauseMostMs = 1_000
/** Bytes a pilot that does not read may leave queued before it is dialled anew. */
const queuedBytesMax = 16_777_216

export function startPilotLink(options: PilotLinkOptions): PilotLink {
  const { socketPath, onConnect, onMessage, log } = options
  let socket: Socket | null = null
  let connected = false
  let absentSinceMs: number | null = performance.now()
  let pauseMs = pauseFirstMs
  let retry: NodeJS.Timeout | null = null
  let stopped = false

  const dial = () => {
    retry = null
    const one = connect(socketPath)
    socket = one
    let queue = Promise.resolve()
    const read = linkReader<PilotMessage>((message) => {
      queue = queue.then(() => onMessage(message)).catch((error: Error) => void one.destroy(error))
    })
    one.on('connect', () => {
      connected = true
      absentSinceMs = null
      pauseMs = pauseFirstMs
      onConnect()
    })
    one.on('data', (chunk: Buffer) => {
      try {
        read(chunk)
      } catch (error) {
        one.destroy(error as Error)
      }
    })
    one.on('error', (error: NodeJS.ErrnoException) => {
      if (connected) log('link-broken', `the link to the pilot broke: ${error.message}`)
    })
    one.on('close', () => {
      if (connected) absentSinceMs = performance.now()
      connected = false
      socket = null
      if (stopped) return
      retry = setTimeout(dial, pauseMs * (0.5 + Math.random()))
      pauseMs = Math.min(pauseMostMs, pauseMs * 2)
    })
  }
  dial()

  return {
    send(message) {
      if (!connected || !socket) return
      if (socket.writableLength > queuedBytesMax) socket.destroy()
      else socket.write(linkLine(message))
    },
    connected: () => connected,
    absentSinceMs: () => absentSinceMs,
    stop() {
      stopped = true
      if (retry) clearTimeout(retry)
      socket?.destroy()
    },
  }
}

/**
 * Control's one connection to NATS, made again for ever. Each life of it is a connection object of its
 * own: nothing is resubscribed or replayed behind our back, and what was under way fails at once.
 */
import { connect, type NatsConnection } from 'nats'
import { controlInbox } from './nats-credentials.ts'

export interface NatsAddress {
  /** For example `nats://127.0.0.1:4222`, several separated by commas. */
  readonly servers: string
  readonly user: string
  readonly password: string
}

export interface KeptConnection {
  /** Throws while there is none. */
  current(): NatsConnection
  connected(): boolean
  close(): Promise<void>
}

/** A dead peer is noticed when two pings had no answer and a third is due: within 10 s. */
const pingIntervalMs = 3_000
const connectWithinMs = 3_000
const retryMinMs = 100
const retryMaxMs = 2_000

export class NotConnected extends Error {
  override readonly name = 'NotConnected'
}

/** `onConnected` runs once for each life, before anybody else gets to use the connection. */
export function keepConnected(
  address: NatsAddress,
  onConnected: (connection: NatsConnection) => void,
): KeptConnection {
  let connection: NatsConnection | null = null
  let closed = false
  let wake: () => void = () => {}

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  async function keep(): Promise<void> {
    let failures = 0
    while (!closed) {
      try {
        const made = await connect(connectOptions(address))
        if (closed) return await made.close()
        connection = made
        failures = 0
        onConnected(made)
        await made.closed()
      } catch {
        failures = Math.min(failures + 1, 10)
      }
      connection = null
      const ceilingMs = Math.min(retryMaxMs, retryMinMs * 2 ** failures)
      if (!closed) await pause(retryMinMs + Math.random() * ceilingMs)
    }
  }
  const kept = keep()

  return {
    current() {
      if (!connection || connection.isClosed()) throw new NotConnected('NATS cannot be reached')
      return connection
    },
    connected: () => connection !== null && !connection.isClosed(),
    async close() {
      closed = true
      wake()
      await connection?.close()
      await kept
    },
  }
}

const connectOptions = ({ servers, user, password }: NatsAddress) => ({
  servers: servers.split(','),
  user,
  pass: password,
  name: 'switchyard control',
  inboxPrefix: controlInbox,
  reconnect: false,
  timeout: connectWithinMs,
  pingInterval: pingIntervalMs,
  maxPingOut: 2,
  noAsyncTraces: true,
})

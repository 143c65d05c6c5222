/**
 * Control's one connection to NATS, made again for ever while it is wanted. Each life of it is a connection
 * object of its own: nothing is resubscribed or replayed behind our back, and what was under way fails at
 * once.
 */
import { connect, type NatsConnection } from 'nats'
import { controlInbox } from './nats-credentials.ts'
import type { Presence } from './transport.ts'

export interface NatsAddress {
  /** For example `nats://127.0.0.1:4222`, several separated by commas. */
  readonly servers: string
  readonly user: string
  readonly password: string
}

export interface KeptConnection extends Presence {
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

/**
 * `onConnected` runs once for each life, before anybody else gets to use the connection; `afterRest`: what
 * was there before it had been let go, it did not break.
 */
export function keepConnected(
  address: NatsAddress,
  onConnected: (connection: NatsConnection, afterRest: boolean) => void,
): KeptConnection {
  let connection: NatsConnection | null = null
  let closed = false
  let held = true
  let rested = false
  let wake: () => void = () => {}
  /** Ends with the first attempt after `hold`, and with every one after it. */
  let attempt = Promise.withResolvers<void>()

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = ms === Number.POSITIVE_INFINITY ? undefined : setTimeout(resolve, ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  async function keep(): Promise<void> {
    let failures = 0
    while (!closed) {
      if (!held) {
        failures = 0
        await pause(Number.POSITIVE_INFINITY)
        continue
      }
      try {
        const made = await connect(connectOptions(address))
        if (closed || !held) {
          await made.close()
          continue
        }
        connection = made
        failures = 0
        onConnected(made, rested)
        rested = false
        attempt.resolve()
        await made.closed()
      } catch {
        failures = Math.min(failures + 1, 10)
        rested = false
        attempt.resolve()
      }
      connection = null
      if (!held || rested) continue
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
    isHeld: () => held,
    hold() {
      if (held) return attempt.promise
      held = true
      attempt = Promise.withResolvers()
      wake()
      return attempt.promise
    },
    async letGo() {
      if (!held) return
      held = false
      rested = connection !== null
      wake()
      await connection?.close()
    },
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

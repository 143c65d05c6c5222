/** A session over NATS: a plain subscription, direct gets on the cluster's stream, acknowledged reports. */
import type { Session } from './session.ts'

export interface NatsSessionOptions {
  readonly servers: readonly string[]
  readonly user: string
  readonly password: string
  readonly cluster: string
  readonly agent: string
}

/** Connects in the background and for ever; until then every call rejects. */
export declare function createNatsSession(options: NatsSessionOptions): Session

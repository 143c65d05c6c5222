/**
 * The `nats` transport: a stream per cluster keeps the newest header, index, buckets and reports, and
 * plain subscribers see each header at once. Never a KV watch or a JetStream consumer (DESIGN D4).
 */
import type { Transport } from './transport.ts'

export interface NatsTransportOptions {
  /** For example `nats://127.0.0.1:4222`, several separated by commas. */
  readonly servers: string
  readonly user: string
  readonly password: string
  /** Copies of each stream; 1 on a single server. */
  readonly replicas?: number
}

/** Connects in the background and for ever; until then every call rejects. */
export declare function createNatsTransport(options: NatsTransportOptions): Transport

/**
 * The `http` transport: control itself keeps each cluster's newest announcement, index and buckets in
 * memory and serves them; announcements are server-sent events, reports are POSTed. On Web standards
 * only, so that any runtime can mount it.
 */
import type { Transport } from './transport.ts'

export interface HttpTransport extends Transport {
  /**
   * Answers an agent's request below `/v1/agents/{cluster}/` (`agentPaths`): header, index, buckets,
   * announcements, reports. Who asks was checked by the caller.
   */
  respond(cluster: string, request: Request): Promise<Response>
}

export interface HttpTransportOptions {
  readonly heartbeatMs?: number
}

export declare function createHttpTransport(options?: HttpTransportOptions): HttpTransport

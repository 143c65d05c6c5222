/**
 * NATS for agents that have it, and the same over HTTP for those that have not: what is written there, and what is
 * found there after a restart, is kept for HTTP too. NATS alone is read and decides what is taken, so that an
 * agent over HTTP never has what the cluster's stream has not.
 */
import { sameBytes } from './cluster-loop.ts'
import type { HttpTransport } from './http.ts'
import type { Transport } from './transport.ts'

export function alsoHttp(nats: Transport, http: HttpTransport): Transport {
  return {
    ...nats,
    async publishHeader(cluster, announcement) {
      await nats.publishHeader(cluster, announcement)
      await http.publishHeader(cluster, announcement)
    },
    async storeBuckets(cluster, buckets) {
      await nats.storeBuckets(cluster, buckets)
      await http.storeBuckets(cluster, buckets)
    },
    async storeIndex(cluster, index) {
      await nats.storeIndex(cluster, index)
      await http.storeIndex(cluster, index)
    },
    async readHeader(cluster) {
      const found = await nats.readHeader(cluster)
      const isNew = found && !sameBytes(found, await http.readHeader(cluster))
      if (isNew) await http.publishHeader(cluster, found)
      return found
    },
    async readIndex(cluster) {
      const found = await nats.readIndex(cluster)
      if (found) await http.storeIndex(cluster, found)
      return found
    },
    async readBuckets(cluster) {
      const found = await nats.readBuckets(cluster)
      await http.storeBuckets(cluster, found)
      return found
    },
    /** Reports land in the stream; those that a switch waits for are POSTed too (DESIGN D4). */
    onReport(listener) {
      nats.onReport(listener)
      http.onReport(listener)
    },
  }
}

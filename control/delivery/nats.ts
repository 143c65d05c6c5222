/**
 * The `nats` transport: a stream per cluster keeps the newest header, index, buckets and reports, and
 * plain subscribers see each header at once. Never a KV watch or a JetStream consumer (DESIGN D4).
 *
 *   <cluster>.header      stored only over the sequence that this transport last wrote or read
 *   <cluster>.index, <cluster>.bucket.<n>, <cluster>.report.<agent>      the newest one is kept
 *
 * A header reaches plain subscribers even when the stream refuses it; agents refuse it then, by epoch
 * and revision.
 */
import type { NatsConnection } from 'nats'
import type { StoredMessage } from '#wire/direct-get.ts'
import { subjects } from '#wire/subjects.ts'
import { keepConnected, type NatsAddress } from './nats-connection.ts'
import { type ClusterStream, openClusterStream } from './nats-stream.ts'
import type { ReportListener, StoredReport, Transport } from './transport.ts'

export interface NatsTransportOptions extends NatsAddress {
  /** Copies of each stream; 1 on a single server. */
  readonly replicas?: number
  /** Clusters whose stream is kept by a leaf, in the JetStream domain of the cluster's name. */
  readonly leaves?: readonly string[]
}

/** Bucket writes under way at once. */
const writesAtOnce = 16

/** Connects in the background and for ever; until then every call rejects. */
export function createNatsTransport(options: NatsTransportOptions): Transport {
  let takeReport: ReportListener = async () => null
  let reconnected = (_afterRest: boolean) => {}
  /** Of the current connection. */
  let streams = new Map<string, ClusterStream>()
  /** Sequence of each cluster's header as last written or read; absent: not known. */
  const headerSequences = new Map<string, number>()

  const kept = keepConnected(options, (connection, afterRest) => {
    streams = new Map()
    headerSequences.clear()
    subscribeReports(connection)
    reconnected(afterRest)
  })

  function subscribeReports(connection: NatsConnection): void {
    connection.subscribe('*.report.*', {
      callback: (error, message) => {
        if (error) return
        const cluster = message.subject.slice(0, message.subject.indexOf('.'))
        takeReport(cluster, message.data).catch(() => {})
      },
    })
  }
  function stream(cluster: string): ClusterStream {
    const connection = kept.current()
    const found = streams.get(cluster)
    if (found) return found
    const place = options.leaves?.includes(cluster)
      ? { replicas: 1, domain: cluster }
      : { replicas: options.replicas ?? 1 }
    const opened = openClusterStream(connection, cluster, place)
    streams.set(cluster, opened)
    return opened
  }
  async function readHeader(cluster: string): Promise<StoredMessage | null> {
    const message = await stream(cluster).get(subjects(cluster).header)
    headerSequences.set(cluster, message?.sequence ?? 0)
    return message
  }

  return {
    async publishHeader(cluster, announcement) {
      if (!headerSequences.has(cluster)) await readHeader(cluster)
      const expected = headerSequences.get(cluster)!
      headerSequences.delete(cluster)
      const subject = subjects(cluster).header
      const sequence = await stream(cluster).publish(subject, announcement, expected)
      headerSequences.set(cluster, sequence)
    },
    async storeBuckets(cluster, buckets) {
      const left = [...buckets]
      const write = async () => {
        for (let next = left.pop(); next; next = left.pop()) {
          await stream(cluster).publish(subjects(cluster).bucket(next[0]), next[1])
        }
      }
      await Promise.all(Array.from({ length: writesAtOnce }, write))
    },
    async storeIndex(cluster, index) {
      await stream(cluster).publish(subjects(cluster).index, index)
    },
    readHeader: async (cluster) => (await readHeader(cluster))?.data ?? null,
    readIndex: async (cluster) =>
      (await stream(cluster).get(subjects(cluster).index))?.data ?? null,
    async readBuckets(cluster) {
      const found = new Map<number, Uint8Array>()
      const prefix = subjects(cluster).bucket('').length
      for await (const message of stream(cluster).getAll(subjects(cluster).bucket('*'))) {
        found.set(Number(message.subject.slice(prefix)), message.data)
      }
      return found
    },
    async readReports(cluster) {
      const found: StoredReport[] = []
      const from = stream(cluster)
      for await (const { data, atMs } of from.getAll(subjects(cluster).reports)) {
        found.push({ bytes: data, ageMs: from.ageMs(atMs) })
      }
      return found
    },
    onReport(listener) {
      takeReport = listener
    },
    onReconnect(listener) {
      reconnected = listener
    },
    connected: kept.connected,
    presence: kept,
    close: kept.close,
  }
}

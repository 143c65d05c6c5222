/** A publisher with keys, enrolled agents and a record of what it was told. */
import type { Report } from '#wire/report.ts'
import { generateKey, type SigningKey } from '#wire/signature.ts'
import {
  createPublisher,
  type FleetAhead,
  type Publisher,
} from '../../control/delivery/publisher.ts'
import type { Publication } from '../../control/delivery/publisher-port.ts'
import type { Transport } from '../../control/delivery/transport.ts'

export interface Keys {
  readonly signing: SigningKey
  readonly publicKeys: readonly string[]
}

export async function makeKeys(): Promise<Keys> {
  const { key } = await generateKey()
  return { signing: key, publicKeys: [key.publicKey] }
}

export interface ControlSide {
  readonly publisher: Publisher
  readonly transport: Transport
  readonly reports: readonly Report[]
  readonly refused: readonly string[]
  /** Clusters of the refused reports. */
  readonly refusedIn: readonly string[]
  readonly ahead: readonly FleetAhead[]
  readonly stale: readonly string[]
  readonly failures: readonly unknown[]
  stop(): Promise<void>
}

export interface ControlSideOptions {
  readonly transport: Transport
  readonly keys: Keys
  readonly publications: ReadonlyMap<string, Publication>
  /** By cluster. */
  readonly enrolled?: Readonly<Record<string, readonly { agent: string; publicKey: string }[]>>
}

export async function openControlSide(options: ControlSideOptions): Promise<ControlSide> {
  const { transport, keys, publications, enrolled = {} } = options
  const reports: Report[] = []
  const refused: string[] = []
  const refusedIn: string[] = []
  const ahead: FleetAhead[] = []
  const stale: string[] = []
  const failures: unknown[] = []
  const publisher = createPublisher({
    transport,
    key: () => keys.signing,
    publicKeys: () => keys.publicKeys,
    enrolled: (cluster) => enrolled[cluster] ?? [],
    onReport: (report) => reports.push(report),
    onFleetAhead: (found) => ahead.push(found),
    onStale: (cluster) => stale.push(cluster),
    now: Date.now,
    metrics: {
      published() {},
      failed: (_, error) => failures.push(error),
      reportTaken() {},
      reportRefused(cluster, code) {
        refused.push(code)
        refusedIn.push(cluster)
      },
    },
  })
  await publisher.start(publications)
  return {
    publisher,
    transport,
    reports,
    refused,
    refusedIn,
    ahead,
    stale,
    failures,
    async stop() {
      await publisher.stop()
      await transport.close()
    },
  }
}

/** Dies before its `n`-th write (from 0): that one and everything after it never happens. */
export function dyingBefore(transport: Transport, writes: number): Transport {
  let left = writes
  const never = () => new Promise<never>(() => {})
  const write = <T>(work: () => Promise<T>): Promise<T> => (left-- > 0 ? work() : never())
  return {
    ...transport,
    publishHeader: (cluster, bytes) => write(() => transport.publishHeader(cluster, bytes)),
    async storeBuckets(cluster, buckets) {
      for (const [bucket, bytes] of buckets) {
        await write(() => transport.storeBuckets(cluster, new Map([[bucket, bytes]])))
      }
    },
    storeIndex: (cluster, bytes) => write(() => transport.storeIndex(cluster, bytes)),
  }
}

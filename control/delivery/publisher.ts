/**
 * Brings each cluster's newest snapshot to its agents and their reports to control (DESIGN D2 to D4).
 * One loop per cluster; the newest snapshot wins; trouble of the transport is retried inside.
 */
import type { RefusalCode } from '#wire/codes.ts'
import type { Epoch } from '#wire/header.ts'
import type { Report } from '#wire/report.ts'
import type { SigningKey } from '#wire/signature.ts'
import type { Tree } from '#wire/tree.ts'
import type { StaleWriter, Transport } from './transport.ts'

export interface Snapshot {
  readonly epoch: Epoch
  /** Log position of the record that made the tree. */
  readonly revision: number
  readonly tree: Tree
}

/** The fleet has seen more than this log holds, or another history (DESIGN D3). */
export interface FleetAhead {
  readonly cluster: string
  readonly kind: 'newer' | 'fork'
  readonly seenIn: 'header' | 'report'
  readonly epoch: Epoch
  readonly revision: number
}

export interface PublisherOptions {
  readonly transport: Transport
  /** Signs headers. */
  readonly key: SigningKey
  /** Control's own public keys, the signing one included: what counts as "ours" in the stream. */
  readonly publicKeys: readonly string[]
  /** Enrolled agents of a cluster with their raw public keys, base64url. */
  readonly enrolled: (cluster: string) => Iterable<{ agent: string; publicKey: string }>
  /** Verified, in order of arrival per agent not guaranteed: the newest wins by instance and sequence. */
  readonly onReport: (report: Report) => void
  /** The publisher publishes nothing any more; the runtime answers `log-behind-fleet`. */
  readonly onFleetAhead: (found: FleetAhead) => void
  /** Another publisher has taken over; the runtime must stop. */
  readonly onStale: (cluster: string, error: StaleWriter) => void
  /** Wall clock, for `publishedAtMs`. */
  readonly now: () => number
  readonly metrics?: PublisherMetrics
}

export interface PublisherMetrics {
  /** From `publish` to the transport's acknowledgement of the header. */
  published(cluster: string, seconds: number): void
  failed(cluster: string, error: unknown): void
  reportTaken(cluster: string): void
  reportRefused(cluster: string, code: RefusalCode): void
}

export interface Publisher {
  /**
   * Checks stored headers and reports against the log and starts the loops; nothing is published
   * before. Resolves when every cluster was tried once; never rejects.
   */
  start(snapshots: ReadonlyMap<string, Snapshot>): Promise<void>
  /**
   * Resolves when the header was handed to the transport, or after a short bound while the retry goes
   * on inside. Never rejects.
   */
  publish(cluster: string, snapshot: Snapshot): Promise<void>
  /** By cluster: the newest revision asked for and the newest one handed over (null: none yet). */
  progress(): ReadonlyMap<string, { readonly wanted: number; readonly published: number | null }>
  stop(): Promise<void>
}

export declare function createPublisher(options: PublisherOptions): Publisher

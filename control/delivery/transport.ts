/**
 * The port to the agents (DESIGN D4): the newest header and the buckets of each cluster go down, reports
 * come up. Transport is delivery and cache, never the only copy. Adapters: `http` (control itself) and
 * `nats`; `test/delivery` runs both through one suite.
 */
import type { RefusalCode } from '#wire/codes.ts'

export interface Transport {
  /**
   * Shows the announcement to subscribers at once and stores it as the cluster's newest header, only
   * over the one this transport last wrote or read: a zombie's write rejects with `StaleWriter`.
   */
  publishHeader(cluster: string, announcement: Uint8Array): Promise<void>
  storeBuckets(cluster: string, buckets: ReadonlyMap<number, Uint8Array>): Promise<void>
  storeIndex(cluster: string, index: Uint8Array): Promise<void>
  /** What is stored now: for the start check and to mend buckets. */
  readHeader(cluster: string): Promise<Uint8Array | null>
  readIndex(cluster: string): Promise<Uint8Array | null>
  /** Stored buckets by number; missing ones are left out. */
  readBuckets(cluster: string): Promise<ReadonlyMap<number, Uint8Array>>
  readReports(cluster: string): Promise<readonly StoredReport[]>
  /** Called with every report's bytes (a sealed report as JSON); one listener. */
  onReport(listener: ReportListener): void
  /**
   * Called when the connection came back, so that the publisher can mend. `afterRest`: it had been let
   * go, and what was stored was stored.
   */
  onReconnect(listener: (afterRest: boolean) => void): void
  /** Reachable now; for `/readyz` and metrics. */
  connected(): boolean
  /** Left out: there is nothing to let go. */
  readonly presence?: Presence
  close(): Promise<void>
}

export interface StoredReport {
  readonly bytes: Uint8Array
  /** Since it was stored, by the clock of the one that stores. */
  readonly ageMs: number
}

/** A connection that a runtime which sleeps lets go of between events. It begins held. */
export interface Presence {
  /** Resolves when it is connected or the first attempt has failed: then it is tried again in the background. */
  hold(): Promise<void>
  /** Closes it; nothing is tried and no timer runs until `hold`. */
  letGo(): Promise<void>
  isHeld(): boolean
}

/** Resolves with the code when the report is refused; the `http` transport answers with it. */
export type ReportListener = (cluster: string, report: Uint8Array) => Promise<RefusalCode | null>

/** Another publisher has written a newer header: this one is a zombie and must stop. */
export class StaleWriter extends Error {
  override readonly name = 'StaleWriter'
}

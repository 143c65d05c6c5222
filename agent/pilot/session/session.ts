/**
 * The port to control (DESIGN D4): announcements and buckets come down, reports go up. The same two
 * messages over `http` (control itself) and `nats`. A session carries bytes and trusts nothing:
 * `admit.ts` verifies.
 */
export interface Session {
  /** Reports are stored where control finds them, whether it listens or sleeps. */
  readonly isStore?: boolean
  /**
   * Calls `onAnnouncement` with each announcement as it is seen. Resolves when `signal` aborts, rejects
   * when the stream breaks or is silent for too long; the caller retries with jitter, then repairs.
   */
  subscribe(onAnnouncement: (bytes: Uint8Array) => void, signal: AbortSignal): Promise<void>
  /** The newest stored announcement; null when nothing is stored. */
  header(signal: AbortSignal): Promise<Uint8Array | null>
  index(signal: AbortSignal): Promise<Uint8Array | null>
  /** Stored buckets by number; missing ones are left out. */
  buckets(ids: readonly number[], signal: AbortSignal): Promise<ReadonlyMap<number, Uint8Array>>
  /** Resolves when the report was taken. */
  report(bytes: Uint8Array, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

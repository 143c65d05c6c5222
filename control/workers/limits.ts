/**
 * The limits of the platform, each with its source and the date of reading. Tests hold us at most at 80 %
 * of those that a bundle or a record can meet.
 */
export const platformLimits = {
  /** A string or a row in SQLite: https://developers.cloudflare.com/durable-objects/platform/limits/ (2026-11). */
  rowBytes: 2_000_000,
  /** Bound parameters of one query, same page. */
  boundParameters: 100,
  /** Storage of one object, same page. */
  storageBytes: 10_000_000_000,
  /**
   * All modules together, compressed; on the free plan, the smaller one:
   * https://developers.cloudflare.com/workers/platform/limits/ (2026-11).
   */
  workerBytesCompressed: 3_000_000,
  /** To evaluate the modules: https://developers.cloudflare.com/changelog/2025-10-10-increased-startup-time. */
  startMs: 1_000,
  /**
   * Between two bytes of an answer (524 beyond), "Proxy Read Timeout":
   * https://developers.cloudflare.com/fundamentals/reference/connection-limits/ (2026-07).
   */
  silenceMs: 120_000,
  /** An isolate: https://developers.cloudflare.com/workers/platform/limits/ (2026-11). */
  memoryBytes: 128 * 1024 * 1024,
} as const

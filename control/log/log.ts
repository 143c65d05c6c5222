/**
 * The port to the event log (DESIGN D1): an append-only sequence of records, one per turn, each written
 * only at the position that its writer expects. Adapters differ in where the bytes live, never in what
 * they mean; `log.cases.ts` is the contract that each of them runs.
 */

export interface LogRecord {
  /** From 1, without gaps. A position is a revision. */
  readonly position: number
  /** Canonical JSON (RFC 8785): the same history has the same bytes everywhere. */
  readonly text: string
}

export interface Log {
  /** Position of the newest record; 0 when empty. */
  head(): Promise<number>
  /**
   * Appends durably at `expected + 1`; resolves with that position once it is on disk. Resolves with
   * `'conflict'` and writes nothing when the head is not `expected`.
   */
  append(expected: number, text: string): Promise<number | 'conflict'>
  /** Records after `position`, in order, at most `limit`. */
  read(position: number, limit: number): Promise<readonly LogRecord[]>
  close(): Promise<void>
}

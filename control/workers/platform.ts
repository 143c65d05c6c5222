/**
 * What control uses of a Durable Object, in the words of
 * https://developers.cloudflare.com/durable-objects/api/. Declared here, because the platform's own types
 * are globals that disagree with those of Web standards.
 */
export type SqlValue = string | number | null | ArrayBuffer

/** A statement without rows has done its work when it is returned. */
export interface ObjectCursor<Row> {
  toArray(): Row[]
  /** So far. */
  readonly rowsRead: number
  readonly rowsWritten: number
}

export interface ObjectSql {
  exec<Row>(sql: string, ...values: readonly SqlValue[]): ObjectCursor<Row>
  /** Bytes of the database. */
  readonly databaseSize: number
}

export interface ObjectStorage {
  readonly sql: ObjectSql
  /** All of `work` or nothing of it; `work` must not wait. */
  transactionSync<T>(work: () => T): T
  /** Resolves once everything that was written is durable. */
  sync(): Promise<void>
  setAlarm(atMs: number): Promise<void>
  getAlarm(): Promise<number | null>
  deleteAlarm(): Promise<void>
}

export interface ObjectState {
  readonly storage: ObjectStorage
  /** No other event reaches the object until `work` has ended. */
  blockConcurrencyWhile<T>(work: () => Promise<T>): Promise<T>
  /** Ends this instance of the object; the next event makes a new one. */
  abort(reason?: string): void
}

export interface ObjectNamespace {
  idFromName(name: string): { toString(): string }
  get(id: { toString(): string }): { fetch(request: Request): Promise<Response> }
}

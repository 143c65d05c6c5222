/**
 * The port to the database of the history, and its tables. Everything in it is made from the log and may
 * be deleted: it is made again. The log stays the truth; rows are believed only as far as a digest or a
 * record of the log bears them out. Two calls, so that the same SQL runs in a Durable Object.
 *
 *   records      when each record was made                    ─ `?at=`
 *   subjects     whom and what each record is about           ─ audit
 *   revisions    a cluster's snapshots: revision and digest
 *   versions     what became of an object at a revision       ─ snapshot, diff, blame
 *   keyframes    now and then all objects of a cluster, so that a snapshot needs few versions
 *   touched      where a request's answer may change: routes by host, positions, backends  ─ blame
 *   switches     when each was committed, and when its agents had acknowledged it
 *   checkpoints  whole states, so that control starts without the whole log
 */
export type SqlValue = string | number | null

export interface Sql {
  /** Runs one statement; its rows. */
  all<Row = unknown>(sql: string, ...values: readonly SqlValue[]): Row[]
  /** All of `work` or nothing of it. */
  transaction(work: () => void): void
  close(): void
}

/** What was read cannot be right, or could not be read: the tables are made anew. */
export class HistoryDamaged extends Error {
  override readonly name = 'HistoryDamaged'
}

/** Of the tables below; another one is thrown away. */
export const schemaVersion = 2

/** UTF-16 units of a long text in one row: a Durable Object's row has at most 2 MB. */
export const rowCharsMax = 500_000

export const schema = [
  `CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT`,
  `CREATE TABLE records (position INTEGER PRIMARY KEY, at INTEGER NOT NULL, late INTEGER NOT NULL) STRICT`,
  `CREATE INDEX records_at ON records (late, at)`,
  `CREATE TABLE subjects (subject TEXT, position INTEGER, PRIMARY KEY (subject, position)) WITHOUT ROWID, STRICT`,
  `CREATE TABLE revisions (
     cluster TEXT, revision INTEGER, digest TEXT NOT NULL, epoch INTEGER NOT NULL,
     epoch_id TEXT NOT NULL, format INTEGER NOT NULL, PRIMARY KEY (cluster, revision)
   ) WITHOUT ROWID, STRICT`,
  `CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT`,
  `CREATE TABLE versions (
     cluster TEXT, key TEXT, revision INTEGER, text INTEGER, PRIMARY KEY (cluster, key, revision)
   ) WITHOUT ROWID, STRICT`,
  `CREATE INDEX versions_revision ON versions (cluster, revision)`,
  `CREATE TABLE keyframes (
     cluster TEXT, revision INTEGER, part INTEGER, texts TEXT NOT NULL,
     PRIMARY KEY (cluster, revision, part)
   ) WITHOUT ROWID, STRICT`,
  `CREATE TABLE touched (
     cluster TEXT, subject TEXT, revision INTEGER, key TEXT,
     PRIMARY KEY (cluster, subject, revision, key)
   ) WITHOUT ROWID, STRICT`,
  `CREATE TABLE switches (
     app TEXT, generation INTEGER, committed INTEGER NOT NULL, completed INTEGER, except_agents TEXT NOT NULL,
     PRIMARY KEY (app, generation)
   ) WITHOUT ROWID, STRICT`,
  `CREATE TABLE checkpoints (
     position INTEGER PRIMARY KEY, texts INTEGER NOT NULL, bytes INTEGER NOT NULL, digest TEXT NOT NULL
   ) STRICT`,
  `CREATE TABLE checkpoint_texts (
     position INTEGER, number INTEGER, part INTEGER, text TEXT NOT NULL,
     PRIMARY KEY (position, number, part)
   ) STRICT`,
] as const

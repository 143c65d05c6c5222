/**
 * Looking back: what a cluster was to serve at any moment, since which record a request is answered as it
 * is, and who did what. All of it is read from tables that follow the log (`follower.ts`), one look at a
 * time and in slices, so that nobody who looks back holds up a turn.
 */
import type { PlainRequest } from '#router/reference.ts'
import type { Rejection } from '#wire/codes.ts'
import { objectsOf, type Tree } from '#wire/tree.ts'
import type { LogRecord } from '../log/log.ts'
import { intentBehind } from './asked.ts'
import { type AuditFilter, auditPositions } from './audit.ts'
import { searchBack } from './blame.ts'
import { createFollower, type FollowerOptions } from './follower.ts'
import type { Step } from './indexing.ts'
import { createPause, type Pause } from './pause.ts'
import { createQueue } from './queue.ts'
import { type Served, servedOf } from './served.ts'
import { type SnapshotRow, snapshotRow, treeAt } from './snapshots.ts'
import { HistoryDamaged, type Sql } from './sql.ts'
import { firstRecordMs, positionAt } from './times.ts'
import { createKeptTrees } from './trees.ts'

export interface PastSnapshot extends SnapshotRow {
  readonly tree: Tree
}

export interface Blamed {
  readonly snapshot: PastSnapshot
  /** The newest record after which the answer became what it is; null: it never was another. */
  readonly since: LogRecord | null
  /** The intent behind `since`, which may be `since` itself; null: nobody asked for it. */
  readonly intent: LogRecord | null
  /** As it was just before; null like `since`. */
  readonly before: PastSnapshot | null
}

export interface AuditPage {
  /** Newest first. */
  readonly records: readonly LogRecord[]
  /** Where the next page begins; null: nothing is left. */
  readonly next: number | null
}

export type ShownSnapshot = Pick<PastSnapshot, 'cluster' | 'revision' | 'tree'>

/** Rejected only when too many look back at once, or while the tables are made anew. */
export type Looked<T> = { readonly found: T } | { readonly rejection: Rejection }

export interface History {
  /** For the turn: where its fold may begin, and what it has done since. */
  begin: ReturnType<typeof createFollower>['begin']
  keep(step: Step): void
  /** The newest record whose time is not after `atMs`; null, and when the first was, if there is none. */
  positionAt(
    atMs: number,
    head: number,
  ): Promise<Looked<{ position: number } | { firstMs: number | null }>>
  /** As it was after the record at `position`; null: there was no such cluster. */
  snapshot(cluster: string, position: number): Promise<Looked<PastSnapshot | null>>
  /** Null while the tables are not there; never waits for them. */
  served(snapshot: ShownSnapshot, position: number): Promise<Served | null>
  blame(cluster: string, position: number, request: PlainRequest): Promise<Looked<Blamed | null>>
  audit(filter: AuditFilter, head: number): Promise<Looked<AuditPage>>
  close(): Promise<void>
}

export const looksWaitingMax = 64
const attempts = 2

export function createHistory(options: FollowerOptions): History {
  const { log, monotonicMs } = options
  const follower = createFollower(options)
  const queue = createQueue(looksWaitingMax)
  const trees = createKeptTrees()

  /** A second time when the tables were found damaged, once they are made anew. */
  async function look<T>(
    upTo: number,
    work: (sql: Sql, pause: Pause) => Promise<T> | T,
  ): Promise<Looked<T>> {
    const looked = queue.run(async () => {
      for (let attempt = 0; attempt < attempts; attempt++) {
        const sql = await follower.upTo(upTo)
        if (!sql) break
        try {
          return { found: await work(sql, createPause(monotonicMs)) }
        } catch (error) {
          if (!(error instanceof HistoryDamaged)) throw error
          follower.damaged(error)
        }
      }
      return { rejection: follower.isOver() ? over : beingMade(follower.position(), upTo) }
    })
    return looked ?? { rejection: tooMany }
  }

  async function snapshotIn(
    sql: Sql,
    cluster: string,
    position: number,
    pause: Pause,
  ): Promise<PastSnapshot | null> {
    const row = snapshotRow(sql, cluster, position)
    if (!row) return null
    const tree = trees.get(row.digest) ?? trees.keep(await treeAt(sql, row, pause))
    return { ...row, tree }
  }

  const recordAt = async (position: number): Promise<LogRecord> => {
    const [record] = await log.read(position - 1, 1)
    if (!record) throw new Error(`the log has no record ${position}`)
    return record
  }

  return {
    begin: follower.begin,
    keep: follower.keep,
    positionAt: (atMs, head) =>
      look(head, (sql) => {
        const position = positionAt(sql, atMs)
        return position === null ? { firstMs: firstRecordMs(sql) } : { position }
      }),
    snapshot: (cluster, position) =>
      look(position, (sql, pause) => snapshotIn(sql, cluster, position, pause)),
    async served(snapshot, position) {
      const sql = follower.ready(position)
      if (!sql) return null
      try {
        return await servedOf(sql, snapshot, position, createPause(monotonicMs))
      } catch (error) {
        if (!(error instanceof HistoryDamaged)) throw error
        follower.damaged(error)
        return null
      }
    },
    blame: (cluster, position, request) =>
      look(position, async (sql, pause) => {
        const snapshot = await snapshotIn(sql, cluster, position, pause)
        if (!snapshot) return null
        const routes = [...objectsOf(snapshot.tree)].filter((object) => object.kind === 'route')
        const since = await searchBack(sql, snapshot, routes, request, pause)
        if (since === null) return { snapshot, since: null, intent: null, before: null }
        const before = await snapshotIn(sql, cluster, since - 1, pause)
        const record = await recordAt(since)
        const intent = await intentBehind(record, recordAt, sql, pause)
        return { snapshot, since: record, intent, before }
      }),
    audit: (filter, head) =>
      look(head, async (sql, pause) => {
        const { positions, next } = await auditPositions(sql, filter, pause)
        const records: LogRecord[] = []
        for (const position of positions) records.push(await recordAt(position))
        return { records, next }
      }),
    close: follower.close,
  }
}

const tooMany: Rejection = {
  code: 'overloaded',
  detail: `${looksWaitingMax} others wait to look back already.`,
  fix: 'Try again in a moment.',
}

const over: Rejection = {
  code: 'overloaded',
  detail:
    'The history cannot be kept beside the log; the lines of control with `history-damaged` say why.',
  fix: 'Make room for history.sqlite in the state folder and start control again.',
}

const beingMade = (position: number, wanted: number): Rejection => ({
  code: 'overloaded',
  detail: `The tables of the history are being made from the log: ${position} of ${wanted} records.`,
  fix: 'Try again in a minute; everything else goes on meanwhile.',
})

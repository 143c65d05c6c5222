/**
 * What the log knows of a snapshot's life: when it was published, when the next one took its place, and
 * which of its positions were decided but not proven to be served yet. Agents' reports are not in the log,
 * so there is proof for switches alone (`switch-completed`); of routes and backends nothing is claimed.
 */
import { objectsOf, type Tree } from '#wire/tree.ts'
import type { AgentRef } from '../domain/event.ts'
import type { Pause } from './pause.ts'
import type { SnapshotRow } from './snapshots.ts'
import type { Sql } from './sql.ts'
import { timeOf } from './times.ts'

export interface Served {
  /** When its record was made; it left for the agents at once. */
  readonly publishedAtMs: number
  /** Null: it is the newest. */
  readonly supersededAtMs: number | null
  /** Positions that some agent of the cluster had not acknowledged by the moment that was asked for. */
  readonly unacknowledged: readonly Unacknowledged[]
}

export interface Unacknowledged {
  readonly app: string
  readonly generation: number
  readonly committedAtMs: number
  /** When all required agents had, later or in spite of `except`; null: the log never says so. */
  readonly acknowledgedAtMs: number | null
  /** Agents of this cluster that the switch went on without. */
  readonly except: readonly string[]
}

export async function servedOf(
  sql: Sql,
  { cluster, revision, tree }: Pick<SnapshotRow, 'cluster' | 'revision'> & { readonly tree: Tree },
  position: number,
  pause: Pause,
): Promise<Served> {
  const [next] = sql.all<{ revision: number }>(
    'SELECT revision FROM revisions WHERE cluster = ? AND revision > ? ORDER BY revision LIMIT 1',
    cluster,
    revision,
  )
  const unacknowledged: Unacknowledged[] = []
  for (const object of objectsOf(tree)) {
    if (object.kind !== 'position') continue
    const [row] = sql.all<SwitchRow>(
      'SELECT committed, completed, except_agents FROM switches WHERE app = ? AND generation = ?',
      object.app,
      object.generation,
    )
    if (row) {
      const except = (JSON.parse(row.except_agents) as AgentRef[]).flatMap((one) =>
        one.cluster === cluster ? one.agent : [],
      )
      const isDone = row.completed !== null && row.completed <= position
      if (!isDone || except.length > 0) {
        unacknowledged.push({
          app: object.app,
          generation: object.generation,
          committedAtMs: timeOf(sql, row.committed)!,
          acknowledgedAtMs: row.completed === null ? null : timeOf(sql, row.completed),
          except,
        })
      }
    }
    await pause()
  }
  return {
    publishedAtMs: timeOf(sql, revision)!,
    supersededAtMs: next ? timeOf(sql, next.revision) : null,
    unacknowledged,
  }
}

interface SwitchRow {
  readonly committed: number
  readonly completed: number | null
  readonly except_agents: string
}

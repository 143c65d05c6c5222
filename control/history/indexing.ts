/**
 * What a record leaves in the history's tables. It compares the trees before and after, which share every
 * bucket that did not change; an object that several clusters get is one text.
 */
import type { SnapshotObject } from '#wire/object.ts'
import { difference, emptyTree, find } from '#wire/tree.ts'
import type { TurnRecord } from '../domain/record.ts'
import type { ClusterState, State } from '../domain/state.ts'
import { partsOf } from '../log/parts.ts'
import { textsAt } from './snapshots.ts'
import { rowCharsMax, type Sql } from './sql.ts'
import { subjectsOf } from './subjects.ts'

/** One record, and the fold on both sides of it. */
export interface Step {
  readonly before: State
  readonly after: State
  readonly record: TurnRecord
  readonly text: string
}

/** Fewer versions than objects lie between two keyframes, but so many that keyframes take little. */
const versionsMin = 64

export function createIndexing(sql: Sql) {
  let newestAt =
    sql.all<{ at: number | null }>('SELECT max(at) AS at FROM records WHERE late = 0')[0]?.at ?? 0
  /** Versions since its last keyframe, by cluster. */
  const versionCounts = new Map<string, number>()

  return function add({ before, after, record }: Step): void {
    const { position, at } = record
    const isLate = at < newestAt
    newestAt = Math.max(newestAt, at)
    sql.all('INSERT INTO records VALUES (?, ?, ?)', position, at, isLate ? 1 : 0)
    for (const subject of subjectsOf(record)) {
      sql.all('INSERT INTO subjects VALUES (?, ?)', subject, position)
    }
    addSwitches(sql, record)
    const texts = new Map<string, number>()
    for (const cluster of after.clusters.values()) {
      const held = before.clusters.get(cluster.name)
      if (held?.revision === cluster.revision) continue
      const { name, revision, tree } = cluster
      const { number, id } = after.epoch ?? { number: 0, id: '' }
      const made = [name, revision, tree.root, number, id, after.format]
      sql.all('INSERT INTO revisions VALUES (?, ?, ?, ?, ?, ?)', ...made)
      addVersions(cluster, held, texts)
    }
  }

  function addVersions(
    { name, revision, tree }: ClusterState,
    held: ClusterState | undefined,
    texts: Map<string, number>,
  ): void {
    const countBefore = versionsSince(name)
    const old = held?.tree ?? emptyTree
    const { put, remove } = difference(old, tree)
    const version = (key: string, id: number | null) =>
      sql.all('INSERT INTO versions VALUES (?, ?, ?, ?)', name, key, revision, id)
    const touch = (key: string, before: SnapshotObject | undefined, after?: SnapshotObject) => {
      for (const subject of touchedBy(before, after)) {
        sql.all('INSERT INTO touched VALUES (?, ?, ?, ?)', name, subject, revision, key)
      }
    }
    for (const object of put) {
      version(object.key, textId(object, texts))
      touch(object.key, find(old, object.key), object)
    }
    for (const key of remove) {
      version(key, null)
      touch(key, find(old, key))
    }
    const count = countBefore + put.length + remove.length
    const isDue = count >= Math.max(versionsMin, tree.objectCount)
    versionCounts.set(name, isDue ? 0 : count)
    if (isDue) {
      const held = JSON.stringify(Object.fromEntries(textsAt(sql, name, revision)))
      for (const [part, texts] of partsOf(held, rowCharsMax).entries()) {
        sql.all('INSERT INTO keyframes VALUES (?, ?, ?, ?)', name, revision, part, texts)
      }
    }
  }

  function textId(object: SnapshotObject, texts: Map<string, number>): number {
    const text = JSON.stringify(object)
    const known = texts.get(text)
    if (known !== undefined) return known
    const [row] = sql.all<{ id: number }>('INSERT INTO texts (text) VALUES (?) RETURNING id', text)
    texts.set(text, row!.id)
    return row!.id
  }

  function versionsSince(cluster: string): number {
    const counted = versionCounts.get(cluster)
    if (counted !== undefined) return counted
    const [row] = sql.all<{ count: number }>(
      `SELECT count(*) AS count FROM versions WHERE cluster = ?1 AND revision > coalesce(
         (SELECT max(revision) FROM keyframes WHERE cluster = ?1), 0)`,
      cluster,
    )
    return row!.count
  }
}

/** What can answer a request otherwise after the change. Workloads and keys never do. */
function touchedBy(before?: SnapshotObject, after?: SnapshotObject): ReadonlySet<string> {
  const subjects = new Set<string>()
  for (const object of [before, after]) {
    if (object?.kind === 'route') for (const host of object.hosts) subjects.add(`host/${host}`)
    if (object?.kind === 'backend') subjects.add(`release/${object.release}`)
    if (object?.kind === 'position' && isMoved(before, after)) subjects.add(`app/${object.app}`)
  }
  return subjects
}

/** Where a position leads: not a generation, nor what is prepared or closed. */
function isMoved(before: SnapshotObject | undefined, after: SnapshotObject | undefined): boolean {
  const lead = (object: SnapshotObject | undefined) =>
    object?.kind === 'position' ? JSON.stringify([object.weights, object.split]) : ''
  return lead(before) !== lead(after)
}

/** The evidence for what is served: reports are not in the log, the conclusion drawn from them is. */
function addSwitches(sql: Sql, { position, events }: TurnRecord): void {
  for (const event of events) {
    if (event.type === 'commit-decided' || event.type === 'rollback-decided') {
      const generation = event.type === 'commit-decided' ? event.generation : position
      sql.all(
        "INSERT OR REPLACE INTO switches VALUES (?, ?, ?, NULL, '[]')",
        event.app,
        generation,
        position,
      )
    } else if (event.type === 'switch-completed') {
      sql.all(
        'UPDATE switches SET completed = ?, except_agents = ? WHERE app = ? AND generation = ?',
        position,
        JSON.stringify(event.except),
        event.app,
        event.generation,
      )
    }
  }
}

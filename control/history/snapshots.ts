/**
 * A cluster's snapshots as they were: the keyframe before, and the versions since. The tree that comes of
 * them must have the digest that was published, so nothing wrong is ever shown.
 */
import type { SnapshotObject } from '#wire/object.ts'
import {
  type Bucket,
  bucketFrom,
  bucketOf,
  emptyTree,
  replaceBuckets,
  type Tree,
} from '#wire/tree.ts'
import type { Pause } from './pause.ts'
import { HistoryDamaged, type Sql } from './sql.ts'

export interface SnapshotRow {
  readonly cluster: string
  readonly revision: number
  readonly digest: string
  readonly epoch: { readonly number: number; readonly id: string }
  readonly format: number
}

/** What was the cluster's newest snapshot after the record at `position`; null: there was no such cluster. */
export function snapshotRow(sql: Sql, cluster: string, position: number): SnapshotRow | null {
  const [row] = sql.all<Omit<SnapshotRow, 'epoch'> & { epoch: number; epoch_id: string }>(
    'SELECT * FROM revisions WHERE cluster = ? AND revision <= ? ORDER BY revision DESC LIMIT 1',
    cluster,
    position,
  )
  if (!row) return null
  const { revision, digest, epoch, epoch_id, format } = row
  return { cluster, revision, digest, epoch: { number: epoch, id: epoch_id }, format }
}

/** By key, the ids of the texts of all objects at a revision. */
export function textsAt(sql: Sql, cluster: string, revision: number): Map<string, number> {
  const keyframe = sql.all<{ revision: number; texts: string }>(
    `SELECT revision, texts FROM keyframes WHERE cluster = ?1 AND revision =
       (SELECT max(revision) FROM keyframes WHERE cluster = ?1 AND revision <= ?2) ORDER BY part`,
    cluster,
    revision,
  )
  const held = keyframe.map(({ texts }) => texts).join('') || '{}'
  const texts = new Map<string, number>(Object.entries(parsed<Record<string, number>>(held)))
  const versions = sql.all<{ key: string; text: number | null }>(
    'SELECT key, text FROM versions WHERE cluster = ? AND revision > ? AND revision <= ? ORDER BY revision',
    cluster,
    keyframe[0]?.revision ?? 0,
    revision,
  )
  for (const { key, text } of versions) {
    if (text === null) texts.delete(key)
    else texts.set(key, text)
  }
  return texts
}

/** Read without a pause. */
const textsAtOnce = 500

/** Throws when it does not have the digest that was published: the tables are damaged. */
export async function treeAt(
  sql: Sql,
  { cluster, revision, digest }: SnapshotRow,
  pause: Pause,
): Promise<Tree> {
  const ids = [...textsAt(sql, cluster, revision).values()]
  const byBucket = new Map<number, SnapshotObject[]>()
  for (let n = 0; n < ids.length; n += textsAtOnce) {
    const rows = sql.all<{ text: string }>(
      'SELECT text FROM texts WHERE id IN (SELECT value FROM json_each(?))',
      JSON.stringify(ids.slice(n, n + textsAtOnce)),
    )
    for (const { text } of rows) {
      const object = parsed<SnapshotObject>(text)
      const bucket = byBucket.get(bucketOf(object.key))
      if (bucket) bucket.push(object)
      else byBucket.set(bucketOf(object.key), [object])
    }
    await pause()
  }
  const buckets = new Map<number, Bucket>()
  for (const [index, objects] of byBucket) {
    buckets.set(index, bucketFrom(objects))
    await pause()
  }
  const tree = replaceBuckets(emptyTree, buckets)
  if (tree.root !== digest)
    throw new HistoryDamaged(`${cluster} at ${revision} does not have its digest`)
  return tree
}

/** The object with this key at a revision; null: none. */
export function objectAt(
  sql: Sql,
  cluster: string,
  key: string,
  revision: number,
): SnapshotObject | null {
  const [row] = sql.all<{ text: string | null }>(
    `SELECT (SELECT text FROM texts WHERE id = versions.text) AS text FROM versions
     WHERE cluster = ? AND key = ? AND revision <= ? ORDER BY revision DESC LIMIT 1`,
    cluster,
    key,
    revision,
  )
  return row?.text ? parsed<SnapshotObject>(row.text) : null
}

function parsed<Value>(text: string): Value {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new HistoryDamaged('a text of the history is no JSON', { cause })
  }
}

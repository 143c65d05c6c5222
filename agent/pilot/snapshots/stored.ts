/**
 * What the disk holds of the snapshot, believed only as far as control's signatures and digests reach:
 * the objects of `snapshot.json` with the positions of `positions.json` laid over must hash to the
 * digest of the newer header.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Header, precedence } from '#wire/header.ts'
import type { SnapshotObject } from '#wire/object.ts'
import type { Sealed } from '#wire/signature.ts'
import {
  type Bucket,
  bucketFrom,
  bucketOf,
  emptyTree,
  objectsOf,
  replaceBuckets,
  type Tree,
  update,
} from '#wire/tree.ts'
import { loadSnapshot, type PositionsRecord } from '../disk/last-known-good.ts'
import { type HeldVersion, type Trust, verify } from './admit.ts'
import type { Held } from './snapshots.ts'

export interface StoredSnapshot {
  /** The newest snapshot that is whole on disk. */
  readonly held: Held | null
  /** Digest of the table that was compiled from its objects; null when another content is held. */
  readonly table: string | null
  /** Base of a repair when `held` is null. */
  readonly base: Held | null
  /** Nothing older than this may be taken. */
  readonly floor: HeldVersion | null
}

export async function loadStoredSnapshot(
  folder: string,
  positions: PositionsRecord | null,
  trust: Trust,
  onCorrupt: (file: string) => void,
): Promise<StoredSnapshot> {
  const own = async (message: Sealed | undefined): Promise<Header | null> => {
    const header = message && (await verify(message, trust))
    return header && !('ok' in header) && header.cluster === trust.cluster ? header : null
  }
  const newest = await own(positions?.header)
  const record = loadSnapshot(folder, onCorrupt)
  const header = await own(record?.header)
  if (!record || !header) return { held: null, table: null, base: null, floor: newest }

  const tree = await treeInSlices(record.objects)
  if (tree.root !== header.digest) {
    onCorrupt('snapshot.json')
    return { held: null, table: null, base: null, floor: newest ?? header }
  }
  const base: Held = { header, sealed: record.header, tree, receivedMs: null }
  if (!positions || !newest || precedence(newest, header) !== 'newer') {
    return { held: base, table: record.table, base, floor: null }
  }
  const laid = layPositions(tree, positions)
  if (laid.root !== newest.digest) return { held: null, table: null, base, floor: newest }
  const held: Held = { header: newest, sealed: positions.header, tree: laid, receivedMs: null }
  return { held, table: record.table, base, floor: null }
}

function layPositions(tree: Tree, { objects }: PositionsRecord): Tree {
  const kept = new Set(objects.map((object) => object.key))
  const remove: string[] = []
  for (const object of objectsOf(tree)) {
    if (object.kind === 'position' && !kept.has(object.key)) remove.push(object.key)
  }
  return update(tree, { put: objects, remove })
}

/** One bucket a turn: 100,000 objects take a second to hash, and the workers' words come meanwhile. */
async function treeInSlices(objects: readonly SnapshotObject[]): Promise<Tree> {
  const byBucket = new Map<number, SnapshotObject[]>()
  for (const object of objects) {
    const id = bucketOf(object.key)
    const list = byBucket.get(id)
    if (list) list.push(object)
    else byBucket.set(id, [object])
  }
  const buckets = new Map<number, Bucket>()
  for (const [id, list] of byBucket) {
    buckets.set(id, bucketFrom(list))
    if (list.length > 50) await nextTurn()
  }
  return replaceBuckets(emptyTree, buckets)
}

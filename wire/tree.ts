/**
 * A cluster's objects as a two-level hash tree, so that a change of one object re-hashes one bucket
 * and 8 KiB, whatever the number of routes (DESIGN D3):
 *
 *   object ──SHA-256──▶ leaf ┐
 *   …                        ├─ sorted by key ─▶ bucket hash ┐
 *   object ──SHA-256──▶ leaf ┘                               ├─ 256 in order ─▶ root = the digest
 *                                          (empty: 32 zeros) ┘
 *
 * The tree is a value: `update` returns a new one and shares every bucket that did not change.
 */
import { bytesToHex, concatBytes } from '@noble/hashes/utils.js'
import { canonicalBytes, sha256 } from './digest.ts'
import type { SnapshotObject } from './object.ts'

export const bucketCount = 256

export interface Bucket {
  /** Sorted by key (UTF-16 code units, as RFC 8785 sorts). */
  readonly objects: readonly SnapshotObject[]
  readonly leaves: readonly Uint8Array[]
  /** Lower-case hex; 64 zeros when empty. */
  readonly hash: string
  /** The same as bytes: the root is made of 256 of them at every change. */
  readonly hashBytes: Uint8Array
}

export interface Tree {
  readonly buckets: readonly Bucket[]
  /** The snapshot's digest and ETag, lower-case hex. */
  readonly root: string
  readonly objectCount: number
}

export interface Changes {
  readonly put: readonly SnapshotObject[]
  /** Keys of objects that are gone. */
  readonly remove: readonly string[]
}

const emptyHash = '0'.repeat(64)
const emptyBucket: Bucket = {
  objects: [],
  leaves: [],
  hash: emptyHash,
  hashBytes: new Uint8Array(32),
}

export const emptyTree: Tree = withRoot(Array.from({ length: bucketCount }, () => emptyBucket))

/** FNV-1a over the key's UTF-16 code units, modulo 256: which bucket an object lives in. */
export function bucketOf(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) {
    hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  }
  return (hash ^ (hash >>> 16)) & 0xff
}

export function update(tree: Tree, changes: Changes): Tree {
  const touched = new Map<number, Map<string, SnapshotObject | undefined>>()
  const touch = (key: string, object: SnapshotObject | undefined) => {
    const index = bucketOf(key)
    const bucket = touched.get(index) ?? new Map<string, SnapshotObject | undefined>()
    touched.set(index, bucket.set(key, object))
  }
  for (const key of changes.remove) touch(key, undefined)
  for (const object of changes.put) touch(object.key, object)
  if (touched.size === 0) return tree
  const buckets = tree.buckets.slice()
  for (const [index, changed] of touched) buckets[index] = changedBucket(buckets[index]!, changed)
  return withRoot(buckets)
}

export const treeOf = (objects: Iterable<SnapshotObject>): Tree =>
  update(emptyTree, { put: [...objects], remove: [] })

/** A bucket from objects that came from elsewhere: sorts, hashes; the caller compares the hash. */
export function bucketFrom(objects: readonly SnapshotObject[]): Bucket {
  if (objects.length === 0) return emptyBucket
  const sorted = objects.slice().sort(byKey)
  return bucketOfLeaves(sorted, sorted.map(leafOf))
}

export function replaceBuckets(tree: Tree, replaced: ReadonlyMap<number, Bucket>): Tree {
  if (replaced.size === 0) return tree
  return withRoot(tree.buckets.map((bucket, index) => replaced.get(index) ?? bucket))
}

/** What turns `from` into `to`; unchanged buckets are skipped by identity or hash. */
export function difference(from: Tree, to: Tree): Changes {
  const put: SnapshotObject[] = []
  const remove: string[] = []
  for (let i = 0; i < bucketCount; i++) {
    const before = from.buckets[i]!
    const after = to.buckets[i]!
    if (before === after || before.hash === after.hash) continue
    const old = new Map(before.objects.map((object, n) => [object.key, before.leaves[n]!]))
    after.objects.forEach((object, n) => {
      const leaf = old.get(object.key)
      old.delete(object.key)
      if (!leaf || !sameBytes(leaf, after.leaves[n]!)) put.push(object)
    })
    remove.push(...old.keys())
  }
  return { put, remove }
}

export function* objectsOf(tree: Tree): Generator<SnapshotObject> {
  for (const bucket of tree.buckets) yield* bucket.objects
}

export const find = (tree: Tree, key: string): SnapshotObject | undefined =>
  tree.buckets[bucketOf(key)]!.objects.find((object) => object.key === key)

export const bucketHashes = (tree: Tree): string[] => tree.buckets.map((bucket) => bucket.hash)

function changedBucket(
  bucket: Bucket,
  changed: ReadonlyMap<string, SnapshotObject | undefined>,
): Bucket {
  const entries: [SnapshotObject, Uint8Array][] = []
  bucket.objects.forEach((object, n) => {
    if (!changed.has(object.key)) entries.push([object, bucket.leaves[n]!])
  })
  for (const object of changed.values()) if (object) entries.push([object, leafOf(object)])
  if (entries.length === 0) return emptyBucket
  entries.sort((a, b) => byKey(a[0], b[0]))
  return bucketOfLeaves(
    entries.map((entry) => entry[0]),
    entries.map((entry) => entry[1]),
  )
}

function bucketOfLeaves(objects: SnapshotObject[], leaves: Uint8Array[]): Bucket {
  const hashBytes = sha256(concatBytes(...leaves))
  return { objects, leaves, hash: bytesToHex(hashBytes), hashBytes }
}

function withRoot(buckets: readonly Bucket[]): Tree {
  const hashes = concatBytes(...buckets.map((bucket) => bucket.hashBytes))
  return {
    buckets,
    root: bytesToHex(sha256(hashes)),
    objectCount: buckets.reduce((count, bucket) => count + bucket.objects.length, 0),
  }
}

const leafOf = (object: SnapshotObject) => sha256(canonicalBytes(object))
const byKey = (a: SnapshotObject, b: SnapshotObject) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)
const sameBytes = (a: Uint8Array, b: Uint8Array) =>
  a.length === b.length && a.every((byte, i) => byte === b[i])

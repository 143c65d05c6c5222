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

import { concatBytes, hexToBytes } from '@noble/hashes/utils.js'
import { sha256, sha256Hex } from '#wire/sha256.ts'
import { canonicalBytes } from './digest.ts'
import type { SnapshotObject } from './object.ts'

export const bucketCount = 256

export interface Bucket {
  /** Sorted by key (UTF-16 code units, as RFC 8785 sorts). */
  readonly objects: readonly SnapshotObject[]
  readonly leaves: readonly Uint8Array[]
  /** Lower-case hex; 64 zeros when empty. */
  readonly hash: string
}

export interface Tree {
  readonly buckets: readonly Bucket[]
  /** The hashes of all buckets, 32 bytes each: what `root` is the hash of. */
  readonly hashes: Uint8Array
  /** The snapshot's digest and ETag, lower-case hex. */
  readonly root: string
  readonly objectCount: number
}

export interface Changes {
  readonly put: readonly SnapshotObject[]
  /** Keys of objects that are gone. */
  readonly remove: readonly string[]
}

const hashBytes = 32
const emptyBucket: Bucket = { objects: [], leaves: [], hash: '0'.repeat(2 * hashBytes) }

export const emptyTree: Tree = {
  buckets: Array.from({ length: bucketCount }, () => emptyBucket),
  hashes: new Uint8Array(bucketCount * hashBytes),
  root: sha256Hex(new Uint8Array(bucketCount * hashBytes)),
  objectCount: 0,
}

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
  const replaced = new Map<number, Bucket>()
  for (const [index, changed] of touched) {
    replaced.set(index, changedBucket(tree.buckets[index]!, changed))
  }
  return replaceBuckets(tree, replaced)
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
  const buckets = tree.buckets.slice()
  const hashes = tree.hashes.slice()
  let { objectCount } = tree
  for (const [index, bucket] of replaced) {
    objectCount += bucket.objects.length - buckets[index]!.objects.length
    buckets[index] = bucket
    hashes.set(hexToBytes(bucket.hash), index * hashBytes)
  }
  return { buckets, hashes, root: sha256Hex(hashes), objectCount }
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
  return { objects, leaves, hash: sha256Hex(concatBytes(...leaves)) }
}

const leafOf = (object: SnapshotObject) => sha256(canonicalBytes(object))
const byKey = (a: SnapshotObject, b: SnapshotObject) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)
const sameBytes = (a: Uint8Array, b: Uint8Array) =>
  a.length === b.length && a.every((byte, i) => byte === b[i])

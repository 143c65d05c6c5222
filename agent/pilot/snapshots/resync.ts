/**
 * From a header that is believed to the objects that it stands for: the own tree with the changes that
 * rode along, or with the stored buckets that differ. Whatever the way, a tree counts only when its root
 * is the digest that control has signed.
 */
import { z } from 'zod'
import { type Announcement, type Header, storedBucket, storedIndex } from '#wire/header.ts'
import { limits } from '#wire/limits.ts'
import {
  type Bucket,
  bucketCount,
  bucketFrom,
  bucketOf,
  replaceBuckets,
  type Tree,
  update,
} from '#wire/tree.ts'
import type { Session } from '../session/session.ts'

/** The tree of the header when its changes lead there from `tree`; else null. No I/O: the fast way. */
export function layChanges(tree: Tree, header: Header, announcement: Announcement): Tree | null {
  if (tree.root === header.digest) return tree
  if (announcement.since !== tree.root) return null
  const laid = update(tree, announcement)
  return laid.root === header.digest ? laid : null
}

/**
 * Fetches the buckets that differ, then all of them, and lays the changes over what it finds, because
 * control may have died between header and buckets. Null: what is stored does not lead to the digest.
 */
export async function fetchTree(
  session: Session,
  tree: Tree,
  header: Header,
  announcement: Announcement,
  signal: AbortSignal,
): Promise<Tree | null> {
  const hashes = parseIndex(await session.index(signal))
  if (hashes) {
    const differing = hashes.flatMap((hash, id) => (hash === tree.buckets[id]!.hash ? [] : [id]))
    const found = await fetchBuckets(session, differing, signal)
    const proven = prove(replaceBuckets(tree, found), header, announcement)
    if (proven) return proven
  }
  const all = Array.from({ length: bucketCount }, (_, id) => id)
  const found = await fetchBuckets(session, all, signal)
  for (const id of all) if (!found.has(id)) found.set(id, bucketFrom([]))
  return prove(replaceBuckets(tree, found), header, announcement)
}

function prove(found: Tree, header: Header, changes: Announcement): Tree | null {
  if (found.root === header.digest) return found
  const laid = update(found, changes)
  return laid.root === header.digest ? laid : null
}

async function fetchBuckets(
  session: Session,
  ids: readonly number[],
  signal: AbortSignal,
): Promise<Map<number, Bucket>> {
  const buckets = new Map<number, Bucket>()
  for (let at = 0; at < ids.length; at += limits.bucketsPerFetch) {
    const some = ids.slice(at, at + limits.bucketsPerFetch)
    for (const [id, bytes] of await session.buckets(some, signal)) {
      const bucket = some.includes(id) ? parseBucket(id, bytes) : null
      if (bucket) buckets.set(id, bucket)
    }
  }
  return buckets
}

const parseIndex = (bytes: Uint8Array | null): readonly string[] | null =>
  (bytes && parse(storedIndex, bytes))?.hashes ?? null

/** Null when it is not a bucket of that number: then it is as if it were missing. */
function parseBucket(id: number, bytes: Uint8Array): Bucket | null {
  if (bytes.length > limits.bucketBytes) return null
  const stored = parse(storedBucket, bytes)
  if (stored?.bucket !== id) return null
  const keys = new Set(stored.objects.map((object) => object.key))
  const own = keys.size === stored.objects.length && [...keys].every((key) => bucketOf(key) === id)
  return own ? bucketFrom(stored.objects) : null
}

function parse<T>(schema: z.ZodType<T>, bytes: Uint8Array): T | null {
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(bytes)))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return null
    throw error
  }
}

/**
 * A publication as bytes: the signed header with the changes that ride along, the buckets, the index.
 */
import { canonicalBytes } from '#wire/digest.ts'
import type { Announcement, Header, StoredBucket } from '#wire/header.ts'
import { limits } from '#wire/limits.ts'
import { type SigningKey, seal } from '#wire/signature.ts'
import { bucketCount, bucketHashes, type Changes, difference, type Tree } from '#wire/tree.ts'
import type { Publication } from './publisher-port.ts'

const encoder = new TextEncoder()
const json = (value: unknown): Uint8Array => encoder.encode(JSON.stringify(value))

export interface Seal {
  readonly cluster: string
  readonly key: SigningKey
  readonly nowMs: number
}

/** With the changes that lead from `since`; null when they are too big to ride along. */
export async function announceChanges(
  publication: Publication,
  since: Tree,
  by: Seal,
): Promise<Uint8Array | null> {
  const { put, remove } = difference(since, publication.tree)
  if (put.length > limits.announcementChanges || remove.length > limits.announcementChanges) {
    return null
  }
  const bytes = await announce(publication, by, since.root, { put, remove })
  return bytes.length <= limits.announcementBytes ? bytes : null
}

/** The header alone: its buckets are stored already. */
export const announceStored = (publication: Publication, by: Seal): Promise<Uint8Array> =>
  announce(publication, by, null, { put: [], remove: [] })

async function announce(
  { epoch, revision, format, tree }: Publication,
  { cluster, key, nowMs }: Seal,
  since: string | null,
  changes: Changes,
): Promise<Uint8Array> {
  const header: Header = {
    cluster,
    epoch,
    revision,
    format,
    digest: tree.root,
    publishedAtMs: nowMs,
  }
  const { put, remove } = changes
  const sealed = await seal(canonicalBytes(header), key)
  return json({ header: sealed, since, put: [...put], remove: [...remove] } satisfies Announcement)
}

export const bucketBytes = (tree: Tree, bucket: number): Uint8Array =>
  json({ bucket, objects: [...tree.buckets[bucket]!.objects] } satisfies StoredBucket)

export const indexBytes = (tree: Tree): Uint8Array => json({ hashes: bucketHashes(tree) })

/** Numbers of the buckets that differ. */
export function touchedBuckets(from: Tree, to: Tree): number[] {
  const touched: number[] = []
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    const [before, after] = [from.buckets[bucket]!, to.buckets[bucket]!]
    if (before !== after && before.hash !== after.hash) touched.push(bucket)
  }
  return touched
}

/**
 * What a transport holds for a cluster, read back: which header of ours, and exactly which objects. The
 * publisher starts from here after a restart, a reconnect or a failure, and never from what it believes
 * it has written.
 */
import {
  type Announcement,
  announcement,
  type Header,
  header as headerSchema,
  storedBucket,
} from '#wire/header.ts'
import { open, type PinnedKeys } from '#wire/signature.ts'
import {
  type Bucket,
  bucketCount,
  bucketFrom,
  bucketOf,
  emptyTree,
  replaceBuckets,
  type Tree,
} from '#wire/tree.ts'
import type { Transport } from './transport.ts'

export interface StoredHeader {
  readonly header: Header
  readonly announcement: Announcement
}

export interface StoredObjects {
  /** What readers would find; a missing bucket is an empty one. */
  readonly tree: Tree
  /** Buckets whose bytes are not a bucket; empty in `tree`. */
  readonly damaged: readonly number[]
}

const parse = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}

/** Null when the bytes are not a header that control has signed for this cluster: it is written over. */
export async function believeHeader(
  bytes: Uint8Array,
  cluster: string,
  ours: PinnedKeys,
): Promise<StoredHeader | null> {
  const whole = announcement.safeParse(parse(bytes))
  if (!whole.success) return null
  const opened = await open(whole.data.header, ours).catch(() => null)
  if (!opened || 'refused' in opened) return null
  const found = headerSchema.safeParse(parse(opened.payload))
  if (!found.success || found.data.cluster !== cluster) return null
  return { header: found.data, announcement: whole.data }
}

export async function readObjects(
  transport: Pick<Transport, 'readBuckets'>,
  cluster: string,
): Promise<StoredObjects> {
  const stored = await transport.readBuckets(cluster)
  const buckets = new Map<number, Bucket>()
  const damaged: number[] = []
  for (const [number, bytes] of stored) {
    if (!Number.isInteger(number) || number < 0 || number >= bucketCount) continue
    const bucket = parseBucket(number, bytes)
    if (bucket) buckets.set(number, bucket)
    else damaged.push(number)
  }
  return { tree: replaceBuckets(emptyTree, buckets), damaged }
}

function parseBucket(number: number, bytes: Uint8Array): Bucket | null {
  const found = storedBucket.safeParse(parse(bytes))
  if (!found.success || found.data.bucket !== number) return null
  const { objects } = found.data
  const keys = new Set(objects.map((object) => object.key))
  if (keys.size !== objects.length) return null
  for (const key of keys) if (bucketOf(key) !== number) return null
  return bucketFrom(objects)
}

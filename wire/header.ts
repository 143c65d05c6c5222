/**
 * The message down: a cluster's signed header, announced with what changed (DESIGN D2, D3, D4).
 * The header proves everything else: objects and buckets are trusted only when they hash to its digest,
 * so the changes that ride along need no signature of their own.
 */
import { z } from 'zod'
import { limits } from './limits.ts'
import * as names from './names.ts'
import { snapshotObject } from './object.ts'
import { sealed } from './signature.ts'

/**
 * The newest content format that this program writes, and those that it reads. Which one a fleet uses is
 * in the log: it is raised only once every enrolled agent reports that it reads the next.
 */
export const currentFormat = 2
export const supportedFormats: readonly number[] = [1, 2]

/** Written only by `init` and `recover`; the random id tells two histories apart. */
export const epoch = z.strictObject({
  number: z.int().min(1).max(1_000_000),
  id: z.string().regex(/^[0-9a-f]{16}$/),
})

export const header = z.strictObject({
  cluster: names.clusterName,
  epoch,
  /** Log position of the record that made this snapshot. */
  revision: names.revision,
  format: z.int().min(1),
  /** Root of the tree of all objects. */
  digest: names.digestHex,
  /** Publisher's clock, for people; nothing is decided by it. */
  publishedAtMs: z.int().min(0),
})

export const announcement = z.strictObject({
  /** Seals the canonical bytes of a header. */
  header: sealed,
  /** Digest that the changes lead from; null when nothing rides along. */
  since: names.digestHex.nullable(),
  put: z.array(snapshotObject).max(limits.announcementChanges),
  remove: z.array(z.string().max(256)).max(limits.announcementChanges),
})

/** A bucket as it is stored: `bucketOf` its index, proven by the header's digest. */
export const storedBucket = z.strictObject({
  bucket: z.int().min(0).max(255),
  objects: z.array(snapshotObject),
})

/** Hashes of the stored buckets, in order; may be one revision behind the header. */
export const storedIndex = z.strictObject({ hashes: z.array(names.digestHex).length(256) })

export type Epoch = z.infer<typeof epoch>
export type Header = z.infer<typeof header>
export type Announcement = z.infer<typeof announcement>
export type StoredBucket = z.infer<typeof storedBucket>
export type StoredIndex = z.infer<typeof storedIndex>

export type Precedence = 'newer' | 'same' | 'older' | 'fork'

type Version = Pick<Header, 'epoch' | 'revision' | 'digest'>

/** How `candidate` relates to what is held; a fork is the same place in two histories. */
export function precedence(candidate: Version, held: Version): Precedence {
  if (candidate.epoch.number !== held.epoch.number) {
    return candidate.epoch.number > held.epoch.number ? 'newer' : 'older'
  }
  if (candidate.epoch.id !== held.epoch.id) return 'fork'
  if (candidate.revision !== held.revision) {
    return candidate.revision > held.revision ? 'newer' : 'older'
  }
  return candidate.digest === held.digest ? 'same' : 'fork'
}

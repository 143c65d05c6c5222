/**
 * How full the object is: `/readyz` tells it from the half on, and `/edge/compact` makes room. Near the end
 * nothing new is begun; what has begun goes on, by its buttons and by what agents report.
 */
import type { HealthWarning } from '../api/health.ts'
import { problem } from '../api/problem.ts'
import { platformLimits } from './limits.ts'
import { openObjectLog } from './object-log.ts'
import type { ObjectStorage } from './platform.ts'

/** Of the limit, when nobody is in a hurry yet. */
const warnAt = 0.5
/** What is left is for switches under way, going back, and the pages of a compaction. */
const fullAt = 0.95

export interface StorageRoom {
  warnings(): readonly HealthWarning[]
  /** Null: it may go on. */
  refusal(request: Request): Response | null
  compact(): Promise<Response>
}

/** `limitText`: bytes that the object may fill; left out: what the platform lets it. */
export function createStorageRoom(storage: ObjectStorage, limitText?: string): StorageRoom {
  const limitBytes = bytesIn(limitText)
  let isCompacting = false
  return {
    warnings() {
      const bytes = storage.sql.databaseSize
      return bytes < limitBytes * warnAt ? [] : [filling(bytes, limitBytes)]
    },
    refusal(request) {
      if (!isNew(request) || storage.sql.databaseSize < limitBytes * fullAt) return null
      return problem({ ...filling(storage.sql.databaseSize, limitBytes), code: 'storage-full' })
    },
    async compact() {
      if (isCompacting) return problem({ code: 'overloaded', detail: 'It is being done already.' })
      isCompacting = true
      try {
        const bytesBefore = storage.sql.databaseSize
        const compacted = await openObjectLog(storage).compact()
        return Response.json({ ...compacted, bytesBefore, bytes: storage.sql.databaseSize })
      } finally {
        isCompacting = false
      }
    },
  }
}

/** Not the buttons of a release, nor what agents say. */
const isNew = ({ method, url }: Request): boolean =>
  method === 'PUT' || (method === 'POST' && /^\/v1\/[^/]+$/.test(new URL(url).pathname))

function bytesIn(text: string | undefined): number {
  if (text === undefined) return platformLimits.storageBytes
  if (!/^[1-9]\d{3,13}$/.test(text)) {
    throw new Error(`SWITCHYARD_STORAGE_BYTES is a number of bytes, not ${text}`)
  }
  return Number(text)
}

const filling = (bytes: number, limitBytes: number): HealthWarning => ({
  code: 'storage-filling',
  detail: `The object holds ${megabytes(bytes)} of the ${megabytes(limitBytes)} MB that it may.`,
  fix: 'POST /edge/compact packs old records, and loses none (docs/edge.md).',
})

const megabytes = (bytes: number) => (bytes / 1_000_000).toFixed(1)

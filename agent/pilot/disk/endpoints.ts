/**
 * Endpoints on disk, for a worker or a pilot that starts when nobody can be asked. They change all the time, and
 * nobody waits for them there: written a moment later, beside the loop. Only a position that needs them waits.
 */
import type { EndpointsRecord } from '../endpoints/served.ts'
import { writeEndpoints, writeEndpointsBehind } from './last-known-good.ts'

export interface EndpointsOnDisk {
  /** A moment later, with what changes until then. */
  soon(): void
  /** They are there when it returns. Throws when the disk does not take them. */
  now(): void
  stop(): Promise<void>
}

const writeSoonMs = 200

export function createEndpointsOnDisk(options: {
  readonly folder: string
  /** Another `endpoints` whenever something has changed. */
  readonly record: () => EndpointsRecord
  readonly onTrouble: (error: unknown) => void
  readonly soonMs?: number
}): EndpointsOnDisk {
  const { folder, record, onTrouble, soonMs = writeSoonMs } = options
  let onDisk = record().endpoints
  let timer: NodeJS.Timeout | null = null
  let writing: Promise<void> | null = null

  /** What is written at once meanwhile is newer, and stays. */
  async function write(): Promise<void> {
    const before = onDisk
    const next = record()
    try {
      const written = await writeEndpointsBehind(folder, next, () => onDisk === before)
      if (written) onDisk = next.endpoints
    } catch (error) {
      onTrouble(error)
    }
    writing = null
  }

  return {
    soon() {
      if (timer || writing || onDisk === record().endpoints) return
      timer = setTimeout(() => {
        timer = null
        writing = write()
      }, soonMs)
    },
    now() {
      const next = record()
      if (onDisk === next.endpoints) return
      writeEndpoints(folder, next)
      onDisk = next.endpoints
    },
    async stop() {
      if (timer) clearTimeout(timer)
      await writing
    },
  }
}

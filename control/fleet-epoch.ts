/**
 * The highest epoch that an agent or a stored header was seen with while the fleet was ahead. It is kept
 * outside the log, which is behind: so that the epoch of `recover` is above it.
 */
import { z } from 'zod'
import { type Store, storedNames } from './trust/store.ts'

const seen = z.strictObject({ number: z.int().min(0) })

/** 0: never. */
export function fleetEpoch(store: Pick<Store, 'read'>): number {
  const text = store.read(storedNames.fleetEpoch)
  return text === null ? 0 : seen.parse(JSON.parse(text)).number
}

export function rememberFleetEpoch(store: Pick<Store, 'read' | 'write'>, number: number): void {
  if (number <= fleetEpoch(store)) return
  store.write(storedNames.fleetEpoch, `${JSON.stringify({ number })}\n`)
}

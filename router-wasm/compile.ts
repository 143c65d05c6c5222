/**
 * Objects → a table's bytes: the same bytes for the same objects in any order, in control (before it
 * appends) and in every agent. A refusal names the object and says why.
 */
import { limits } from '#wire/limits.ts'
import type { SnapshotObject } from '#wire/object.ts'
import { encodeTable } from './encode.ts'
import { type Fault, planTable } from './plan.ts'

export type Compiled =
  | {
      readonly ok: true
      readonly bytes: Uint8Array<ArrayBuffer>
      /** Objects that compile but cannot do what they say. */
      readonly warnings: readonly Fault[]
    }
  | ({ readonly ok: false } & Fault)

export function compileTable(objects: Iterable<SnapshotObject>): Compiled {
  const planned = planTable(objects)
  if (!planned.ok) return planned
  const bytes = encodeTable(planned.plan)
  if (bytes === null) {
    const reason = `the table would be larger than ${limits.tableBytes} bytes`
    return { ok: false, code: 'does-not-compile', key: '', reason }
  }
  return { ok: true, bytes, warnings: planned.plan.warnings }
}

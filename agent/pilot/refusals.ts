/** What this agent has refused since it started: one entry a code, with the newest reason (the nacks). */

import type { RefusalCode } from '#wire/codes.ts'
import { limits } from '#wire/limits.ts'
import type { Refusal } from '#wire/report.ts'

export interface Refusals {
  add(code: RefusalCode, revision: number | null, reason: string): void
  list(): Refusal[]
}

/** `onAdd` hears each one, for the log and the report. */
export function createRefusals(onAdd: (refusal: Refusal) => void): Refusals {
  const byCode = new Map<RefusalCode, Refusal>()
  return {
    add(code, revision, reason) {
      const count = (byCode.get(code)?.count ?? 0) + 1
      const refusal = { code, revision, reason: reason.slice(0, limits.reasonChars), count }
      byCode.set(code, refusal)
      onAdd(refusal)
    },
    list: () => [...byCode.values()],
  }
}

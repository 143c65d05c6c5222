/**
 * The state as it was: the log folded up to a revision (DESIGN D1). One fold at a time, with pauses, so
 * that looking back never holds up a turn; the newest fold is kept, because who looks back looks again.
 */
import { evolve } from './domain/evolve.ts'
import { parseRecord } from './domain/record.ts'
import { emptyState, type State } from './domain/state.ts'
import type { Log } from './log/log.ts'

const pageRecords = 128

export interface History {
  /** Null when another fold is under way. `revision` is at most that of the newest record. */
  stateAt(revision: number): Promise<State | null>
}

export function createHistory(log: Pick<Log, 'read'>): History {
  let kept = emptyState
  let folding = false
  return {
    async stateAt(revision) {
      if (folding) return null
      folding = true
      try {
        let state = kept.position <= revision ? kept : emptyState
        while (state.position < revision) {
          const wanted = Math.min(pageRecords, revision - state.position)
          const page = await log.read(state.position, wanted)
          if (page.length === 0) throw new Error(`the log ends before ${revision}`)
          for (const { position, text } of page) state = evolve(state, parseRecord(text, position))
          await new Promise((resolve) => setTimeout(resolve))
        }
        kept = state
        return state
      } finally {
        folding = false
      }
    },
  }
}

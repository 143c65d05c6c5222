/**
 * What the chapters of the demo share: the fleet and its load, the promises that are checked, and a switch
 * with its figures. A promise that breaks ends the demo.
 */
import type { History, Moved } from '../../../bench/load/history.ts'
import type { Step } from '../../../bench/load/users.ts'
import type { Load } from '../../../bench/load.ts'
import type { Fleet } from '../fleet.ts'
import { bold, green, ms, say } from '../screen.ts'

export interface Switched {
  readonly from: string
  readonly calledMs: number
  readonly answeredMs: number
}

/** Steps of a canary, as they were walked: who was asked when, and when its share only grew. */
export interface Canary {
  readonly version: string
  readonly steps: readonly (Step & { readonly weight: number; readonly heldUntilMs: number })[]
}

export interface Scene {
  readonly fleet: Fleet
  readonly load: Load
  readonly history: History
  /** Every whole switch so far. */
  readonly switched: readonly Switched[]
  /** All traffic moves; both versions may answer while it is under way. */
  move(id: string, to: string, kind: 'promote' | 'rollback', quiet?: boolean): Promise<Switched>
}

class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise'
}

export function promise(what: string, kept: boolean): void {
  if (!kept) throw new BrokenPromise(what)
  say(`  ${green('✓')} ${what}`)
}

export const headline = (text: string): void => say(`\n${bold(text)}`)

export const tookMs = ({ calledMs, answeredMs }: Pick<Moved<unknown>, 'calledMs' | 'answeredMs'>) =>
  answeredMs - calledMs

export function createScene(fleet: Fleet, load: Load, history: History): Scene {
  const { client } = fleet
  const switched: Switched[] = []
  return {
    fleet,
    load,
    history,
    switched,
    async move(id, to, kind, quiet = false) {
      const from = history.current
      const moved = await history.move(to, () =>
        client.step(id, kind, { wait: 'active', timeoutMs: 10_000 }),
      )
      const one = { from, calledMs: moved.calledMs, answeredMs: moved.answeredMs }
      switched.push(one)
      if (quiet) return one
      const { switch: last } = await client.getRelease(id)
      const skew =
        last?.skewMs == null
          ? 'skew not measured'
          : `skew between agents ${ms(last.skewMs)} ± ${ms(last.skewErrorMs ?? 0)}`
      say(`  ${kind} answered in ${ms(tookMs(one))}; ${skew}`)
      return one
    },
  }
}

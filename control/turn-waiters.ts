/** Those who wait for something to become true: looked at after every turn, bounded in time and number. */
import type { Fleet } from './domain/reports/fleet.ts'
import type { State } from './domain/state.ts'

type Predicate = (state: State, fleet: Fleet) => boolean

/** Each is looked at after every turn, so there may not be endlessly many. */
export const waitersMax = 1_024

export function createWaiters() {
  const waiting = new Set<{ predicate: Predicate; done: (held: boolean) => void }>()
  return {
    look(state: State, fleet: Fleet): void {
      for (const waiter of [...waiting]) if (waiter.predicate(state, fleet)) waiter.done(true)
    },
    /** False at once when too many wait already. */
    wait(predicate: Predicate, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
      if (signal.aborted || waiting.size >= waitersMax) return Promise.resolve(false)
      return new Promise((resolve) => {
        const giveUp = () => waiter.done(false)
        const waiter = {
          predicate,
          done(held: boolean) {
            clearTimeout(timer)
            signal.removeEventListener('abort', giveUp)
            waiting.delete(waiter)
            resolve(held)
          },
        }
        const timer = setTimeout(giveUp, timeoutMs)
        signal.addEventListener('abort', giveUp)
        waiting.add(waiter)
      })
    },
    stop(): void {
      for (const waiter of [...waiting]) waiter.done(false)
    },
  }
}

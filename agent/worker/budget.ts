/**
 * How many requests may be repeated (http-rules 51): a fifth of all requests, and a few in reserve for a
 * quiet worker, so that repetitions cannot double the load on backends that are failing.
 */
export interface RepeatBudget {
  /** For each request. */
  earn(): void
  /** For each repetition: false when there is nothing left. */
  spend(): boolean
}

export function createRepeatBudget(share: number, reserve: number): RepeatBudget {
  let left = reserve
  return {
    earn() {
      if (left < reserve) left += share
    },
    spend() {
      if (left < 1) return false
      left -= 1
      return true
    },
  }
}

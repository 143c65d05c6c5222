/** One at a time, in order; a bounded number waits, and who comes after that is told so. */
export interface Queue {
  /** Null: too many wait already. */
  run<T>(work: () => Promise<T>): Promise<T> | null
}

export function createQueue(waitingMax: number): Queue {
  let last: Promise<unknown> = Promise.resolve()
  let count = 0
  return {
    run(work) {
      if (count > waitingMax) return null
      count++
      const done = last.then(work).finally(() => count--)
      last = done.catch(() => {
        // Who asked for it is told; the next one begins all the same.
      })
      return done
    },
  }
}

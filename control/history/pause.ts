/** Long work in slices: whoever looks back never holds up a turn for longer than one of them. */
const sliceMs = 2

/** Resolves at once until the slice is over, and then after everybody else has had a turn. */
export type Pause = () => Promise<void> | undefined

export function createPause(monotonicMs: () => number): Pause {
  let endMs = monotonicMs() + sliceMs
  return () => {
    if (monotonicMs() < endMs) return undefined
    return new Promise((resolve) => {
      setTimeout(() => {
        endMs = monotonicMs() + sliceMs
        resolve()
      })
    })
  }
}

/**
 * How a loop sleeps: until there is work or, after a failure, until its backoff ends, which work does not
 * shorten but a returned connection does. A call that comes while the loop is awake is kept.
 */
export interface Pause {
  /** Ends at `work`, `look` or after `ms`; without a timer when that is `Infinity`. */
  forWork(ms: number): Promise<void>
  /** Ends at `look` or after `ms`. */
  forLook(ms: number): Promise<void>
  work(): void
  look(): void
  /** Whether the last pause ended because of `work` or `look`. */
  hasWork(): boolean
}

export function createPause(): Pause {
  let kept: 'work' | 'look' | null = null
  let woken = false
  let waiting: { readonly forWork: boolean; readonly end: () => void } | null = null

  function sleep(forWork: boolean, ms: number): Promise<void> {
    woken = kept === 'look' || (kept === 'work' && forWork)
    if (woken) {
      kept = null
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        waiting = null
        resolve()
      }
      const timer = ms === Number.POSITIVE_INFINITY ? undefined : setTimeout(end, ms)
      waiting = { forWork, end }
    })
  }
  function call(kind: 'work' | 'look'): void {
    if (waiting && (kind === 'look' || waiting.forWork)) {
      woken = true
      waiting.end()
    } else if (kept !== 'look') {
      kept = kind
    }
  }
  return {
    forWork: (ms) => sleep(true, ms),
    forLook: (ms) => sleep(false, ms),
    work: () => call('work'),
    look: () => call('look'),
    hasWork: () => woken,
  }
}

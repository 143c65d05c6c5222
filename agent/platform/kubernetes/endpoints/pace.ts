/**
 * Work that is asked for more often than it needs to be done: at once when it was quiet, else not sooner than
 * a gap after the last time, and always once more after the last asking. The gap grows with what the work
 * takes, so that it never takes more than a fifth of the time.
 */
export interface Pace {
  soon(): void
  stop(): void
}

const restPerWork = 4
const gapMsMax = 250

export function createPace(work: () => void, gapMs: number): Pace {
  let asked: NodeJS.Immediate | NodeJS.Timeout | null = null
  let stopped = false
  let freeAtMs = 0

  function run(): void {
    asked = null
    if (stopped) return
    const startMs = performance.now()
    work()
    const tookMs = performance.now() - startMs
    freeAtMs = startMs + tookMs + Math.max(gapMs, Math.min(tookMs * restPerWork, gapMsMax))
  }

  return {
    soon() {
      if (asked !== null || stopped) return
      const waitMs = freeAtMs - performance.now()
      // Everything that one read brought is one asking.
      asked = waitMs <= 0 ? setImmediate(run) : setTimeout(run, Math.ceil(waitMs))
    },
    stop() {
      stopped = true
    },
  }
}

/**
 * Work that is asked for more often than it needs to be done: at once when it was quiet, else not sooner than
 * a gap after the last time, and always once more after the last asking. The gap grows with what the work
 * takes, so that it takes no more than a fifth of the time. What took long once (others had the CPU, garbage was
 * collected) does not count: the shortest of the last three times does.
 */
export interface Pace {
  soon(): void
  stop(): void
}

const restPerWork = 4
const gapMsMax = 250
const lastTimes = 3

/** `work`: says whether there was something to do. */
export function createPace(work: () => boolean, gapMs: number): Pace {
  let asked: NodeJS.Immediate | NodeJS.Timeout | null = null
  let stopped = false
  let freeAtMs = 0
  /** The last first. */
  let tookMs: readonly number[] = []

  function run(): void {
    asked = null
    if (stopped) return
    const startMs = performance.now()
    const didSomething = work()
    const endMs = performance.now()
    if (didSomething) tookMs = [endMs - startMs, ...tookMs].slice(0, lastTimes)
    const restMs = didSomething ? Math.min(...tookMs) * restPerWork : 0
    freeAtMs = endMs + Math.max(gapMs, Math.min(restMs, gapMsMax))
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

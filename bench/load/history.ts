/**
 * Which versions may answer when: the caller says when it begins to move traffic and when it was told
 * that traffic has moved, and the verdict holds every request against that.
 */
import { monotonicMs } from './plan.ts'
import type { Allowed } from './verdict.ts'

export interface Moved<Answer> {
  readonly answer: Answer
  /** On the monotonic clock: the call went out, and its answer had arrived. */
  readonly calledMs: number
  readonly answeredMs: number
}

export interface History {
  readonly allowed: readonly Allowed[]
  /** Of several that share the traffic, the one that was named first. */
  readonly current: string
  /**
   * Runs `move`; while it runs the versions before and after may answer, after it only `to` (one, or
   * several that share the traffic) — or, when it throws or `moved` says no, only those before.
   */
  move<Answer>(
    to: string | readonly string[],
    move: () => Promise<Answer>,
    moved?: (answer: Answer) => boolean,
  ): Promise<Moved<Answer>>
}

export function createHistory(first: string): History {
  const closed: Allowed[] = []
  let open: Allowed[] = [{ version: first, fromMs: monotonicMs() }]
  let settled: readonly string[] = [first]

  function settle(versions: readonly string[]): void {
    const toMs = monotonicMs()
    for (const span of open) if (!versions.includes(span.version)) closed.push({ ...span, toMs })
    open = open.filter((span) => versions.includes(span.version))
    settled = versions
  }

  return {
    get allowed() {
      return [...closed, ...open]
    },
    get current() {
      return settled[0]!
    },
    async move(to, move, moved = () => true) {
      const after = typeof to === 'string' ? [to] : to
      const calledMs = monotonicMs()
      for (const version of after) {
        if (!settled.includes(version)) open.push({ version, fromMs: calledMs })
      }
      let now = settled
      try {
        const answer = await move()
        if (moved(answer)) now = after
        return { answer, calledMs, answeredMs: monotonicMs() }
      } finally {
        settle(now)
      }
    },
  }
}

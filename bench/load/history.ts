/**
 * Which version may answer when: the caller says when it begins to move traffic and when it was told
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
  readonly current: string
  /**
   * Runs `move`; while it runs both versions may answer, after it only `to` — or, when it throws or
   * `moved` says no, only the one before.
   */
  move<Answer>(
    to: string,
    move: () => Promise<Answer>,
    moved?: (answer: Answer) => boolean,
  ): Promise<Moved<Answer>>
}

export function createHistory(first: string): History {
  const closed: Allowed[] = []
  let open: Allowed[] = [{ version: first, fromMs: monotonicMs() }]

  function settle(version: string): void {
    const toMs = monotonicMs()
    for (const span of open) if (span.version !== version) closed.push({ ...span, toMs })
    open = open.filter((span) => span.version === version)
  }

  return {
    get allowed() {
      return [...closed, ...open]
    },
    get current() {
      return open[0]!.version
    },
    async move(to, move, moved = () => true) {
      const before = open[0]!.version
      const calledMs = monotonicMs()
      if (to !== before) open.push({ version: to, fromMs: calledMs })
      let settled = before
      try {
        const answer = await move()
        if (moved(answer)) settled = to
        return { answer, calledMs, answeredMs: monotonicMs() }
      } finally {
        settle(settled)
      }
    },
  }
}

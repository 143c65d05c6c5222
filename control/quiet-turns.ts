/**
 * Turns that publish nothing, for what is written to a log before a control plane works on it: `init`,
 * `recover`, and the higher epoch of a log that has moved. Intents of the `operator`, as any other.
 */
import type { Intent } from './domain/input.ts'
import type { History } from './history/history.ts'
import type { Log } from './log/log.ts'
import { createTurns, type Turns } from './turn.ts'

export interface QuietTurns {
  readonly log: Log
  /** Left out: all of the log is folded. */
  readonly history?: Pick<History, 'begin' | 'keep'>
  readonly now: () => number
  readonly monotonicMs: () => number
}

export async function withQuietTurns<T>(
  options: QuietTurns,
  work: (turns: Turns) => Promise<T>,
): Promise<T> {
  let failure: unknown
  const turns = createTurns({
    ...options,
    publisher: { start: async () => {}, publish: async () => {} },
    setAlarm: () => {},
    onFatal: (error) => {
      failure = error
    },
  })
  try {
    await turns.start()
    const result = await work(turns)
    if (failure) throw failure
    return result
  } finally {
    await turns.stop()
  }
}

/** Throws what was refused. */
export async function takeAsOperator(turns: Turns, intent: Intent): Promise<void> {
  const answer = await turns.submit({
    kind: 'intent',
    intent,
    actor: 'operator',
    idempotencyKey: null,
    ifMatch: null,
  })
  if (!answer.ok) throw new Error(`${answer.rejection.code}: ${answer.rejection.detail}`)
}

/** Above the log's epoch and above `seen`. Resolves with its number; null: the log has no epoch at all. */
export async function raiseEpoch(turns: Turns, seen: number): Promise<number | null> {
  const { epoch } = turns.state()
  if (!epoch) return null
  const epochNumber = Math.max(epoch.number, seen) + 1
  await takeAsOperator(turns, { type: 'recover', epochId: randomEpochId(), epochNumber })
  return epochNumber
}

export function randomEpochId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/**
 * When the object has a connection to NATS (DESIGN D4): while an event is worked on and a moment longer, so
 * that the steps of a switch share it. What agents have stored is read before the event counts, so that
 * nobody is called silent because nobody listened. Then it lets go; only the alarm is left, and the platform
 * may take the object out of memory.
 */
import type { Alarm } from '../alarm.ts'
import type { Attention } from '../control.ts'
import type { State } from '../domain/state.ts'
import type { Log } from '../log/log.ts'
import { within } from '../within.ts'

export interface VisitsOptions {
  readonly attention: Attention
  readonly state: () => Pick<State, 'open' | 'position'>
  readonly log: Pick<Log, 'read'>
  /** Looks at the fleet when nothing else wakes the object; null: agents speak with the object itself. */
  readonly alarm: Alarm | null
  /** Wakes the object when it was evicted while a webhook was being told. */
  readonly webhookAlarm: Alarm
  /** Told when it has let go, so long after the first event. */
  readonly onEnd: (ms: number) => void
  readonly now: () => number
}

export interface Visits {
  during<T>(work: () => Promise<T>): Promise<T>
  /** Resolves when the object has let go, or somebody else's work goes on. */
  leave(): Promise<void>
}

/** An event waits this long for NATS and the stored reports, then it goes on without. */
const hearWithinMs = 1_500
const lingerMs = 1_000
/** What is not published by then is tried again at the next visit. */
const publishWithinMs = 10_000
const lookAgainMs = 100

/** Longer than a receiver may take. */
const webhookAgainMs = 20_000

/**
 * While something is open or unpublished: after a quarter of the time that nothing has changed for, because
 * agents POST what a switch waits for, and this finds what was lost.
 */
const lookFirstMs = 2_000
const lookWhenUnpublishedMs = 60_000
/** Nobody has to say that the stream was wiped, or that an agent is gone. */
export const lookAtLeastEveryMs = 300_000

export function createVisits(options: VisitsOptions): Visits {
  const { attention, state, log, alarm, webhookAlarm, now } = options
  let inside = 0
  let beganMs: number | null = null
  let lingering: ReturnType<typeof setTimeout> | undefined

  async function during<T>(work: () => Promise<T>): Promise<T> {
    inside++
    clearTimeout(lingering)
    beganMs ??= now()
    try {
      await within(attention.pay(), Math.max(0, beganMs + hearWithinMs - now()))
      return await work()
    } finally {
      webhookAlarm.set(attention.isWebhookBehind() ? now() + webhookAgainMs : null)
      if (--inside === 0) lingering = setTimeout(() => void leave(), lingerMs)
    }
  }

  async function leave(): Promise<void> {
    clearTimeout(lingering)
    const untilMs = now() + publishWithinMs
    while (inside === 0 && !attention.isIdle() && now() < untilMs) await delay(lookAgainMs)
    if (inside > 0 || beganMs === null) return
    const isPublished = attention.isIdle()
    const visitMs = now() - beganMs
    beganMs = null
    webhookAlarm.set(attention.isWebhookBehind() ? now() + webhookAgainMs : null)
    await attention.rest()
    alarm?.set(await nextLookMs(isPublished))
    options.onEnd(visitMs)
  }

  async function nextLookMs(isPublished: boolean): Promise<number> {
    const { open, position } = state()
    if (isPublished && open.size === 0) return now() + lookAtLeastEveryMs
    const [newest] = await log.read(position - 1, 1)
    const changedAtMs = (JSON.parse(newest?.text ?? '{"at":0}') as { at: number }).at
    const mostMs = isPublished ? lookAtLeastEveryMs : lookWhenUnpublishedMs
    return now() + Math.min(mostMs, Math.max(lookFirstMs, (now() - changedAtMs) / 4))
  }

  return { during, leave }
}

const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

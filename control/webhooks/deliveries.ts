/**
 * One webhook's loop: reads the log from its cursor, sends what the webhook wants, in order, each until
 * it was taken. What is not taken is tried again with growing, jittered pauses, for ever: the log keeps
 * it. After many failures in a row the webhook counts as failing; the first success ends that.
 */
import type { WebhookDelivery } from '#wire/webhook.ts'
import type { State } from '../domain/state.ts'
import type { WebhookState } from '../domain/webhooks.ts'
import type { FollowedLog } from '../log/followed.ts'
import type { LogRecord } from '../log/log.ts'
import type { Cursor, Cursors } from './cursors.ts'
import { type Message, messageOf } from './message.ts'
import type { WebhookSecrets } from './secrets.ts'
import { type Attempt, gone, send } from './send.ts'

export interface WebhookTiming {
  /** For the head of an answer. */
  readonly timeoutMs: number
  readonly retry: { readonly firstMs: number; readonly mostMs: number }
  /** Attempts in a row, or time since the first of them, until a webhook counts as failing. */
  readonly failingAfter: { readonly attempts: number; readonly ms: number }
}

export const webhookTiming: WebhookTiming = {
  timeoutMs: 10_000,
  retry: { firstMs: 1_000, mostMs: 300_000 },
  failingAfter: { attempts: 10, ms: 600_000 },
}

export interface DeliveriesOptions {
  readonly name: string
  readonly log: Pick<FollowedLog, 'read' | 'recordAfter'>
  readonly state: () => State
  readonly secrets: Pick<WebhookSecrets, 'find'>
  readonly cursors: Cursors
  readonly now: () => number
  readonly monotonicMs: () => number
  readonly timing: WebhookTiming
  readonly sleep: Sleep
  /** Told of each attempt; tests crash in it. */
  readonly onAttempt: (attempt: Attempt) => void
  readonly onFailing: (failing: boolean, reason: string) => void
}

/** Resolves after `ms`, or when `signal` aborts. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>

/** How a webhook is doing. */
export interface Standing {
  readonly position: number
  readonly failures: number
  readonly failingSinceMs: number | null
  readonly nextAttemptAtMs: number | null
  readonly last: WebhookDelivery | null
}

export interface Deliveries {
  standing(): Standing
  /** A message is on its way. */
  isSending(): boolean
  /** Something was changed: try at once. */
  wake(): void
  stop(): Promise<void>
}

const pageRecords = 64

export function startDeliveries(options: DeliveriesOptions): Deliveries {
  const { name, log, state, secrets, cursors, now, timing } = options
  const stopping = new AbortController()
  const { signal } = stopping
  let wanted = new AbortController()
  let sending = false
  let standing: Standing = { ...fresh, position: 0 }
  let failingSince: { readonly firstMs: number; readonly told: boolean } | null = null

  const hookNow = (): WebhookState | undefined => state().webhooks.get(name)

  /** A cursor of another history goes back to where the two part. */
  function begin(hook: WebhookState): number {
    const held = cursors.get(name)
    const { epochs, position } = state()
    const at = held ? epochs.findIndex(({ id }) => id === held.epochId) : -1
    if (!held || at < 0) return hook.since
    const end = epochs[at + 1]?.since
    const shared = end === undefined ? position : end - 1
    return Math.max(hook.since, Math.min(held.position, shared))
  }

  function keep(retry?: Cursor['retry']): void {
    const { position } = standing
    const epochId = state().epochs.findLast(({ since }) => since <= position)?.id ?? ''
    cursors.set(name, { position, epochId, ...(retry && { retry }) })
  }

  /** A pause that a former life of this control was in. */
  async function rest(retry: NonNullable<Cursor['retry']>): Promise<void> {
    standing = { ...standing, failures: retry.failures }
    const leftMs = Math.min(retry.atMs - now(), timing.retry.mostMs)
    if (leftMs > 0) await pauseFor(leftMs)
  }

  async function loop(): Promise<void> {
    const first = hookNow()
    if (first) standing = { ...standing, position: begin(first) }
    const held = cursors.get(name)
    if (held?.retry && held.position === standing.position) await rest(held.retry)
    while (!signal.aborted) {
      const records = await log.read(standing.position, pageRecords)
      if (records.length === 0) {
        await log.recordAfter(standing.position, Number.POSITIVE_INFINITY, signal)
        continue
      }
      for (const record of records) {
        let outcome = await handle(record)
        while (outcome === 'refused' && !signal.aborted) {
          await pause()
          outcome = await handle(record)
        }
        if (outcome === 'refused') return
        standing = { ...standing, position: record.position }
        if (outcome === 'taken') keep()
      }
      keep()
    }
  }

  async function handle(record: LogRecord): Promise<'taken' | 'refused' | 'unwanted'> {
    if (signal.aborted) return 'refused'
    const hook = hookNow()
    const message = hook && messageOf(hook, record, state().epochs)
    if (!message) return 'unwanted'
    wanted = new AbortController()
    sending = true
    const attempt = await attemptOf(hook, message)
    sending = false
    if (signal.aborted && attempt.reason !== null) return 'refused'
    note(message.id, attempt)
    return attempt.reason === null ? 'taken' : 'refused'
  }

  async function attemptOf(hook: WebhookState, message: Message): Promise<Attempt> {
    const destination = secrets.find(name, hook.urlHash)
    if (!destination) return { ms: 0, status: null, reason: lostSecret }
    const { monotonicMs } = options
    return send(destination, message, { now, monotonicMs, timeoutMs: timing.timeoutMs, signal })
  }

  function note(id: string, { ms, status, reason }: Attempt): void {
    options.onAttempt({ ms, status, reason })
    const last = { id, atMs: now(), ms, status, reason }
    if (reason === null) {
      if (failingSince?.told) options.onFailing(false, 'messages are taken again')
      failingSince = null
      standing = { ...standing, ...fresh, last }
      return
    }
    const failures = standing.failures + 1
    failingSince ??= { firstMs: options.monotonicMs(), told: false }
    const { attempts, ms: afterMs } = timing.failingAfter
    const longMs = options.monotonicMs() - failingSince.firstMs
    if (!failingSince.told && (failures >= attempts || longMs >= afterMs || status === gone)) {
      failingSince = { ...failingSince, told: true }
      standing = { ...standing, failingSinceMs: now() }
      options.onFailing(true, reason)
    }
    standing = { ...standing, failures, last }
  }

  /** Half of the pause is chance, so that many webhooks of one receiver do not come back together. */
  async function pause(): Promise<void> {
    const { firstMs, mostMs } = timing.retry
    const growing = Math.min(mostMs, firstMs * 2 ** Math.min(standing.failures - 1, 30))
    const wholeMs = standing.last?.status === gone ? mostMs : growing
    const pauseMs = Math.round(wholeMs * (0.5 + Math.random() / 2))
    keep({ failures: standing.failures, atMs: now() + pauseMs })
    await pauseFor(pauseMs)
  }
  async function pauseFor(ms: number): Promise<void> {
    standing = { ...standing, nextAttemptAtMs: now() + ms }
    await options.sleep(ms, AbortSignal.any([signal, wanted.signal]))
    standing = { ...standing, nextAttemptAtMs: null }
  }

  const running = loop().catch((error) => {
    // The log is closed when control stops; anything else is a bug or a broken disk, and says so.
    if (!signal.aborted) options.onFailing(true, error instanceof Error ? error.message : 'unknown')
  })
  return {
    standing: () => standing,
    isSending: () => sending,
    wake: () => wanted.abort(),
    async stop() {
      stopping.abort()
      await running
    },
  }
}

const fresh = { failures: 0, failingSinceMs: null, nextAttemptAtMs: null, last: null } as const

const lostSecret = 'its address and secret are missing here: set the webhook again'

/** With a timer of this process. */
export function sleepByTimer(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
}

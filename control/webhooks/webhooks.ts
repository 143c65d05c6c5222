/**
 * All webhooks: one loop for each that the state names, so that a slow receiver holds up neither turns
 * nor another webhook. Setting and removing go through the turn like everything else; address and secret
 * are put beside the log first, so that an accepted webhook can always send.
 */
import type { Say } from '#wire/log-line.ts'
import type { WebhookIntent, WebhookView } from '#wire/webhook.ts'
import type { State } from '../domain/state.ts'
import type { WebhookState } from '../domain/webhooks.ts'
import type { FollowedLog } from '../log/followed.ts'
import type { Cursors } from './cursors.ts'
import {
  type Deliveries,
  type Sleep,
  sleepByTimer,
  startDeliveries,
  type WebhookTiming,
  webhookTiming,
} from './deliveries.ts'
import { testMessage } from './message.ts'
import type { WebhookSecrets } from './secrets.ts'
import { type Attempt, send } from './send.ts'

/** What a runtime brings. */
export interface WebhookPlace {
  readonly secrets: WebhookSecrets
  readonly cursors: Cursors
  readonly timing?: WebhookTiming
  /** Left out: timers of this process. */
  readonly sleep?: Sleep
}

export interface WebhooksOptions extends WebhookPlace {
  readonly log: Pick<FollowedLog, 'read' | 'recordAfter'>
  readonly state: () => State
  readonly now: () => number
  readonly monotonicMs: () => number
  readonly onAttempt: (name: string, attempt: Attempt) => void
  readonly say: Say
}

export interface Webhooks {
  /** A message is on its way. */
  isSending(): boolean
  /** Records wait that somebody may have to be told of, and no pause is what they wait for. */
  isBehind(): boolean
  /** The state may name other webhooks than before: starts and stops loops. */
  follow(): void
  list(): readonly WebhookView[]
  view(name: string): WebhookView | null
  /** One message at once, outside of the order; null when there is no such webhook. */
  test(name: string): Promise<Attempt | null>
  /** Keeps the address; `change` asks the turn with its hash and says whether it was accepted. */
  set<T>(
    name: string,
    url: WebhookIntent['url'],
    change: (kept: { readonly urlHash: string; readonly secret: string | null }) => Promise<T>,
  ): Promise<T>
  stop(): Promise<void>
}

interface Running {
  readonly since: number
  readonly urlHash: string
  readonly deliveries: Deliveries
}

export function createWebhooks(options: WebhooksOptions): Webhooks {
  const { log, state, secrets, cursors, now, monotonicMs, say, timing = webhookTiming } = options
  const running = new Map<string, Running>()
  const ending = new Set<Promise<void>>()
  const stopping = new AbortController()
  let order: Promise<unknown> = Promise.resolve()

  function follow(): void {
    const { webhooks } = state()
    for (const [name, { since }] of running) {
      if (webhooks.get(name)?.since !== since) end(name, !webhooks.has(name))
    }
    for (const hook of webhooks.values()) {
      const held = running.get(hook.name)
      if (held?.urlHash !== hook.urlHash) secrets.settle(hook.name, hook.urlHash)
      held?.deliveries.wake()
      const deliveries = held?.deliveries ?? start(hook.name)
      running.set(hook.name, { since: hook.since, urlHash: hook.urlHash, deliveries })
    }
  }

  function start(name: string): Deliveries {
    return startDeliveries({
      name,
      log,
      state,
      secrets,
      cursors,
      now,
      monotonicMs,
      timing,
      sleep: options.sleep ?? sleepByTimer,
      onAttempt: (attempt) => options.onAttempt(name, attempt),
      onFailing: (failing, reason) =>
        say(failing ? 'webhook-failing' : 'webhook-recovered', reason, { webhook: name }),
    })
  }

  function end(name: string, forGood: boolean): void {
    const ended = running.get(name)!.deliveries.stop()
    running.delete(name)
    ending.add(ended)
    void ended.finally(() => {
      ending.delete(ended)
      if (!forGood || state().webhooks.has(name)) return
      cursors.set(name, null)
      secrets.remove(name)
    })
  }

  function viewOf({ name, origin, events, apps, format, since }: WebhookState): WebhookView {
    const held = running.get(name)?.deliveries.standing()
    const { position, failures, failingSinceMs, nextAttemptAtMs, last } = held ?? none(since)
    const behind = Math.max(0, state().position - position)
    const told = { position, behind, failures, failingSinceMs, nextAttemptAtMs, last }
    const condition = failingSinceMs !== null ? 'failing' : failures > 0 ? 'retrying' : 'ok'
    const shown = { name, origin, events: [...events], apps: apps && [...apps], format }
    return { ...shown, state: condition, ...told }
  }

  const all = () => [...running.values()].map(({ deliveries }) => deliveries)
  return {
    isSending: () => all().some((one) => one.isSending()),
    isBehind: () =>
      all().some((one) => {
        const { position, nextAttemptAtMs } = one.standing()
        return position < state().position && nextAttemptAtMs === null
      }),
    follow,
    list: () => [...state().webhooks.values()].map(viewOf),
    view(name) {
      const hook = state().webhooks.get(name)
      return hook ? viewOf(hook) : null
    },
    async test(name) {
      const hook = state().webhooks.get(name)
      if (!hook) return null
      const destination = secrets.find(name, hook.urlHash)
      if (!destination)
        return { ms: 0, status: null, reason: 'its address is missing: set it again' }
      const message = testMessage(hook, `test_${crypto.randomUUID()}`, now())
      const { timeoutMs } = timing
      return send(destination, message, { now, monotonicMs, timeoutMs, signal: stopping.signal })
    },
    /** One after another: two that make the same webhook must not give it two secrets. */
    set(name, url, change) {
      const result = order.then(async () => {
        // What a removed one of this name has left is gone first.
        await Promise.all(ending)
        const isNew = !state().webhooks.has(name)
        const { secret, urlHash } = secrets.keep(name, url, isNew)
        return change({ urlHash, secret: isNew ? secret : null })
      })
      order = result.catch(() => {})
      return result
    },
    async stop() {
      stopping.abort()
      for (const name of [...running.keys()]) end(name, false)
      await Promise.all(ending)
      await cursors.flush()
    },
  }
}

const none = (position: number) =>
  ({ position, failures: 0, failingSinceMs: null, nextAttemptAtMs: null, last: null }) as const

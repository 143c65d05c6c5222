/**
 * Webhooks in the log: which messages go out under which name. The address and the secret are kept
 * outside, with mode 0600: the path of many receivers is a password, and the log is read by many. What
 * the log holds is the origin, for people, and a hash that binds it to the very address.
 */
import { limits } from '#wire/limits.ts'
import type { WebhookFormat } from '#wire/webhook.ts'
import type { Ruling } from './decide.ts'
import type { DomainEvent } from './event.ts'
import type { Handlers } from './evolve.ts'
import type { Intent } from './input.ts'
import { reject } from './rejections.ts'
import type { State } from './state.ts'
import { eventTypes } from './words/sentence.ts'

export interface WebhookState {
  readonly name: string
  readonly origin: string
  readonly urlHash: string
  readonly events: readonly string[]
  /** Null: of every app, and those of no app. */
  readonly apps: readonly string[] | null
  readonly format: WebhookFormat
  /** Revision that made it: what happened before is not sent. */
  readonly since: number
}

export type WebhookChange = Extract<Intent, { type: 'set-webhook' | 'remove-webhook' }>

export function decideWebhook(state: State, intent: WebhookChange): Ruling {
  const { name } = intent
  const held = state.webhooks.get(name)
  if (intent.type === 'remove-webhook') {
    if (!held) {
      return reject('not-found', `No webhook is called "${name}".`, {
        fix: 'List them with GET /v1/webhooks.',
      })
    }
    return accepted({ type: 'webhook-removed', v: 1, name }, 200, { name })
  }
  if (!held && state.webhooks.size >= limits.webhooks) {
    return reject('limit-reached', `There are ${limits.webhooks} webhooks already.`, {
      fix: 'Remove the ones that nobody reads.',
    })
  }
  const { origin, urlHash, apps, format } = intent
  const unknown = intent.events.filter((pattern) => !eventTypes.some((type) => fits(pattern, type)))
  if (unknown.length > 0) {
    return reject('invalid-request', `No event fits ${unknown.join(', ')}.`, {
      fix: `The events are ${eventTypes.join(', ')}.`,
      errors: [{ pointer: '/events', message: `no event fits ${unknown.join(', ')}` }],
    })
  }
  const events = [...intent.events]
  const shown = { name, origin, events, apps: apps && [...apps], format }
  return accepted({ type: 'webhook-set', v: 1, ...shown, urlHash }, held ? 200 : 201, shown)
}

const accepted = (event: DomainEvent, status: number, body: unknown): Ruling => ({
  events: [event],
  status,
  body: () => body,
})

export const webhookEvents: Handlers<'webhook-set' | 'webhook-removed'> = {
  'webhook-set': (state, { type: _, v: _v, ...set }, { position }) => {
    const since = state.webhooks.get(set.name)?.since ?? position
    return { ...state, webhooks: new Map(state.webhooks).set(set.name, { ...set, since }) }
  },
  'webhook-removed': (state, { name }) => {
    const webhooks = new Map(state.webhooks)
    webhooks.delete(name)
    return { ...state, webhooks }
  },
}

/** Does a webhook want this event? */
export function wants(
  { events, apps }: Pick<WebhookState, 'events' | 'apps'>,
  event: DomainEvent,
): boolean {
  if (!events.some((pattern) => fits(pattern, event.type))) return false
  if (apps === null) return true
  const app = appIn(event)
  return app !== null && apps.includes(app)
}

/** The app that an event is about; a release's id begins with it. */
export function appIn(event: DomainEvent): string | null {
  if ('app' in event) return event.app
  const release = releaseIn(event)
  return release === null ? null : release.replace(/-r\d+$/, '')
}

export const releaseIn = (event: DomainEvent): string | null =>
  'release' in event ? event.release : event.type === 'rollback-decided' ? event.to : null

const fits = (pattern: string, type: string): boolean =>
  pattern.endsWith('*') ? type.startsWith(pattern.slice(0, -1)) : pattern === type

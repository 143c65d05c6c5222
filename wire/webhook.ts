/** Webhooks as the API takes and shows them, and the message that a receiver gets. */
import { z } from 'zod'
import { sha256Hex } from '#wire/sha256.ts'
import { limits } from './limits.ts'
import * as names from './names.ts'

export const webhookFormat = z.enum(['switchyard', 'slack'])
export type WebhookFormat = z.infer<typeof webhookFormat>

/** An event type, or the beginning of some: `switch-completed`, `release-*`, `*`. */
export const eventPattern = z
  .string()
  .max(limits.dnsLabelChars)
  .regex(
    /^(\*|[a-z][a-z-]*\*?)$/,
    'use an event type such as "switch-completed", or a beginning: "release-*"',
  )

export const webhookUrl = z
  .string()
  .max(limits.webhookUrlChars)
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
    abort: true,
    message: 'an address that begins with https:// or http://',
  })
  .refine((text) => new URL(text).username === '' && new URL(text).password === '', {
    message: 'without user and password: messages are signed instead',
  })
  .refine((text) => !text.includes('#'), 'without a fragment: it is never sent')

/** What the log holds instead of an address. */
export const webhookUrlHash = (url: string): string => sha256Hex(new TextEncoder().encode(url))

export const webhookIntent = z.strictObject({
  url: webhookUrl,
  /** Left out: every event. */
  events: z.array(eventPattern).min(1).max(64).default(['*']),
  /** Only events of these apps. Left out: of every app, and those of no app. */
  apps: z.array(names.appName).min(1).max(64).optional(),
  format: webhookFormat.default('switchyard'),
})
export type WebhookIntent = z.infer<typeof webhookIntent>

export const webhookDelivery = z.strictObject({
  id: z.string(),
  atMs: z.int(),
  /** From the request until the head of the answer. */
  ms: z.int(),
  /** Null when there was no answer. */
  status: z.int().nullable(),
  /** Why it counts as failed; null when it was taken (2xx). */
  reason: z.string().nullable(),
})
export type WebhookDelivery = z.infer<typeof webhookDelivery>

export const webhookView = z.strictObject({
  name: z.string(),
  /** Where messages go, without the path: the path of many receivers is a password. */
  origin: z.string(),
  events: z.array(z.string()),
  apps: z.array(names.appName).nullable(),
  format: webhookFormat,
  /** `failing`: many attempts in a row have failed; it is tried on and goes on by itself. */
  state: z.enum(['ok', 'retrying', 'failing']),
  /** Everything up to this position of the log has been delivered. */
  position: z.int(),
  /** Records of the log that were not looked at yet. */
  behind: z.int(),
  /** Attempts in a row that have failed. */
  failures: z.int(),
  failingSinceMs: z.int().nullable(),
  nextAttemptAtMs: z.int().nullable(),
  last: webhookDelivery.nullable(),
})
export type WebhookView = z.infer<typeof webhookView>

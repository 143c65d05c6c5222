/** Webhooks: who is told of what happens. Only admins see or change them: an address may be a password. */
import { z } from 'zod'
import { routeName } from '#wire/names.ts'
import {
  type WebhookIntent,
  type WebhookView,
  webhookIntent,
  webhookUrlHash,
  webhookView,
} from '#wire/webhook.ts'
import { type IntentTaker, mutationHeaders, mutationRejections, takeIntent } from './intents.ts'
import type { Define } from './operation.ts'
import { problem } from './problem.ts'

interface Kept {
  readonly urlHash: string
  readonly secret: string | null
}

export interface WebhookDesk {
  list(): readonly WebhookView[]
  view(name: string): WebhookView | null
  /** Null when there is no such webhook. */
  test(name: string): Promise<z.input<typeof testAnswer> | null>
  /** `secret` is null unless the webhook is new. */
  set<T>(name: string, url: WebhookIntent['url'], change: (kept: Kept) => Promise<T>): Promise<T>
}

const params = z.strictObject({ name: routeName })
const shown = webhookView.meta({ id: 'Webhook' })

const setAnswer = z.strictObject({
  ...webhookView.pick({ name: true, origin: true, events: true, apps: true, format: true }).shape,
  secret: z.string().nullable().meta({
    description: 'To verify signatures with. Shown when the webhook is made; null afterwards.',
  }),
})

const testAnswer = z.strictObject({
  ms: z.int(),
  status: z.int().nullable(),
  reason: z.string().nullable().meta({ description: 'Null when the message was taken.' }),
})

export function defineWebhooks(define: Define, taker: IntentTaker, desk: WebhookDesk): void {
  define(
    {
      method: 'get',
      path: '/v1/webhooks',
      tag: 'webhooks',
      summary: 'List the webhooks and how they are doing',
      access: 'admin',
      answers: {
        200: {
          description: 'The webhooks.',
          schema: z.strictObject({ webhooks: z.array(shown) }),
        },
      },
    },
    () => Response.json({ webhooks: desk.list() }),
  )
  define(
    {
      method: 'get',
      path: '/v1/webhooks/{name}',
      tag: 'webhooks',
      summary: 'One webhook: how far it was told, and what its receiver last answered',
      access: 'admin',
      params,
      answers: { 200: { description: 'The webhook.', schema: shown } },
      rejections: ['not-found'],
    },
    ({ params: { name } }) => {
      const view = desk.view(name)
      return view ? Response.json(view) : unknownWebhook(name)
    },
  )
  define(
    {
      method: 'put',
      path: '/v1/webhooks/{name}',
      tag: 'webhooks',
      summary: 'Tell an address what happens, from now on',
      description:
        'Messages are signed by the Standard Webhooks specification, sent in order and at least once. ' +
        'A second call changes the webhook and keeps its secret and its place.',
      access: 'admin',
      params,
      headers: mutationHeaders,
      body: webhookIntent,
      answers: {
        200: { description: 'It is changed.', schema: setAnswer },
        201: { description: 'It is made; the secret is shown this once.', schema: setAnswer },
      },
      rejections: [...mutationRejections, 'limit-reached'],
    },
    ({ params: { name }, body: { url, events, apps, format }, ...asked }) => {
      const change = ({ urlHash, secret }: Kept) => {
        const { origin } = new URL(url)
        const wanted = { name, origin, urlHash, events, apps: apps ?? null, format }
        return takeIntent(taker, { type: 'set-webhook', ...wanted }, asked, {
          body: (body, repeated) => ({ ...(body as object), secret: repeated ? null : secret }),
        })
      }
      if (asked.dryRun) return change({ urlHash: webhookUrlHash(url), secret: null })
      return desk.set(name, url, change)
    },
  )
  define(
    {
      method: 'delete',
      path: '/v1/webhooks/{name}',
      tag: 'webhooks',
      summary: 'Remove a webhook and its secret',
      access: 'admin',
      params,
      headers: mutationHeaders,
      answers: { 200: { description: 'It is removed.', schema: z.looseObject({}) } },
      rejections: [...mutationRejections, 'not-found'],
    },
    ({ params, ...asked }) => takeIntent(taker, { type: 'remove-webhook', ...params }, asked),
  )
  define(
    {
      method: 'post',
      path: '/v1/webhooks/{name}/test',
      tag: 'webhooks',
      summary: 'Send a test message now, and answer with what came back',
      access: 'admin',
      about: () => ({ apps: null, clusters: null }),
      params,
      answers: { 200: { description: 'It was tried.', schema: testAnswer } },
      rejections: ['not-found'],
    },
    async ({ params: { name }, dryRun }) => {
      if (dryRun) return problem(sentOrNot)
      const attempt = await desk.test(name)
      return attempt ? Response.json(attempt) : unknownWebhook(name)
    },
  )
}

const sentOrNot = {
  code: 'invalid-request',
  detail: 'A test message is sent or it is not: there is no dry run of it.',
  fix: 'Leave out `dryRun`; a test changes nothing in control.',
  errors: [{ pointer: '?dryRun', message: 'not with a test' }],
} as const

const unknownWebhook = (name: string) =>
  problem({
    code: 'not-found',
    detail: `No webhook is called "${name}".`,
    fix: 'List them with GET /v1/webhooks.',
  })

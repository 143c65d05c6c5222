/**
 * Is control alive, may it take intents, and what does it count. `/livez` says that the process answers;
 * `/readyz` that what it says is the truth: the log is not behind the fleet.
 */
import { z } from 'zod'
import type { Metrics } from './metrics.ts'
import type { Define } from './operation.ts'
import { problem } from './problem.ts'

export interface Health {
  /** Null when ready; otherwise why not. */
  notReady(): { readonly code: 'log-behind-fleet' | 'overloaded'; readonly detail: string } | null
  logPosition(): number
}

export function defineHealth(define: Define, health: Health, metrics: Metrics): void {
  define(
    {
      method: 'get',
      path: '/livez',
      tag: 'health',
      summary: 'Whether the process answers',
      access: 'open',
      answers: {
        200: { description: 'It does.', schema: z.strictObject({ status: z.literal('ok') }) },
      },
    },
    () => Response.json({ status: 'ok' }),
  )
  define(
    {
      method: 'get',
      path: '/readyz',
      tag: 'health',
      summary: 'Whether control takes intents and publishes',
      access: 'open',
      answers: {
        200: {
          description: 'It does.',
          schema: z.strictObject({ status: z.literal('ready'), revision: z.int() }),
        },
      },
      rejections: ['log-behind-fleet', 'overloaded'],
    },
    () => {
      const reason = health.notReady()
      return reason
        ? problem({ ...reason, evidence: { revision: health.logPosition() } })
        : Response.json({ status: 'ready', revision: health.logPosition() })
    },
  )
  define(
    {
      method: 'get',
      path: '/metrics',
      tag: 'health',
      summary: 'Metrics in the Prometheus text format',
      access: 'read',
      answers: { 200: { description: 'Metrics.', schema: z.string(), mediaType: 'text/plain' } },
    },
    async () => {
      const { contentType, body } = await metrics.text()
      return new Response(body, { headers: { 'content-type': contentType } })
    },
  )
}

/**
 * Is control alive, may it take intents, and what does it count. `/livez` says that the process answers;
 * `/readyz` that what it says is the truth: the log is not behind the fleet.
 */
import { z } from 'zod'
import type { Rejection } from '#wire/codes.ts'
import type { Metrics } from './metrics.ts'
import type { Define } from './operation.ts'
import { problem } from './problem.ts'

export interface NotReady extends Rejection {
  readonly code: 'control-starting' | 'log-behind-fleet'
}

/** Something to do in good time; control is ready all the same. */
export const healthWarning = z.strictObject({
  code: z.literal('storage-filling'),
  detail: z.string(),
  fix: z.string(),
})
export type HealthWarning = z.infer<typeof healthWarning>

export interface Health {
  /** Null when ready; otherwise why not. */
  notReady(): NotReady | null
  logPosition(): number
  warnings(): readonly HealthWarning[]
  /** The transport to the agents; while it is away intents are taken and announced later. */
  transportConnected(): boolean
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
          schema: z.strictObject({
            status: z.literal('ready'),
            revision: z.int(),
            transport: z.enum(['connected', 'away']),
            warnings: z.array(healthWarning).optional(),
          }),
        },
      },
      rejections: ['log-behind-fleet', 'control-starting'],
    },
    () => {
      const reason = health.notReady()
      const revision = health.logPosition()
      if (reason) return problem({ evidence: { revision }, ...reason })
      const transport = health.transportConnected() ? 'connected' : 'away'
      const warnings = health.warnings()
      return Response.json({
        status: 'ready',
        revision,
        transport,
        ...(warnings.length > 0 && { warnings }),
      })
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

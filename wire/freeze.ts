/** Freeze windows: times in which no release takes more public traffic; going back is always allowed. */
import { z } from 'zod'
import { limits } from './limits.ts'
import * as names from './names.ts'

const instant = z.iso.datetime({ offset: true, error: 'an instant, as 2026-12-24T16:00:00+01:00' })

/** What an operator PUTs to `/v1/freezes/{name}`. */
export const freezeIntent = z
  .strictObject({
    from: instant.describe('When it begins.'),
    until: instant.describe('When it ends.'),
    every: z
      .enum(['day', 'week'])
      .optional()
      .describe('The window comes again, in steps of exactly 24 hours or 7 days.'),
    apps: z.array(names.appName).min(1).max(256).optional().describe('Left out: all apps.'),
    clusters: z
      .array(names.clusterName)
      .min(1)
      .max(limits.clusters)
      .optional()
      .describe('Left out: all clusters.'),
    reason: names.reason.describe('Shown to who is refused by it.'),
  })
  .refine((one) => Date.parse(one.from) < Date.parse(one.until), {
    path: ['until'],
    message: 'later than `from`',
  })

export const freezeView = z.strictObject({
  name: names.routeName,
  ...freezeIntent.shape,
  setBy: z.string(),
  /** It holds now. */
  active: z.boolean(),
})

export type FreezeIntent = z.infer<typeof freezeIntent>
export type FreezeView = z.infer<typeof freezeView>

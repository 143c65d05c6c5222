/** Operators' tokens: what each may, for which apps and clusters, and until when. */
import { z } from 'zod'
import { limits } from './limits.ts'
import * as names from './names.ts'

/**
 * `read` looks. `release` moves traffic, and looks. `approve` approves releases of others, and looks.
 * `override` promotes in spite of freezes and missing approvals. `admin` may everything.
 */
export const tokenScope = z.enum(['read', 'release', 'approve', 'override', 'admin'])
export type TokenScope = z.infer<typeof tokenScope>

/** What an operator POSTs to `/v1/tokens`. */
export const tokenIntent = z
  .strictObject({
    name: names.routeName,
    scopes: z.array(tokenScope).min(1).max(5).optional(),
    /** The same as one of `scopes`. */
    scope: tokenScope.optional(),
    /** Left out: all apps; all clusters. */
    apps: z.array(names.appName).min(1).max(256).optional(),
    clusters: z.array(names.clusterName).min(1).max(limits.clusters).optional(),
    /** Left out: until it is revoked. */
    expiresInMs: z.int().min(1).max(limits.tokenLifeMs).optional(),
  })
  .refine((token) => (token.scopes === undefined) !== (token.scope === undefined), {
    path: ['scopes'],
    message: 'say `scopes`, a list',
  })

/** Without its secret. */
export const tokenView = z.strictObject({
  name: z.string(),
  scopes: z.array(tokenScope),
  apps: z.array(names.appName).nullable(),
  clusters: z.array(names.clusterName).nullable(),
  expiresAtMs: z.int().nullable(),
})
export type TokenView = z.infer<typeof tokenView>

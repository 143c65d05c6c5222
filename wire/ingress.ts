/**
 * A Kubernetes Ingress as an intent: what the agents of a cluster make of the object (DESIGN D12), whole,
 * for one object at a time. Provenance is the object's uid and a hash of what was read of it; what could
 * not be done is told in words and never dropped in silence.
 */
import { z } from 'zod'
import { pathMatch } from './app.ts'
import { routeFilters } from './filter.ts'
import { limits } from './limits.ts'
import * as names from './names.ts'
import { anyHost } from './object.ts'

export const ingressRoute = z
  .strictObject({
    /** `*` alone is every host. */
    host: z.union([names.hostname, z.literal(anyHost)]),
    path: pathMatch,
    /** Of the Ingress object's own namespace. */
    service: names.serviceId,
    ...routeFilters,
  })
  .refine(
    ({ rewrite: change, path }) =>
      change?.path?.type !== 'ReplacePrefixMatch' || path.type === 'PathPrefix',
    { path: ['rewrite', 'path'], message: 'ReplacePrefixMatch needs a PathPrefix' },
  )

export const ingressIntent = z.strictObject({
  /** `metadata.uid`: an object that was deleted and made anew is another one. */
  uid: z.string().min(1).max(limits.dnsLabelChars),
  /** SHA-256 over everything of the object that was read, and over what became of it. */
  hash: names.digestHex,
  class: names.objectName.describe('Its class, by name.'),
  routes: z
    .array(ingressRoute)
    .max(limits.routesPerIngress)
    .refine(
      (routes) => new Set(routes.map(ingressPlace)).size === routes.length,
      'each host and path once',
    )
    .describe('Empty when nothing of it can be done; the warnings say why.'),
  warnings: z
    .array(z.string().min(1).max(limits.reasonChars))
    .max(limits.warningsPerIngress)
    .describe('What of it is not done, each a sentence.'),
})

export type IngressRoute = z.infer<typeof ingressRoute>
export type IngressIntent = z.infer<typeof ingressIntent>

/** Tells the routes of one Ingress apart: `shop.example/cart`, `=shop.example/health` when it is exact. */
export const ingressPlace = ({ host, path }: Pick<IngressRoute, 'host' | 'path'>): string =>
  `${path.type === 'Exact' ? '=' : ''}${host}${path.value}`

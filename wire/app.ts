/**
 * The app intent: what an operator PUTs to `/v1/apps/{app}`. An app is a name, the clusters it runs in,
 * the routes that lead to it, and where its copies live. Which version answers is not said here: that
 * is a position, moved only by releases.
 */
import { z } from 'zod'
import { routeFilters } from './filter.ts'
import { limits } from './limits.ts'
import * as names from './names.ts'

export const headerField = z.strictObject({ name: names.headerName, value: names.headerValue })
export const cookieField = z.strictObject({ name: names.cookieName, value: names.cookieValue })

/** Gateway API HTTPPathMatch. */
export const pathMatch = z.strictObject({
  type: z.enum(['Exact', 'PathPrefix']),
  value: names.pathValue,
})

/** Gateway API HTTPRouteMatch: all conditions hold together; no path means prefix `/`. */
export const routeMatch = z.strictObject({
  path: pathMatch.default({ type: 'PathPrefix', value: '/' }),
  method: names.method.optional(),
  headers: z.array(headerField).max(limits.headersPerMatch).default([]),
  /**
   * Each cookie in any of the request's Cookie fields (RFC 6265 §5.4); counts as a header where matches are
   * compared. Content format 2.
   */
  cookies: z.array(cookieField).min(1).max(limits.headersPerMatch).optional(),
})

export const routeIntent = z
  .strictObject({
    name: names.routeName,
    /** Left out: the app's hosts. */
    hosts: z.array(names.hostname).min(1).max(limits.hostsPerApp).optional(),
    matches: z
      .array(routeMatch)
      .min(1)
      .max(limits.matchesPerRoute)
      .default([{ path: { type: 'PathPrefix', value: '/' }, headers: [] }]),
    ...routeFilters,
  })
  .refine(
    (route) =>
      route.rewrite?.path?.type !== 'ReplacePrefixMatch' ||
      route.matches.every((match) => match.path.type === 'PathPrefix'),
    { path: ['rewrite', 'path'], message: 'ReplacePrefixMatch needs PathPrefix matches only' },
  )

/** Deployments of a namespace: each release's pods are made of a template, or adopted as they are. */
const kubernetesPlatform = z.strictObject({
  type: z.literal('kubernetes'),
  namespace: names.namespace.describe('It has to opt in: see docs/kubernetes.md.'),
  port: z.int().min(1).max(65_535).describe('The port at which the pods answer HTTP.'),
  template: names.objectName
    .optional()
    .describe(
      'Deployment whose pod template releases by image are made of. Left out: the app’s name.',
    ),
  container: names.routeName
    .optional()
    .describe('Container whose image a release sets. Left out: the first.'),
  service: names.objectName
    .optional()
    .describe(
      'A Service of yours whose selector follows the live release, for clients inside the cluster.',
    ),
})

/**
 * Where copies live. `local` runs a program that the cluster's operator has named; `kubernetes` drives
 * Deployments (content format 2); `static` lists.
 */
export const platform = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('local'), program: names.routeName }),
  kubernetesPlatform,
  z.strictObject({ type: z.literal('static') }),
])

/**
 * What tells users apart, so that a canary keeps each on one side: the value of a header or of a cookie.
 * A request without it takes the next turn instead.
 */
export const userKey = z.union([
  z.strictObject({ header: names.headerName }),
  z.strictObject({ cookie: names.cookieName }),
])

export const defaultUserKey: UserKey = { header: 'x-user-id' }

const unique = (values: readonly string[]) => new Set(values).size === values.length

export const appIntent = z.strictObject({
  clusters: z
    .array(names.clusterName)
    .min(1)
    .max(limits.clusters)
    .refine(unique, 'each cluster once')
    .describe('Where it runs.'),
  hosts: z
    .array(names.hostname)
    .min(1)
    .max(limits.hostsPerApp)
    .refine(unique, 'each host once')
    .describe('Host names that lead to it; a route may have its own.'),
  routes: z
    .array(routeIntent)
    .min(1)
    .max(limits.routesPerApp)
    .refine((routes) => unique(routes.map((route) => route.name)), 'each route name once')
    .default([
      { name: 'default', matches: [{ path: { type: 'PathPrefix', value: '/' }, headers: [] }] },
    ])
    .describe('What leads to it; left out: everything on its hosts.'),
  platform: platform.describe('Where its copies live.'),
  copies: z
    .int()
    .min(1)
    .max(limits.copiesPerRelease)
    .default(1)
    .describe(
      'Copies of each release in each cluster; also what "prepared" waits for on managed platforms.',
    ),
  drainDeadlineMs: z
    .int()
    .min(0)
    .max(limits.drainDeadlineMs)
    .optional()
    .describe(
      'After a switch, exchanges still open on the old release are closed at this age, in milliseconds. Left out: never.',
    ),
  userKey: userKey
    .optional()
    .describe('What tells users apart in a canary. Left out: the header `x-user-id`.'),
  approvals: z
    .int()
    .min(0)
    .max(limits.approvalsPerRelease)
    .optional()
    .describe(
      'Approvals that a release needs before it may take public traffic; none by its author. Left out: 0.',
    ),
  labels: z
    .record(names.labelKey, names.labelValue)
    .refine((labels) => Object.keys(labels).length <= limits.labelsPerApp, 'too many labels')
    .optional()
    .describe('For people and for `apply --prune`; they route nothing.'),
})

export type UserKey = z.infer<typeof userKey>
export type AppIntent = z.infer<typeof appIntent>
export type RouteIntent = z.infer<typeof routeIntent>
export type RouteMatch = z.infer<typeof routeMatch>

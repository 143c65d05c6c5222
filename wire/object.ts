/**
 * What agents hold: the objects of a cluster's snapshot. Each has a key that is unique in the cluster
 * and canonical bytes (RFC 8785). Routes, backends and workloads are content; positions are moved by
 * switches alone. An object names others by key and never embeds them, so one change is one object.
 */
import { z } from 'zod'
import { headerChanges, rewrite, routeMatch } from './app.ts'
import { limits } from './limits.ts'
import * as names from './names.ts'

/** A route to an app (its position chooses the release) or, for a preview, to one release. */
export const routeObject = z.strictObject({
  kind: z.literal('route'),
  key: z.string(),
  app: names.appName,
  hosts: z.array(names.hostname).min(1).max(limits.hostsPerApp),
  matches: z.array(routeMatch).min(1).max(limits.matchesPerRoute),
  rewrite: rewrite.optional(),
  requestHeaders: headerChanges.optional(),
  /** Preview routes name their release; public routes leave it out. */
  release: names.releaseId.optional(),
  /** Revision that created the route: the older route wins a tie (Gateway API). */
  since: names.revision,
})

/** A release as a destination of traffic. Its endpoints are each agent's own knowledge (D10). */
export const backendObject = z.strictObject({
  kind: z.literal('backend'),
  key: z.string(),
  app: names.appName,
  release: names.releaseId,
  version: names.version,
  platform: z.enum(['local', 'static']),
})

/** Copies that the Lease's holder keeps running until `release-decommissioned` removes this object. */
export const workloadObject = z.strictObject({
  kind: z.literal('workload'),
  key: z.string(),
  app: names.appName,
  release: names.releaseId,
  version: names.version,
  program: names.routeName,
  copies: z.int().min(0).max(limits.copiesPerRelease),
})

export const weight = z.strictObject({
  release: names.releaseId,
  /** Relative share, Gateway API: 0 means no traffic. */
  weight: z.int().min(0).max(1_000_000),
})

/** Which release answers for an app. Prepare adds `next`; commit makes it the weights; abort drops it. */
export const positionObject = z.strictObject({
  kind: z.literal('position'),
  key: z.string(),
  app: names.appName,
  generation: names.generation,
  weights: z.array(weight).max(16),
  next: z
    .strictObject({
      generation: names.generation,
      weights: z.array(weight).min(1).max(16),
      /** Ready endpoints of every target that an agent must see before it is prepared. */
      minReady: z.int().min(1).max(limits.copiesPerRelease),
    })
    .optional(),
  /** Releases whose drain deadline has passed: agents close what is still open on them. */
  close: z.array(names.releaseId).max(16).optional(),
})

export const snapshotObject = z.discriminatedUnion('kind', [
  routeObject,
  backendObject,
  workloadObject,
  positionObject,
])

export type RouteObject = z.infer<typeof routeObject>
export type BackendObject = z.infer<typeof backendObject>
export type WorkloadObject = z.infer<typeof workloadObject>
export type PositionObject = z.infer<typeof positionObject>
export type SnapshotObject = z.infer<typeof snapshotObject>

export const routeKey = (app: string, route: string) => `route/${app}/${route}`
export const previewKey = (app: string, release: string) => `preview/${app}/${release}`
export const backendKey = (release: string) => `backend/${release}`
export const workloadKey = (release: string) => `workload/${release}`
export const positionKey = (app: string) => `position/${app}`

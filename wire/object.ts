/**
 * What agents hold: the objects of a cluster's snapshot. Each has a key that is unique in the cluster
 * and canonical bytes (RFC 8785). Routes, backends and workloads are content; positions are moved by
 * switches alone. An object names others by key and never embeds them, so one change is one object.
 */
import { z } from 'zod'
import { routeMatch, userKey } from './app.ts'
import { routeFilters } from './filter.ts'
import { limits } from './limits.ts'
import * as names from './names.ts'
import { publicKeyText } from './signature.ts'

/** Of a route that every host leads to, after all that name hosts of their own. */
export const anyHost = '*'

/**
 * A route to an app (its position chooses the release), for a preview to one release, or of an Ingress to a
 * Service of the cluster.
 */
export const routeObject = z.strictObject({
  kind: z.literal('route'),
  key: z.string(),
  /** Whose route it is: an app's or, in content format 2, an Ingress object's (`<namespace>/<name>`). */
  app: z.union([names.appName, names.ingressId]),
  /** `*` alone is every host: content format 2. */
  hosts: z
    .array(z.union([names.hostname, z.literal(anyHost)]))
    .min(1)
    .max(limits.hostsPerApp),
  matches: z.array(routeMatch).min(1).max(limits.matchesPerRoute),
  ...routeFilters,
  /** Preview routes name their release; public routes leave it out. */
  release: names.releaseId.optional(),
  /** Instead of an app's release: a Service, whose EndpointSlices each agent follows. Content format 2. */
  service: names.serviceId.optional(),
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
  /** `kubernetes`: content format 2. */
  platform: z.enum(['local', 'static', 'kubernetes']),
  /**
   * Rolling: the ready endpoints of these releases count as this one's too, so that traffic follows the
   * copies while they are replaced. Content format 2.
   */
  shares: z.array(names.releaseId).min(1).max(limits.releasesPerApp).optional(),
  /** A signed preview link may lead here; without it such a link is answered 503. Content format 2. */
  links: z.literal(true).optional(),
})

/** Of what, and where, a release's pods are made in Kubernetes. */
export const kubernetesWorkload = z.strictObject({
  namespace: names.namespace,
  port: z.int().min(1).max(65_535),
  /** Deployment to take the pod template from; its container `container` (left out: the first) gets `image`. */
  template: names.objectName,
  container: names.routeName.optional(),
  image: names.image.optional(),
  /** Instead of `image`: this Deployment as it is; it is never scaled up and never deleted. */
  deployment: names.objectName.optional(),
  /** The app's own Service, when its selector is to be this release's: the one that is proven to be live. */
  service: names.objectName.optional(),
})

/** Copies that the Lease's holder keeps running until `release-decommissioned` removes this object. */
export const workloadObject = z.strictObject({
  kind: z.literal('workload'),
  key: z.string(),
  app: names.appName,
  release: names.releaseId,
  version: names.version,
  /** On the platform `local`. */
  program: names.routeName.optional(),
  /** On the platform `kubernetes`: content format 2. */
  kubernetes: kubernetesWorkload.optional(),
  copies: z.int().min(0).max(limits.copiesPerRelease),
  /**
   * These copies replace those of other releases, by the rules of a Kubernetes Deployment: at most
   * `copies + maxSurge` run together, at least `copies - maxUnavailable` are ready. The replaced releases
   * have no workload of their own any more; the platform ends their copies. Content format 2.
   */
  rolling: z
    .strictObject({
      replaces: z.array(names.releaseId).min(1).max(limits.releasesPerApp),
      maxSurge: z.int().min(0).max(limits.copiesPerRelease),
      maxUnavailable: z.int().min(0).max(limits.copiesPerRelease),
      /** A copy counts once it has been ready for this long. */
      minReadyMs: z.int().min(0).max(limits.progressDeadlineMs),
      progressDeadlineMs: z.int().min(0).max(limits.progressDeadlineMs),
      /** No copy is started or ended for the replacement meanwhile. */
      paused: z.boolean(),
    })
    .optional(),
})

export const weight = z.strictObject({
  release: names.releaseId,
  /** Relative share, Gateway API: 0 means no traffic. */
  weight: z.int().min(0).max(1_000_000),
})

/**
 * How an app's users are split over the releases of its position: a user's side is a hash of the key's
 * value and the seed, so it is the same at every agent, and a growing weight moves nobody back (P10).
 */
export const split = z.strictObject({
  /** 32 bits, of the release that the weights lead to. */
  seed: z.int().min(0).max(0xffff_ffff),
  key: userKey,
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
      /** The targets that must have them; left out: all. Content format 2. */
      targets: z.array(names.releaseId).min(1).max(16).optional(),
    })
    .optional(),
  /**
   * Holds for `weights`, in their order: the first release has the keys from 0 up to its share, and so on.
   * A weight list with one release needs none. Content format 2.
   */
  split: split.optional(),
  /** Releases whose drain deadline has passed: agents close what is still open on them. */
  close: z.array(names.releaseId).max(16).optional(),
})

/** Control's signing keys: agents pin exactly these once they hold the snapshot. Content format 2. */
export const keysObject = z.strictObject({
  kind: z.literal('keys'),
  key: z.literal('keys'),
  publicKeys: z.array(publicKeyText).min(1).max(16),
})

export const snapshotObject = z.discriminatedUnion('kind', [
  routeObject,
  backendObject,
  workloadObject,
  positionObject,
  keysObject,
])

export type RouteObject = z.infer<typeof routeObject>
export type BackendObject = z.infer<typeof backendObject>
export type WorkloadObject = z.infer<typeof workloadObject>
export type KubernetesWorkload = z.infer<typeof kubernetesWorkload>
export type PositionObject = z.infer<typeof positionObject>
export type KeysObject = z.infer<typeof keysObject>
export type Split = z.infer<typeof split>
export type SnapshotObject = z.infer<typeof snapshotObject>

export const routeKey = (app: string, route: string) => `route/${app}/${route}`
export const previewKey = (app: string, release: string) => `preview/${app}/${release}`
/** `place` tells the routes of one Ingress apart. */
export const ingressRouteKey = (ingress: string, place: string) => `ingress/${ingress}/${place}`
export const backendKey = (release: string) => `backend/${release}`
export const workloadKey = (release: string) => `workload/${release}`
export const positionKey = (app: string) => `position/${app}`
export const keysKey = 'keys'

/** The content format that an object needs: agents of format 1 would refuse the whole snapshot. */
export function formatOf(object: SnapshotObject): 1 | 2 {
  switch (object.kind) {
    case 'route':
      return object.service ||
        object.responseHeaders ||
        object.timeouts ||
        object.loadBalance ||
        object.hosts.includes(anyHost) ||
        object.matches.some((match) => match.cookies)
        ? 2
        : 1
    case 'backend':
      return object.shares || object.links || object.platform === 'kubernetes' ? 2 : 1
    case 'workload':
      return object.rolling || object.kubernetes ? 2 : 1
    case 'position':
      return object.split || object.next?.targets ? 2 : 1
    case 'keys':
      return 2
  }
}

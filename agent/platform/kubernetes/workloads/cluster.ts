/**
 * The port to the API server: five verbs on plain objects. What may be expected of a shared server is a value
 * (somebody else was faster, it is not there, we may not); that it is away is an error that is thrown.
 */

export const kinds = {
  Deployment: { apiVersion: 'apps/v1', plural: 'deployments' },
  ReplicaSet: { apiVersion: 'apps/v1', plural: 'replicasets' },
  Service: { apiVersion: 'v1', plural: 'services' },
  Pod: { apiVersion: 'v1', plural: 'pods' },
  Namespace: { apiVersion: 'v1', plural: 'namespaces' },
  Event: { apiVersion: 'events.k8s.io/v1', plural: 'events' },
  HorizontalPodAutoscaler: { apiVersion: 'autoscaling/v2', plural: 'horizontalpodautoscalers' },
  Lease: { apiVersion: 'coordination.k8s.io/v1', plural: 'leases' },
} as const

export type Kind = keyof typeof kinds

/** Which one; a namespace itself is in none. */
export interface Ref {
  readonly kind: Kind
  readonly namespace: string | null
  readonly name: string
}

/** What is sent: a whole object, or the part of it that we own. */
export interface Body {
  readonly apiVersion: string
  readonly kind: Kind
  readonly metadata: {
    readonly name?: string
    readonly generateName?: string
    readonly namespace: string
    readonly resourceVersion?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
    readonly ownerReferences?: readonly unknown[]
  }
  readonly [field: string]: unknown
}

/**
 * conflict    it is not as it was when it was read, or not there any more
 * exists      a create found another
 * not-found   it, or its namespace
 * forbidden   RBAC says no
 * invalid     the API server does not accept it: its own words say why
 */
export interface Fault {
  readonly code: 'conflict' | 'exists' | 'not-found' | 'forbidden' | 'invalid'
  readonly message: string
}

export type Answer<T> = { readonly ok: true; readonly value: T } | ({ readonly ok: false } & Fault)

export interface ListOptions {
  readonly labels?: string
  /** At most so many: the rest is left out. */
  readonly countMax?: number
}

export interface Cluster {
  list(
    kind: Kind,
    namespace: string | null,
    options: ListOptions,
    signal: AbortSignal,
  ): Promise<Answer<readonly unknown[]>>
  get(ref: Ref, signal: AbortSignal): Promise<Answer<unknown>>
  /** Never changes an object that is there. */
  create(body: Body, signal: AbortSignal): Promise<Answer<unknown>>
  /**
   * `apply`: server-side apply of the fields that are ours, `merge`: RFC 7396. Both by our field manager, and
   * only if `resourceVersion` is still the object's.
   */
  patch(
    ref: Ref,
    type: 'apply' | 'merge',
    resourceVersion: string,
    body: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<Answer<unknown>>
  /** In the foreground, and only if it is still this one, unchanged. */
  delete(
    ref: Ref,
    precondition: { readonly uid: string; readonly resourceVersion: string },
    signal: AbortSignal,
  ): Promise<Answer<null>>
}

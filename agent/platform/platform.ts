/**
 * The port to where the copies of applications live, in two halves: `endpoints` are followed by every
 * agent, `workloads` are applied by the one that holds the lease. Adapters: `local` (a process that runs
 * copies as children), `static` (a file of addresses, which runs nothing and so replaces nothing) and
 * `kubernetes`.
 */
import type { IngressIntent } from '#wire/ingress.ts'
import type { BackendObject, WorkloadObject } from '#wire/object.ts'
import type { RollingReport, TroubleReport } from '#wire/report.ts'
import type { Endpoints } from '../link.ts'

export type Backend = Pick<BackendObject, 'app' | 'release' | 'version' | 'platform'>
export interface Workload
  extends Pick<
    WorkloadObject,
    'app' | 'release' | 'version' | 'program' | 'kubernetes' | 'copies' | 'rolling'
  > {
  /** Percent of the app's users whom it answers here, by the app's position; for eyes only. */
  readonly share?: number
}

/** Where a copy runs in Kubernetes. */
export interface Pod {
  readonly name: string
  readonly uid: string
  readonly node: string | null
  readonly zone: string | null
}

/** What a platform tells; each call has the whole of it. */
export interface PlatformListener {
  /** All ready endpoints, first once they are known, then at every change. */
  onEndpoints(endpoints: Endpoints): void
  /** How far copies have been replaced: one entry for each workload that replaces others. */
  onReplacements(replacements: readonly RollingReport[]): void
  /**
   * Why copies do not become ready: at most one entry for each release, with what to do where the platform
   * knows it. Words stay the same while nothing changes; a release without an entry has no trouble.
   */
  onTroubles(troubles: readonly TroubleReport[]): void
  /** The platform itself is away, or cannot be understood. */
  onTrouble(text: string): void
}

export interface Platform {
  /** While the platform is away nothing is told: the last known endpoints stay (P6). */
  follow(listener: PlatformListener): void
  /**
   * The releases that the snapshot names, and what shall run; an adapter translates with them. And the ids
   * of the Services that routes of Ingress objects lead to: their endpoints are told under these.
   */
  setBackends(
    backends: readonly Backend[],
    workloads: readonly Workload[],
    services?: readonly string[],
  ): void
  /** The pods behind the endpoints, by `endpointName`; for eyes only, made when somebody looks. */
  pods?(): ReadonlyMap<string, Pod>
  readonly workloads: Workloads | null
  /** Where objects of the platform ask for routes themselves. */
  readonly ingresses?: Ingresses | null
  close(): Promise<void>
}

/** What a cluster shall run, and which snapshot says so: an older one is refused. */
export interface DesiredWorkloads {
  readonly epoch: number
  readonly revision: number
  readonly workloads: readonly Workload[]
}

export interface Workloads {
  /** Takes or renews the lease; true while `holder` has it. */
  acquire(holder: string, signal: AbortSignal): Promise<boolean>
  /**
   * Only the lease's holder may; `older`: a newer snapshot has been applied already; `refused`: it is too much,
   * and the troubles say so.
   */
  apply(
    holder: string,
    desired: DesiredWorkloads,
    signal: AbortSignal,
  ): Promise<'applied' | 'not-holder' | 'older' | 'refused'>
}

export interface Ingresses {
  /** Brings control what the objects ask for, while `isHolder`; until the platform is closed. */
  keep(desk: IngressDesk, isHolder: () => boolean): void
}

/** Control, as far as Ingress objects go. Throws when it is away. */
export interface IngressDesk {
  list(signal: AbortSignal): Promise<readonly KnownIngress[]>
  /** Null: it is as asked. */
  put(
    namespace: string,
    name: string,
    intent: IngressIntent,
    signal: AbortSignal,
  ): Promise<IngressRefusal | null>
  remove(namespace: string, name: string, signal: AbortSignal): Promise<IngressRefusal | null>
}

export interface KnownIngress extends Pick<IngressIntent, 'uid' | 'hash'> {
  readonly namespace: string
  readonly name: string
  /** Every agent that is not silent serves it. */
  readonly served: boolean
  /** Who was refused lately because it has the route, in words. */
  readonly claimed?: string | undefined
}

/** Control's "no" to what was asked, by its stable code. */
export interface IngressRefusal {
  readonly code: string
  readonly detail: string
}

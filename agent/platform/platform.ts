/**
 * The port to where the copies of applications live, in two halves: `endpoints` are followed by every
 * agent, `workloads` are applied by the one that holds the lease. Adapters: `local` (a process that runs
 * copies as children) and `static` (a file of addresses, which runs nothing).
 */
import type { BackendObject, WorkloadObject } from '#wire/object.ts'
import type { Endpoints } from '../link.ts'

export type Backend = Pick<BackendObject, 'app' | 'release' | 'version' | 'platform'>
export type Workload = Pick<WorkloadObject, 'app' | 'release' | 'version' | 'program' | 'copies'>

export interface Platform {
  /**
   * Calls `onEndpoints` with all ready endpoints at every change, first once they are known. While the
   * platform is away nothing is called: the last known endpoints stay (P6).
   */
  follow(onEndpoints: (endpoints: Endpoints) => void, onTrouble: (text: string) => void): void
  /** The releases that the snapshot names; an adapter that lists versions translates with them. */
  setBackends(backends: readonly Backend[]): void
  readonly workloads: Workloads | null
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
  /** Only the lease's holder may; `older`: a newer snapshot has been applied already. */
  apply(
    holder: string,
    desired: DesiredWorkloads,
    signal: AbortSignal,
  ): Promise<'applied' | 'not-holder' | 'older'>
}

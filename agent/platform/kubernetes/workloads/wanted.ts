/** What the snapshot wants of Kubernetes: its workloads on this platform, one flat record for each release. */
import type { KubernetesWorkload, WorkloadObject } from '#wire/object.ts'
import type { Workload } from '../../platform.ts'

export interface Wanted extends KubernetesWorkload {
  readonly app: string
  readonly release: string
  readonly version: string
  readonly copies: number
  readonly share?: number
  readonly rolling?: WorkloadObject['rolling']
}

export const wantedOf = (workloads: readonly Workload[]): readonly Wanted[] =>
  workloads
    .flatMap(({ kubernetes, app, release, version, copies, share, rolling }) => {
      if (!kubernetes) return []
      const more = { ...(share !== undefined && { share }), ...(rolling && { rolling }) }
      return [{ ...kubernetes, app, release, version, copies, ...more }]
    })
    .sort((a, b) => (a.release < b.release ? -1 : 1))

/** Releases whose objects stay: those that are wanted, and those that they still replace. */
export function releasesKept(wanted: readonly Wanted[]): ReadonlySet<string> {
  return new Set(wanted.flatMap(({ release, rolling }) => [release, ...(rolling?.replaces ?? [])]))
}

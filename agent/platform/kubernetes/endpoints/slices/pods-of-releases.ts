/** What slices ask of the pods that they name. */
import type { KnownEndpoint, KnownSlice } from './endpoint-slice.ts'

/** What all pods say that are known, by the namespace of their release. */
export interface PodsOfReleases {
  over(release: string, namespace: string, slices: readonly KnownSlice[]): readonly KnownSlice[]
  /** Null: nobody has seen it. */
  wordOf(namespace: string, uid: string): PodWord | null
  /** By address, the uid of the pod that has it. */
  holders(): ReadonlyMap<string, string>
}

export type PodWord = KnownEndpoint['meaning'] | 'gone'

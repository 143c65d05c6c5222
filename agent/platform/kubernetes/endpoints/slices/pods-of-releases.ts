/** What slices ask of the pods that they name. */
import type { KnownEndpoint, KnownSlice } from './endpoint-slice.ts'

/** What all pods say that are known, by the namespace of their release. */
export interface PodsOfReleases {
  over(release: string, namespace: string, slices: readonly KnownSlice[]): readonly KnownSlice[]
  /** Null: nobody has seen it. */
  wordOf(namespace: string, uid: string): PodWord | null
  /** By address, the uids of the pods that have it: several on a host's network. */
  holders(): Holders
}

export type Holders = ReadonlyMap<string, ReadonlySet<string>>

export type PodWord = KnownEndpoint['meaning'] | 'gone'

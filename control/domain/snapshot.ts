/** A cluster's content and positions as the tree that agents hold. */
import { emptyTree, type Tree } from '#wire/tree.ts'
import type { State } from './state.ts'

/** Kept up to date by `evolve`. */
export const snapshotOf = (state: State, cluster: string): Tree =>
  state.clusters.get(cluster)?.tree ?? emptyTree
